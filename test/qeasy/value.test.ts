import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { importStrategies, readJson, writeJson } from "../../src/qeasy/index.ts";

const number = fc.oneof(
  fc.constantFrom("0", "-0", "1.50", "12345678901234567890", "1e400", "2E-5", "0.10", "20260101000000455"),
  fc.tuple(fc.bigInt(), fc.stringMatching(/^(?:\.\d{1,20})?$/)).map(([whole, fraction]) => `${whole}${fraction}`),
);
const text = fc.oneof(fc.string({ unit: "binary" }), fc.constantFrom("__proto__", "constructor", "toString", '"', "\\", "“", "//", "{{a}}")).map((value) => JSON.stringify(value));
const space = fc.constantFrom("", "", " ", "\n");
/** JSON texts with keys that are not all digits, whose order objects of JavaScript do not keep. */
const key = text.filter((json) => !/^"\d+"$/.test(json));
const { value } = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    number,
    text,
    fc.constantFrom("true", "false", "null"),
    fc.array(fc.tuple(space, tie("value"))).map((items) => `[${items.map((parts) => parts.join("")).join(",")}]`),
    fc.uniqueArray(fc.tuple(key, space, tie("value")), { selector: ([name]) => JSON.parse(name) as string }).map((members) => `{${members.map(([name, blank, held]) => `${name}:${blank}${held}`).join(",")}}`),
  ),
}));
/** The same text without blanks outside of strings, and strings as JSON.stringify writes them. */
const compact = (json: string): string => json.replaceAll(/"(?:[^"\\]|\\[\s\S])*"|\s+/g, (match) => (match.startsWith('"') ? JSON.stringify(JSON.parse(match)) : ""));

describe("values", () => {
  it("are written as they were read, every digit of every number", () => {
    fc.assert(fc.property(value, (json) => writeJson(readJson(json)) === compact(json)), { numRuns: 1000 });
  });

  it("a strategy that was not touched is exported as it was pasted", () => {
    fc.assert(
      fc.property(value, (json) => {
        const pasted = `{"api":"a.query","anything":${json}}`;
        const { source } = importStrategies([{ text: pasted }]);
        return writeJson(source!.json) === compact(pasted) && source!.original === pasted;
      }),
      { numRuns: 500 },
    );
  });

  it("text that was cut anywhere is refused, never half read", () => {
    fc.assert(
      fc.property(value, fc.double({ min: 0, max: 1, noNaN: true }), (json, share) => {
        const pasted = `{"api":"a.query","anything":${json}}`;
        const cut = pasted.slice(0, 1 + Math.floor(share * (pasted.length - 2)));
        expect(() => importStrategies([{ text: cut }])).toThrow(expect.objectContaining({ code: "TM_QEASY_JSON" }));
      }),
      { numRuns: 500 },
    );
  });

  it.each(["[1 2]", "{", "01", "nope", ""])("%j is no JSON", (json) => {
    expect(() => readJson(json)).toThrow(SyntaxError);
  });
});
