import { expect, test } from "vitest";
import { parseDate, parseDateRange, parsePast } from "../../src/config/dates.ts";
import { configErrorOf } from "./support.ts";

test("dates and times without zone are Asia/Shanghai", () => {
  expect(parseDate("2026-01-31", "--from")).toBe(Date.UTC(2026, 0, 30, 16));
  expect(parseDate("2026-01-31 08:30", "--from")).toBe(Date.UTC(2026, 0, 31, 0, 30));
  expect(parseDate("2026-01-31T08:30:15", "--from")).toBe(Date.UTC(2026, 0, 31, 0, 30, 15));
});

test("a zone in the text counts", () => {
  expect(parseDate("2026-01-31T08:30:00Z", "--from")).toBe(Date.UTC(2026, 0, 31, 8, 30));
  expect(parseDate("2026-01-31T08:30:00-05:00", "--from")).toBe(Date.UTC(2026, 0, 31, 13, 30));
});

test.each(["", "soon", "2026-02-30", "2026-13-01", "31.01.2026", "2026-01-31T25:00"])("%j is no date", async (text) => {
  expect(await configErrorOf(() => parseDate(text, "--from"))).toMatchObject({ code: "TM_DATE", path: "--from", fix: expect.stringContaining("Asia/Shanghai") });
});

test("a range ends after it begins", async () => {
  expect(parseDateRange({ from: "2026-01-01", to: "2026-01-02" })).toEqual({ from: Date.UTC(2025, 11, 31, 16), to: Date.UTC(2026, 0, 1, 16) });
  expect(await configErrorOf(() => parseDateRange({ from: "2026-01-02", to: "2026-01-02" }))).toMatchObject({ code: "TM_DATE", path: "--to" });
  expect(await configErrorOf(() => parseDateRange({ from: "2026-01-02", to: "x" }))).toMatchObject({ code: "TM_DATE", path: "--to" });
});

test("a time to come is refused where only a past one makes sense", async () => {
  expect(await configErrorOf(() => parsePast("2999-01-01", "--from"))).toMatchObject({ code: "TM_DATE", path: "--from", message: expect.stringContaining("2999-01-01") as string, fix: expect.stringContaining("past") as string });
  expect(parsePast("2026-01-31T00:00:00Z", "--from")).toBe(Date.UTC(2026, 0, 31));
});
