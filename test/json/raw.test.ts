import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  decimalDigits,
  elementsOf,
  elementsWithMembers,
  entriesOf,
  findPath,
  memberSpans,
  scalarText,
  withoutMember,
  withStringMember,
} from "../../src/json/raw.ts";

/** JSON text with white space, escapes and duplicate keys as JSON.stringify would never write them. */
const space = fc.constantFrom("", "", "", " ", "\n", "\t", "\r\n  ");
const character = fc.oneof(
  fc.string({ unit: "binary", minLength: 1, maxLength: 3 }).map((text) => JSON.stringify(text).slice(1, -1)),
  fc.constantFrom("\\\\", '\\"', "\\/", "\\u0069", "\\u0064", "\\ud83d\\ude0a", "{", "}", "[", "]", ",", ":", "围巾", "😊"),
);
const stringText = fc.array(character, { maxLength: 6 }).map((parts) => `"${parts.join("")}"`);
const keyText = fc.oneof(
  fc.constantFrom('"id"', '"\\u0069d"', '"i\\u0064"', '"data"', '"d\\u0061ta"', '"orders"', '"ts"', '"__proto__"', '"a\\"b"', '""'),
  stringText,
);
const scalar = fc.oneof(
  fc.constantFrom("null", "true", "false", "0", "-0", "1e9", "1.50", "-12.5E-3", "20260101000000455", '""'),
  stringText,
);
const { value, object, array } = fc.letrec<{ value: string; object: string; array: string }>((tie) => ({
  object: fc
    .tuple(space, fc.array(fc.tuple(space, keyText, space, space, tie("value"), space), { maxLength: 5 }))
    .map(([blank, members]) => `{${members.map(([a, key, b, c, held, d]) => `${a}${key}${b}:${c}${held}${d}`).join(",") || blank}}`),
  array: fc
    .tuple(space, fc.array(fc.tuple(space, tie("value"), space), { maxLength: 5 }))
    .map(([blank, held]) => `[${held.map((parts) => parts.join("")).join(",") || blank}]`),
  value: fc.oneof({ maxDepth: 4 }, scalar, tie("object"), tie("array")),
}));
const runs = { numRuns: 2000 };
const names = ["id", "data", "a\"b", "", "__proto__"];

function slice(text: string, span: { start: number; end: number } | null | undefined): string | undefined {
  return span ? text.slice(span.start, span.end) : undefined;
}

/** What JSON.parse holds under a key of its own, undefined when it has none. */
function held(parsed: unknown, key: string): unknown {
  return typeof parsed === "object" && parsed !== null && !Array.isArray(parsed) && Object.hasOwn(parsed, key)
    ? Object.getOwnPropertyDescriptor(parsed, key)?.value
    : undefined;
}

function parsedOrUndefined(raw: string | undefined): unknown {
  return raw === undefined ? undefined : JSON.parse(raw);
}

function members(text: string): [string, unknown][] {
  return Object.entries(JSON.parse(text) as Record<string, unknown>);
}

describe("any JSON text", () => {
  it("gives the elements of an array as JSON.parse does, without white space round them", () => {
    fc.assert(
      fc.property(space, array, space, (before, text, after) => {
        const elements = elementsOf(before + text + after);
        expect(elements.map((raw) => JSON.parse(raw) as unknown)).toEqual(JSON.parse(text));
        expect(elements.every((raw) => raw === raw.trim())).toBe(true);
      }),
      runs,
    );
  });

  it("gives all members as JSON.parse does, without white space round their values", () => {
    fc.assert(
      fc.property(space, object, (before, text) => {
        const entries = entriesOf(before + text);
        const parsed = [...entries].map(([key, raw]): [string, unknown] => [key, JSON.parse(raw)]);
        expect(new Map(parsed)).toEqual(new Map(members(text)));
        expect([...entries.values()].every((raw) => raw === raw.trim())).toBe(true);
      }),
      runs,
    );
  });

  it("gives top-level members as JSON.parse does: escaped keys, last duplicate", () => {
    fc.assert(
      fc.property(space, object, (before, text) => {
        const spans = memberSpans(before + text, 0, names);
        const parsed: unknown = JSON.parse(text);
        expect(spans.map((span) => parsedOrUndefined(slice(before + text, span)))).toEqual(names.map((name) => held(parsed, name)));
      }),
      runs,
    );
  });

  it("gives elements and their members in one pass", () => {
    fc.assert(
      fc.property(array, (text) => {
        const elements = elementsWithMembers(text, 0, names);
        expect(elements.map((element) => slice(text, element))).toEqual(elementsOf(text));
        const parsed = JSON.parse(text) as unknown[];
        expect(elements.map(({ members }) => members.map((span) => parsedOrUndefined(slice(text, span))))).toEqual(
          parsed.map((entry) => names.map((name) => held(entry, name))),
        );
      }),
      runs,
    );
  });

  it("follows a path as JSON.parse does", () => {
    fc.assert(
      fc.property(value, fc.subarray(["data", "id", "orders"]), (inner, path) => {
        const text = `{"data":1,"data":{"id":${inner},"orders":[]},"id":${inner}}`;
        const parsed: unknown = path.reduce(held, JSON.parse(text) as unknown);
        expect(parsedOrUndefined(slice(text, findPath(text, path)))).toEqual(parsed);
        const wild: unknown = path.reduce(held, JSON.parse(inner) as unknown);
        expect(parsedOrUndefined(slice(inner, findPath(inner, path)))).toEqual(wild);
      }),
      runs,
    );
  });

  it("removes a member and nothing else", () => {
    fc.assert(
      fc.property(object, fc.constantFrom(...names), (text, name) => {
        expect(members(withoutMember(text, name))).toEqual(members(text).filter(([key]) => key !== name));
      }),
      runs,
    );
  });

  it("puts a member first, whatever stood there before", () => {
    fc.assert(
      fc.property(object, fc.string(), (text, id) => {
        const changed = withStringMember(text, "id", id);
        const others = members(text).filter(([key]) => key !== "id");
        expect(new Map(members(changed))).toEqual(new Map([["id", id], ...others]));
        expect(changed.startsWith(`{"id":${JSON.stringify(id)}`)).toBe(true);
        const prefix = `"id":${JSON.stringify(id)}${members(text).length === 0 ? "" : ","}`;
        if (others.length === members(text).length) expect(changed).toBe(`{${prefix}${text.slice(1)}`);
      }),
      runs,
    );
  });

  it("decodes scalars as JSON.parse does", () => {
    fc.assert(
      fc.property(value, (raw) => {
        const parsed: unknown = JSON.parse(raw);
        const expected = typeof parsed === "string" ? parsed || null : typeof parsed === "number" ? raw : null;
        expect(scalarText(raw)).toBe(expected);
      }),
      runs,
    );
  });
});

describe("byte for byte", () => {
  it("keeps digits that a double cannot hold", () => {
    const text = '{"data" : {"orders":[ {"ts":20260101000000455,"amount":206.00} , {"ts":20260101000000457}]}}';
    const list = findPath(text, ["data", "orders"]);
    const rows = elementsWithMembers(text, list?.start ?? -1, ["ts"]);
    expect(rows.map((row) => slice(text, row.members[0]))).toEqual(["20260101000000455", "20260101000000457"]);
    expect(slice(text, rows[0])).toBe('{"ts":20260101000000455,"amount":206.00}');
  });

  it.each([
    ["{}", '{"id":"7"}'],
    [" { } ", ' {"id":"7" } '],
    ['{"o_id": 7.0 }', '{"id":"7","o_id": 7.0 }'],
    ['{"id":1,"b":2}', '{"id":"7","b":2}'],
    ['{ "a":1 , "id" : {"id":[1,2]} , "b":2.50 }', '{"id":"7", "a":1 , "b":2.50 }'],
    ['{"a":1,"id":1,"\\u0069d":2}', '{"id":"7","a":1}'],
    ['{"id":1}', '{"id":"7"}'],
    ['{"a":{"id":1},"t":"\\"id\\""}', '{"id":"7","a":{"id":1},"t":"\\"id\\""}'],
  ])("%s becomes %s", (before, after) => {
    expect(withStringMember(before, "id", "7")).toBe(after);
  });
});

describe("row versions", () => {
  it.each([
    ["20260101000000455", "20260101000000455"],
    ['"20260101000000463"', "20260101000000463"],
    ['" 42 "', "42"],
    ["0", "0"],
    ['"000120"', "120"],
    ["9223372036854775807", "9223372036854775807"],
    ["-5", null],
    ["1.0e16", null],
    ["12.0", null],
    ['"0x1F"', null],
    ['""', null],
    ["null", null],
    ["true", null],
    ["[1]", null],
  ])("%s is read as %s", (raw, digits) => {
    expect(decimalDigits(raw)).toBe(digits);
  });
});

describe("text that is no JSON", () => {
  it("ends with a SyntaxError instead of running on", () => {
    for (const text of ["", "[", '["a', "[1", "[1 2]", "[1,", '["\\"]']) expect(() => elementsOf(text)).toThrow(SyntaxError);
    for (const text of ["", "{", '{"a', '{"a"', '{"a":', '{"a":1', '{"a":"\\"}', '{"a":1 "b":2}']) {
      expect(() => memberSpans(text, 0, ["a"])).toThrow(SyntaxError);
      expect(() => entriesOf(text)).toThrow(SyntaxError);
    }
  });
});
