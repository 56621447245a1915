/**
 * Reads JSON text without building values, so that no number is ever rounded and nothing is written anew.
 * Every function expects text that a validating parser has accepted (`JSON.parse`); on other text the result is
 * undefined or a SyntaxError, but the functions always end. Offsets are UTF-16 code units.
 */

/** A value inside a text: `text.slice(start, end)` is the value without surrounding white space. */
export interface Span {
  start: number;
  end: number;
}

export const QUOTE = 34;
export const COMMA = 44;
const BACKSLASH = 92;
export const OPEN_ARRAY = 91;
export const CLOSE_ARRAY = 93;
export const OPEN_OBJECT = 123;
export const CLOSE_OBJECT = 125;
const LETTER_CASE = 32; // `[` | 32 is `{`, `]` | 32 is `}`

export function isSpace(char: number): boolean {
  return char === 32 || char === 10 || char === 13 || char === 9;
}

export function skipSpace(text: string, at: number): number {
  let i = at;
  while (isSpace(text.charCodeAt(i))) i++;
  return i;
}

export function unexpected(text: string, at: number): SyntaxError {
  return new SyntaxError(at < text.length ? `Unexpected character at ${at}` : "Unexpected end of JSON text");
}

/** The end of the string whose opening quote is at `at`. */
export function stringEnd(text: string, at: number): number {
  let quote = at;
  for (;;) {
    quote = text.indexOf('"', quote + 1);
    if (quote < 0) throw unexpected(text, text.length);
    if (text.charCodeAt(quote - 1) !== BACKSLASH) return quote + 1;
    let before = quote - 2;
    while (text.charCodeAt(before) === BACKSLASH) before--;
    if ((quote - before) % 2 === 1) return quote + 1; // an even number of backslashes escapes only itself
  }
}

function containerEnd(text: string, at: number): number {
  const length = text.length;
  let depth = 0;
  let i = at;
  while (i < length) {
    const char = text.charCodeAt(i);
    if (char === QUOTE) {
      i = stringEnd(text, i);
      continue;
    }
    i++;
    if (char < OPEN_ARRAY) continue;
    const bracket = char | LETTER_CASE;
    if (bracket === OPEN_OBJECT) depth++;
    else if (bracket === CLOSE_OBJECT && --depth === 0) return i;
  }
  throw unexpected(text, length);
}

/** The end of the value that starts at `at`. */
export function valueEnd(text: string, at: number): number {
  const char = text.charCodeAt(at);
  if (char === QUOTE) return stringEnd(text, at);
  if (char === OPEN_OBJECT || char === OPEN_ARRAY) return containerEnd(text, at);
  let i = at;
  for (; i < text.length; i++) {
    const next = text.charCodeAt(i);
    if (next === COMMA || next === CLOSE_ARRAY || next === CLOSE_OBJECT || isSpace(next)) break;
  }
  if (i === at) throw unexpected(text, at);
  return i;
}

type OnMember = (name: number, keyStart: number, valueStart: number) => number;

/** Walks the members of the object at `at`; `onMember` gets those with one of the names and answers where the value ends. */
export function walkMembers(text: string, at: number, names: readonly string[], onMember: OnMember): number {
  if (text.charCodeAt(at) !== OPEN_OBJECT) throw unexpected(text, at);
  let i = skipSpace(text, at + 1);
  if (text.charCodeAt(i) === CLOSE_OBJECT) return i + 1;
  for (;;) {
    const keyStart = i;
    let escaped = false;
    for (i++; ; i++) {
      const char = text.charCodeAt(i);
      if (char === QUOTE) break;
      if (char === BACKSLASH) {
        escaped = true;
        i++;
      }
      if (i >= text.length) throw unexpected(text, i);
    }
    const name = escaped
      ? names.indexOf(JSON.parse(text.slice(keyStart, i + 1)) as string)
      : nameAt(text, keyStart + 1, i, names);
    i = skipSpace(text, i + 1);
    i = skipSpace(text, i + 1); // past the colon
    i = skipSpace(text, name < 0 ? valueEnd(text, i) : onMember(name, keyStart, i));
    const char = text.charCodeAt(i);
    if (char === CLOSE_OBJECT) return i + 1;
    if (char !== COMMA) throw unexpected(text, i);
    i = skipSpace(text, i + 1);
  }
}

function nameAt(text: string, start: number, end: number, names: readonly string[]): number {
  const length = end - start;
  for (let n = 0; n < names.length; n++) {
    const name = names[n] as string;
    if (name.length === length && text.startsWith(name, start)) return n;
  }
  return -1;
}

/** Walks the elements of the array at `at`; `onElement` answers where the element ends. */
export function walkElements(text: string, at: number, onElement: (start: number) => number): void {
  if (text.charCodeAt(at) !== OPEN_ARRAY) throw unexpected(text, at);
  let i = skipSpace(text, at + 1);
  if (text.charCodeAt(i) === CLOSE_ARRAY) return;
  for (;;) {
    i = skipSpace(text, onElement(i));
    const char = text.charCodeAt(i);
    if (char === CLOSE_ARRAY) return;
    if (char !== COMMA) throw unexpected(text, i);
    i = skipSpace(text, i + 1);
  }
}
