import { CLOSE_OBJECT, COMMA, isSpace, OPEN_OBJECT, QUOTE, skipSpace, type Span, stringEnd, unexpected, valueEnd, walkElements, walkMembers } from "./scan.ts";

/** An element of an array with the values of the members that were asked for (undefined: not there, or no object). */
export interface Element extends Span {
  members: (Span | undefined)[];
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
