import { createHash } from "node:crypto";

/**
 * Reads JSON as bytes without building values: what a simulator holds or compares stays digit for digit what was on the
 * wire. Deliberately not the scanner of the program under test, so that a mistake there is not repeated here.
 */

/** A member of an object: offsets in bytes, ends exclusive; the key's include its quotes. */
export interface Member {
  keyStart: number;
  keyEnd: number;
  valueStart: number;
  valueEnd: number;
}

/** A value: offsets in bytes, end exclusive; `members` are an object's, with offsets in the same bytes, null for anything else. */
export interface Span {
  start: number;
  end: number;
  members: Member[] | null;
}

const DEEPEST = 200;
const ESCAPES = new Set(Buffer.from('"\\/bfnrtu'));
const LITERALS = ["true", "false", "null"].map((word) => Buffer.from(word));

function fail(at: number): never {
  throw new SyntaxError(`invalid JSON at byte ${at}`);
}

function space(bytes: Uint8Array, at: number): number {
  let i = at;
  for (;;) {
    const byte = bytes[i];
    if (byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09) return i;
    i++;
  }
}

function string(bytes: Uint8Array, at: number): number {
  if (bytes[at] !== 0x22) fail(at);
  let i = at + 1;
  for (;;) {
    const byte = bytes[i];
    if (byte === 0x22) return i + 1;
    if (byte === undefined || byte < 0x20) fail(i);
    if (byte === 0x5c) {
      if (!ESCAPES.has(bytes[i + 1] ?? 0)) fail(i);
      i++;
    }
    i++;
  }
}

function digits(bytes: Uint8Array, at: number): number {
  let i = at;
  for (let byte = bytes[i]; byte !== undefined && byte >= 0x30 && byte <= 0x39; byte = bytes[i]) i++;
  return i === at ? fail(at) : i;
}

function number(bytes: Uint8Array, at: number): number {
  let i = bytes[at] === 0x2d ? at + 1 : at;
  const whole = i;
  i = digits(bytes, i);
  if (bytes[whole] === 0x30 && i > whole + 1) fail(whole);
  if (bytes[i] === 0x2e) i = digits(bytes, i + 1);
  if (bytes[i] === 0x65 || bytes[i] === 0x45) i = digits(bytes, bytes[i + 1] === 0x2b || bytes[i + 1] === 0x2d ? i + 2 : i + 1);
  return i;
}

function literal(bytes: Uint8Array, at: number): number {
  const word = LITERALS.find((candidate) => candidate.every((byte, i) => bytes[at + i] === byte));
  return word === undefined ? fail(at) : at + word.length;
}

function value(bytes: Uint8Array, at: number, depth: number): number {
  if (depth > DEEPEST) fail(at);
  switch (bytes[at]) {
    case 0x22:
      return string(bytes, at);
    case 0x7b:
      return object(bytes, at, depth, null);
    case 0x5b:
      return array(bytes, at, depth, null);
    case 0x74:
    case 0x66:
    case 0x6e:
      return literal(bytes, at);
    default:
      return number(bytes, at);
  }
}

function object(bytes: Uint8Array, at: number, depth: number, members: Member[] | null): number {
  let i = space(bytes, at + 1);
  if (bytes[i] === 0x7d) return i + 1;
  for (;;) {
    const keyStart = i;
    const keyEnd = string(bytes, i);
    i = space(bytes, keyEnd);
    if (bytes[i] !== 0x3a) fail(i);
    const valueStart = space(bytes, i + 1);
    const valueEnd = value(bytes, valueStart, depth + 1);
    members?.push({ keyStart, keyEnd, valueStart, valueEnd });
    i = space(bytes, valueEnd);
    if (bytes[i] === 0x7d) return i + 1;
    if (bytes[i] !== 0x2c) fail(i);
    i = space(bytes, i + 1);
  }
}

function array(bytes: Uint8Array, at: number, depth: number, elements: Span[] | null): number {
  let i = space(bytes, at + 1);
  if (bytes[i] === 0x5d) return i + 1;
  for (;;) {
    const members: Member[] | null = elements !== null && bytes[i] === 0x7b ? [] : null;
    const end = members === null ? value(bytes, i, depth + 1) : object(bytes, i, depth + 1, members);
    elements?.push({ start: i, end, members });
    i = space(bytes, end);
    if (bytes[i] === 0x5d) return i + 1;
    if (bytes[i] !== 0x2c) fail(i);
    i = space(bytes, i + 1);
  }
}

function nothingAfter(bytes: Uint8Array, end: number): void {
  if (space(bytes, end) !== bytes.length) fail(end);
}

/** The values of a document: the elements of an array, or the one value that it is. @throws SyntaxError */
export function documentValues(bytes: Uint8Array): Span[] {
  const start = space(bytes, 0);
  const elements: Span[] = [];
  if (bytes[start] === 0x5b) {
    nothingAfter(bytes, array(bytes, start, 0, elements));
    return elements;
  }
  const members: Member[] | null = bytes[start] === 0x7b ? [] : null;
  const end = members === null ? value(bytes, start, 0) : object(bytes, start, 0, members);
  nothingAfter(bytes, end);
  return [{ start, end, members }];
}

/** The members of the object that `bytes` is, in order; null when it is something else. @throws SyntaxError */
export function objectMembers(bytes: Uint8Array): Member[] | null {
  const start = space(bytes, 0);
  if (bytes[start] !== 0x7b) return null;
  const members: Member[] = [];
  nothingAfter(bytes, object(bytes, start, 0, members));
  return members;
}

function isKey(bytes: Uint8Array, member: Member, name: string): boolean {
  if (member.keyEnd - member.keyStart !== name.length + 2) return false;
  for (let i = 0; i < name.length; i++) if (bytes[member.keyStart + 1 + i] !== name.charCodeAt(i)) return false;
  return true;
}

/** The raw text of the last member with that (ASCII) name; null when there is none. */
export function memberText(bytes: Buffer, members: readonly Member[], name: string): string | null {
  const member = members.findLast((candidate) => isKey(bytes, candidate, name));
  return member === undefined ? null : bytes.toString("utf8", member.valueStart, member.valueEnd);
}

/** A JSON number's digits as written, or a JSON string's text; null for everything else. */
export function scalar(raw: string | null): string | null {
  if (raw === null) return null;
  if (raw.startsWith('"')) return JSON.parse(raw) as string;
  return /^[-\d]/.test(raw) ? raw : null;
}

/**
 * The object's bytes without each top-level member whose key is written exactly `"id"`. Cut is the text from the key's opening
 * quote up to and including the comma behind the value; a last member is cut from the comma before it to its value's end. So
 * `{"id":"7","o_id":7}` becomes `{"o_id":7}`: what inserting `"id":"…",` behind the opening brace added, and nothing else.
 */
export function withoutId(bytes: Buffer): Buffer {
  let left = bytes;
  while (left.includes('"id"')) {
    const current = left;
    const members = objectMembers(current) ?? [];
    const at = members.findIndex((member) => isKey(current, member, "id"));
    const member = members[at];
    if (member === undefined) break;
    const before = members[at - 1];
    const [from, to] =
      members[at + 1] !== undefined
        ? [member.keyStart, space(current, member.valueEnd) + 1]
        : [before === undefined ? member.keyStart : space(current, before.valueEnd), member.valueEnd];
    left = Buffer.concat([current.subarray(0, from), current.subarray(to)]);
  }
  return left;
}

/** SHA-256 (hex) of a record's text less its added `id`: equal for a row of the source and for that row in the target. */
export function contentHash(record: Buffer): string {
  return createHash("sha256").update(withoutId(record)).digest("hex");
}
