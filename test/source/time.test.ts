import * as fc from "fast-check";
import { DateTime } from "luxon";
import { describe, expect, it } from "vitest";
import { ceilToSecond, floorToSecond, formatShanghai, parseShanghai } from "../../src/source/time.ts";

const zone = "Asia/Shanghai";
const instant = fc.integer({ min: Date.UTC(1992, 0, 1), max: Date.UTC(2200, 0, 1) });

describe("Asia/Shanghai", () => {
  it("writes an instant as a time zone database does", () => {
    fc.assert(
      fc.property(instant, (ms) => {
        expect(formatShanghai(ms)).toBe(DateTime.fromMillis(ms, { zone }).toFormat("yyyy-MM-dd HH:mm:ss"));
      }),
    );
  });

  it("reads what it wrote, to the second", () => {
    fc.assert(
      fc.property(instant, (ms) => {
        expect(parseShanghai(formatShanghai(ms))).toBe(floorToSecond(ms));
      }),
    );
  });

  it("reads ISO times of any zone", () => {
    fc.assert(
      fc.property(instant, fc.constantFrom("utc", zone, "America/St_Johns", "Asia/Kathmandu"), (ms, other) => {
        expect(parseShanghai(DateTime.fromMillis(ms, { zone: other }).toISO() ?? "")).toBe(ms);
      }),
    );
  });

  it("rounds to whole seconds that enclose the instant", () => {
    fc.assert(
      fc.property(instant, (ms) => {
        expect(floorToSecond(ms) % 1000).toBe(0);
        expect(ceilToSecond(ms) % 1000).toBe(0);
        expect(ms - floorToSecond(ms)).toBeGreaterThanOrEqual(0);
        expect(ceilToSecond(ms) - ms).toBeGreaterThanOrEqual(0);
        expect(ceilToSecond(ms) - floorToSecond(ms)).toBe(ms % 1000 === 0 ? 0 : 1000);
      }),
    );
  });

  it.each([
    ["2026-01-01 10:30:02", Date.UTC(2026, 0, 1, 2, 30, 2)],
    [" 2026-01-01 10:30:02.125 ", Date.UTC(2026, 0, 1, 2, 30, 2, 125)],
    ["2026-01-01 10:30:02.1234567", Date.UTC(2026, 0, 1, 2, 30, 2, 123)],
    ["2026-01-01", Date.UTC(2025, 11, 31, 16)],
    ["2026/1/1 9:05:00", Date.UTC(2026, 0, 1, 1, 5)],
    ["2026-01-01T10:30:02Z", Date.UTC(2026, 0, 1, 10, 30, 2)],
    ["2026-01-01T10:30:02+0800", Date.UTC(2026, 0, 1, 2, 30, 2)],
    ["2026-01-01T10:30:02-03:30", Date.UTC(2026, 0, 1, 14, 0, 2)],
    ["2026-01-01T10:30+08", Date.UTC(2026, 0, 1, 2, 30)],
  ])("reads %s", (text, ms) => {
    expect(parseShanghai(text)).toBe(ms);
  });

  it.each(["", "null", "0001-01-01 00:00:00", "0001-01-01", "1900-01-01 00:00:00", "1970-01-01 08:00:00", "9999-12-31 23:59:59",
    "2026-02-30 00:00:00", "2026-13-01", "2026-01-01 24:00:00", "2026-01-01 10:61:00", "yesterday", "1767225600"])(
    "finds no time in %j",
    (text) => {
      expect(parseShanghai(text)).toBeNull();
    },
  );
});
