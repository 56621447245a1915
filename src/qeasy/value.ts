import { CLOSE_ARRAY, CLOSE_OBJECT, COMMA, OPEN_ARRAY, OPEN_OBJECT, QUOTE, skipSpace } from "../json/scan.ts";

/**
 * A number whose text JavaScript's own number would not print again: beyond 2^53, `206.00`, `1e3`. It holds the text as
 * it was written. Numbers that survive are plain numbers, so that most values are ordinary JSON values.
 */
export class ExactNumber {
  readonly text: string;
  constructor(text: string) {
    this.text = text;
  }
  toString(): string {
    return this.text;
  }
}

/** A JSON value in which no number has lost a digit. Objects have no prototype, so `__proto__` is a key like any other. */
export type Value = string | number | boolean | null | ExactNumber | Value[] | Members;
export interface Members {
  [key: string]: Value;
}

const NUMBER = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;

/** The value of a JSON number's text. */
export function exactNumber(text: string): number | ExactNumber {
  const number = Number(text);
  return String(number) === text ? number : new ExactNumber(text);
}

/** The number that a text holds by JSON's grammar, else undefined: `"0012"` and `"+1"` are no numbers. */
export function numberIn(text: string): number | ExactNumber | undefined {
  return NUMBER.test(text) ? exactNumber(text) : undefined;
}

export function isNumber(value: Value | undefined): value is number | ExactNumber {
  return typeof value === "number" || value instanceof ExactNumber;
}

export function isMembers(value: Value | undefined): value is Members {
  return typeof value === "object" && value !== null && !Array.isArray(value) && !(value instanceof ExactNumber);
}

export function newMembers(from?: Members): Members {
  return Object.assign(Object.create(null) as Members, from);
}

/** JSON text to a value. @throws SyntaxError as `JSON.parse`. */
export function readJson(text: string): Value {
  JSON.parse(text); // the reader below trusts the grammar
  return readValue(text, { at: 0 });
}

function readValue(text: string, cursor: { at: number }): Value {
  const first = nextChar(text, cursor);
  if (first === QUOTE) return readString(text, cursor);
  if (first === OPEN_ARRAY) {
    const list: Value[] = [];
    for (cursor.at++; nextChar(text, cursor) !== CLOSE_ARRAY; ) {
      if (text.charCodeAt(cursor.at) === COMMA) cursor.at++;
      list.push(readValue(text, cursor));
    }
    cursor.at++;
    return list;
  }
  if (first === OPEN_OBJECT) {
    const members = newMembers();
    for (cursor.at++; nextChar(text, cursor) !== CLOSE_OBJECT; ) {
      if (text.charCodeAt(cursor.at) === COMMA) cursor.at++;
      nextChar(text, cursor);
      const key = readString(text, cursor);
      nextChar(text, cursor);
      cursor.at++; // the colon
      members[key] = readValue(text, cursor);
    }
    cursor.at++;
    return members;
  }
  WORD.lastIndex = cursor.at;
  const word = WORD.exec(text)![0];
  cursor.at += word.length;
  return word === "null" ? null : word === "true" ? true : word === "false" ? false : exactNumber(word);
}

const WORD = /[\w.+-]+/y;

/** The first character's code that is no white space, with the cursor on it. */
function nextChar(text: string, cursor: { at: number }): number {
  cursor.at = skipSpace(text, cursor.at);
  return text.charCodeAt(cursor.at);
}

function readString(text: string, cursor: { at: number }): string {
  const start = cursor.at;
  const quote = text.indexOf('"', start + 1);
  const inside = text.slice(start + 1, quote);
  cursor.at = quote + 1;
  if (!inside.includes("\\")) return inside;
  ESCAPED.lastIndex = start;
  const whole = ESCAPED.exec(text)![0];
  cursor.at = start + whole.length;
  return JSON.parse(whole) as string;
}

const ESCAPED = /"(?:[^"\\]|\\.)*"/y;

/** JSON text of a value, its numbers digit for digit. */
export function writeJson(value: Value): string {
  if (value instanceof ExactNumber) return value.text;
  if (Array.isArray(value)) return `[${value.map(writeJson).join(",")}]`;
  if (isMembers(value)) return `{${Object.entries(value).map(([key, held]) => `${JSON.stringify(key)}:${writeJson(held)}`).join(",")}}`;
  return JSON.stringify(value);
}

/** The value inside a text: null is empty, lists and objects are JSON. */
export function textOf(value: Value | undefined): string {
  if (value === null || value === undefined) return "";
  return typeof value === "object" && !(value instanceof ExactNumber) ? writeJson(value) : String(value);
}

/**
 * The value at a dotted path. A key that is spelt like the whole rest of the path comes first; digits pick an element;
 * a path through a list gives the list of values. Undefined: not there.
 */
export function valueAt(value: Value | undefined, path: string): Value | undefined {
  if (path === "") return value;
  if (isMembers(value)) {
    if (Object.hasOwn(value, path)) return value[path];
    const dot = path.indexOf(".");
    if (dot < 0) return undefined;
    const key = path.slice(0, dot);
    return Object.hasOwn(value, key) ? valueAt(value[key], path.slice(dot + 1)) : undefined;
  }
  if (!Array.isArray(value)) return undefined;
  const index = /^(\d+)(?:\.|$)/.exec(path);
  if (index !== null) return valueAt(value[Number(index[1])], path.slice(index[0].length));
  const found = value.map((element) => valueAt(element, path));
  return found.every((each) => each === undefined) && found.length > 0 ? undefined : found.map((each) => each ?? null);
}

/** Whether an entry with this result counts as not filled: null, not there, or empty text. */
export function isEmpty(value: Value | undefined): boolean {
  return value === undefined || value === null || value === "";
}
