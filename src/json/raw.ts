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

/** An element of an array with the values of the members that were asked for (undefined: not there, or no object). */
export interface Element extends Span {
  members: (Span | undefined)[];
}

const QUOTE = 34;
const COMMA = 44;
const BACKSLASH = 92;
const OPEN_ARRAY = 91;
const CLOSE_ARRAY = 93;
const OPEN_OBJECT = 123;
const CLOSE_OBJECT = 125;
const LETTER_CASE = 32; // `[` | 32 is `{`, `]` | 32 is `}`

function isSpace(char: number): boolean {
  return char === 32 || char === 10 || char === 13 || char === 9;
}

function skipSpace(text: string, at: number): number {
  let i = at;
  while (isSpace(text.charCodeAt(i))) i++;
  return i;
}

function unexpected(text: string, at: number): SyntaxError {
  return new SyntaxError(at < text.length ? `Unexpected character at ${at}` : "Unexpected end of JSON text");
}

/** The end of the string whose opening quote is at `at`. */
function stringEnd(text: string, at: number): number {
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
function valueEnd(text: string, at: number): number {
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
function walkMembers(text: string, at: number, names: readonly string[], onMember: OnMember): number {
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
function walkElements(text: string, at: number, onElement: (start: number) => number): void {
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

/** The raw texts of the elements of the array at `start`. */
export function elementsOf(text: string, start = 0): string[] {
  const elements: string[] = [];
  walkElements(text, skipSpace(text, start), (at) => {
    const end = valueEnd(text, at);
    elements.push(text.slice(at, end));
    return end;
  });
  return elements;
}

/** Like `elementsOf`, and in the same pass the values of the named members of the elements that are objects. */
export function elementsWithMembers(text: string, start: number, names: readonly string[]): Element[] {
  const elements: Element[] = [];
  walkElements(text, skipSpace(text, start), (at) => {
    const members: (Span | undefined)[] = Array.from({ length: names.length });
    const end = text.charCodeAt(at) === OPEN_OBJECT ? collect(text, at, names, members) : valueEnd(text, at);
    elements.push({ start: at, end, members });
    return end;
  });
  return elements;
}

function collect(text: string, at: number, names: readonly string[], into: (Span | undefined)[]): number {
  return walkMembers(text, at, names, (name, _keyStart, valueStart) => {
    const end = valueEnd(text, valueStart);
    into[name] = { start: valueStart, end }; // a later duplicate wins, as in JSON.parse
    return end;
  });
}

/** The values of the named top-level members of the object at `start`, in the order of `names`. */
export function memberSpans(text: string, start: number, names: readonly string[]): (Span | undefined)[] {
  const spans: (Span | undefined)[] = Array.from({ length: names.length });
  collect(text, skipSpace(text, start), names, spans);
  return spans;
}

/** A member of an object: its name decoded, name and value as they are written. */
export interface Member {
  name: string;
  rawName: string;
  raw: string;
}

/** All members of the object that the text is, in their order; a name that comes twice is there twice. */
export function membersOf(rawObject: string): Member[] {
  const members: Member[] = [];
  let i = skipSpace(rawObject, 0);
  if (rawObject.charCodeAt(i) !== OPEN_OBJECT) throw unexpected(rawObject, i);
  i = skipSpace(rawObject, i + 1);
  if (rawObject.charCodeAt(i) === CLOSE_OBJECT) return members;
  for (;;) {
    if (rawObject.charCodeAt(i) !== QUOTE) throw unexpected(rawObject, i);
    const nameEnd = stringEnd(rawObject, i);
    const rawName = rawObject.slice(i, nameEnd);
    const start = skipSpace(rawObject, skipSpace(rawObject, nameEnd) + 1); // past the colon
    const end = valueEnd(rawObject, start);
    members.push({ name: decoded(rawName), rawName, raw: rawObject.slice(start, end) });
    i = skipSpace(rawObject, end);
    if (rawObject.charCodeAt(i) === CLOSE_OBJECT) return members;
    if (rawObject.charCodeAt(i) !== COMMA) throw unexpected(rawObject, i);
    i = skipSpace(rawObject, i + 1);
  }
}

/** All members of an object with the raw texts of their values; of a name that comes twice the later one, as in JSON.parse. */
export function entriesOf(rawObject: string): Map<string, string> {
  return new Map(membersOf(rawObject).map(({ name, raw }) => [name, raw]));
}

/** The text that a JSON string (with its quotes) stands for. */
export function decoded(rawString: string): string {
  return rawString.includes("\\") ? (JSON.parse(rawString) as string) : rawString.slice(1, -1);
}

/** The value at a path of object keys; null when a key is missing or something on the way is not an object. */
export function findPath(text: string, path: readonly string[]): Span | null {
  let found: Span | null = null;
  const visit = (at: number, depth: number): number => {
    found = null;
    const name = path[depth];
    if (name === undefined || text.charCodeAt(at) !== OPEN_OBJECT) {
      const end = valueEnd(text, at);
      if (name === undefined) found = { start: at, end };
      return end;
    }
    return walkMembers(text, at, [name], (_name, _keyStart, valueStart) => visit(valueStart, depth + 1));
  };
  visit(skipSpace(text, 0), 0);
  return found;
}

/** The object without its top-level member of that name (all of them, if it comes twice); the rest byte for byte. */
export function withoutMember(rawObject: string, name: string): string {
  // Most rows do not have the member at all, which one search proves as long as no key can be written with escapes.
  if (!rawObject.includes(JSON.stringify(name)) && !rawObject.includes("\\")) return rawObject;
  const found: Span[] = [];
  walkMembers(rawObject, skipSpace(rawObject, 0), [name], (_name, keyStart, valueStart) => {
    const end = valueEnd(rawObject, valueStart);
    found.push({ start: keyStart, end });
    return end;
  });
  // Last first: what is cut never moves what is still to be cut.
  return found.reduceRight((text, { start, end }) => cutMember(text, start, end), rawObject);
}

/** Cuts a member with the white space round it and one comma. */
function cutMember(text: string, start: number, end: number): string {
  let before = start - 1;
  while (isSpace(text.charCodeAt(before))) before--;
  const after = skipSpace(text, end);
  if (text.charCodeAt(after) === COMMA) return text.slice(0, before + 1) + text.slice(after + 1);
  return text.slice(0, text.charCodeAt(before) === COMMA ? before : before + 1) + text.slice(after);
}

/** The object with `"name":"value"` as its first member, in place of any top-level member of that name; the rest byte for byte. */
export function withStringMember(rawObject: string, name: string, value: string): string {
  const rest = withoutMember(rawObject, name);
  const inside = rest.indexOf("{") + 1;
  const comma = rest.charCodeAt(skipSpace(rest, inside)) === CLOSE_OBJECT ? "" : ",";
  return `${rest.slice(0, inside)}${JSON.stringify(name)}:${JSON.stringify(value)}${comma}${rest.slice(inside)}`;
}

/**
 * The text of a JSON string, or a number exactly as it is written; null for `null`, `""`, booleans, objects and arrays.
 * The string is decoded, never trimmed.
 */
export function scalarText(raw: string): string | null {
  const value = raw.trim();
  const first = value.charCodeAt(0);
  if (first === QUOTE) {
    const text = decoded(value);
    return text === "" ? null : text;
  }
  return first === 45 || (first >= 48 && first <= 57) ? value : null;
}

/**
 * The digits of a row version (a whole number, or text that holds one), without leading zeros. Null for anything else:
 * negative numbers, and fractions and exponents too (`1.0e16`), because who writes those may have rounded already.
 */
export function decimalDigits(raw: string): string | null {
  const digits = /^\s*0*(\d+)\s*$/.exec(scalarText(raw) ?? "");
  return digits?.[1] ?? null;
}
