import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { EXCERPT_LENGTH, excerpt, redact } from "../../../src/source/jushuitan/redact.ts";

describe("redact", () => {
  it("removes any known secret from any text, raw, URL-encoded or escaped", () => {
    const secret = fc.string({ unit: "grapheme", minLength: 4 }).filter((text) => text.trim().length >= 4);
    const writings = fc.constantFrom<(text: string) => string>(String, encodeURIComponent, (text) => JSON.stringify(text).slice(1, -1));
    fc.assert(
      fc.property(secret, fc.string(), fc.string(), writings, (value, before, after, write) => {
        fc.pre(!value.includes("*"));
        const safe = redact(`${before}${write(value)}${after}`, [value]);
        expect(safe).not.toContain(value);
        expect(safe).not.toContain(write(value));
      }),
    );
  });

  it.each([
    'access_token=abcdef&x=1',
    '{"access_token":"abcdef","x":1}',
    '{"refresh_token" : "abcdef"',
    String.raw`"{\"access_token\":\"abcdef\"}"`,
    "access_token%3Dabcdef%26",
    "&quot;app_key&quot;:&quot;abcdef&quot;",
    "sign=abcdef",
  ])("removes what a name gives away: %s", (text) => {
    expect(redact(text, [])).not.toContain("abcdef");
  });

  it("removes a known secret in any case of letters", () => {
    expect(redact("is HUNTER-2 or Hunter-2", ["hunter-2"])).toBe("is *** or ***");
  });

  it("removes long runs that may be tokens nobody knows yet", () => {
    expect(redact("token <0123456789abcdef0123456789abcdef>", [])).not.toContain("0123456789abcdef");
  });
});

describe("excerpt", () => {
  it("never shows order data: a JSON answer ends at its first list", () => {
    const shown = excerpt('{"code":0,"msg":"","data":{"orders":[{"o_id":880001,"receiver_name":"张三"', []);
    expect(shown).toBe('{"code":0,"msg":"","data":{"orders":[…');
  });

  it("is one line of at most 200 characters", () => {
    const shown = excerpt(`<html>\n${"long line ".repeat(100)}`, []);
    expect(shown.length).toBe(EXCERPT_LENGTH);
    expect(shown).not.toContain("\n");
  });
});
