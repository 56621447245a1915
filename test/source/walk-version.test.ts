import * as fc from "fast-check";
import { expect, test } from "vitest";
import type { SourceRow } from "../../src/source/contract.ts";
import { checkVersionPage } from "../../src/source/walk-version.ts";

const rows = (...versions: (bigint | null)[]): { rows: SourceRow[] } => ({
  rows: versions.map((version, i) => ({ id: String(i), version: version === null ? null : String(version), modifiedMs: null, shopId: null, raw: "{}" })),
});

test("a page that is not full ends the walk, whatever has_next says", () => {
  expect(checkVersionPage("5", 3, rows(5n, 9n))).toEqual({ last: "9", reachedEnd: true });
});

test("a full page with something above the version asked for does not", () => {
  expect(checkVersionPage("5", 2, rows(5n, 9n))).toEqual({ last: "9", reachedEnd: false });
});

test("versions are compared as whole numbers far beyond 2^53", () => {
  const base = 20260101000000455n;
  expect(checkVersionPage(String(base), 2, rows(base, base + 2n)).last).toBe("20260101000000457");
  expect(checkVersionPage("9", 2, rows(9n, 10n)).last).toBe("10");
});

test.each([
  ["TM_VERSION_ORDER", "below the version asked for", "5", rows(4n, 9n)],
  ["TM_VERSION_ORDER", "not ascending", "5", rows(9n, 7n)],
  ["TM_VERSION_STUCK", "full, and does not advance", "5", rows(5n, 5n)],
  ["TM_VERSION_MISSING", "without a version", "5", rows(6n, null)],
])("%s: a page %s is refused", (code, _what, from, answer) => {
  expect(() => checkVersionPage(from, 2, answer)).toThrow(expect.objectContaining({ code, kind: "walk" }));
});

test("any source that answers ascending versions is walked completely, duplicates at page borders included", () => {
  fc.assert(fc.property(fc.uniqueArray(fc.bigInt({ min: 2n, max: 2n ** 63n }), { maxLength: 60 }), fc.integer({ min: 2, max: 9 }), (versions, pageSize) => {
    const sorted = versions.toSorted((a, b) => (a < b ? -1 : 1));
    const seen = new Set<bigint>();
    let from = "1";
    for (let step = 0; step < 100; step++) {
      const page = sorted.filter((version) => version >= BigInt(from)).slice(0, pageSize);
      for (const version of page) seen.add(version);
      const { last, reachedEnd } = checkVersionPage(from, pageSize, rows(...page));
      if (reachedEnd) break;
      from = last;
    }
    expect(seen.size).toBe(sorted.length);
  }));
});
