import { expect, test } from "vitest";
import { calendar, exitOf } from "../../src/cli/commands/coverage.ts";
import { type CoverageState, paint } from "../../src/ops/coverage.ts";

test("what is known later lies over what was known before, and nothing is lost at the edges", () => {
  const loaded = paint([{ from: 0, to: 100, state: "never" }], { from: -10, to: 60, state: "loaded" });
  expect(loaded).toEqual([{ from: 0, to: 60, state: "loaded" }, { from: 60, to: 100, state: "never" }]);
  expect(paint(loaded, { from: 50, to: 80, state: "ids" })).toEqual([
    { from: 0, to: 50, state: "loaded" }, { from: 50, to: 60, state: "ids" }, { from: 60, to: 80, state: "ids" }, { from: 80, to: 100, state: "never" },
  ]);
});

test("a calendar has a line a month, each day in its place", () => {
  const lines = calendar([{ date: "2026-01-31", state: "ids" }, { date: "2026-02-01", state: "count" }, { date: "2026-02-02", state: "never" }]).split("\n");
  expect(lines.slice(0, 2)).toEqual([`2026-01  ${" ".repeat(30)}#`, "2026-02  +."]);
});

test("the exit code tells the worst: missing, unproven, neither", () => {
  const of = (...states: CoverageState[]) => exitOf({ pipeline: "orders", notProvable: null, wholeAt: null, days: states.map((state) => ({ date: "2026-01-01", state })) });
  expect([of("ids", "count", "loaded"), of("ids", "unproven"), of("ids", "never"), of("gap"), of("unproven", "missing", "ids"), of()]).toEqual([0, 3, 3, 3, 1, 3]);
  const whole = { pipeline: "shops", days: [], wholeAt: "2026-01-01T00:00:00.000Z" };
  expect([exitOf({ ...whole, notProvable: null }), exitOf({ ...whole, notProvable: "no versions" })]).toEqual([0, 3]);
});
