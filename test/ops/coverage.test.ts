import { expect, test } from "vitest";
import { calendar } from "../../src/cli/commands/coverage.ts";
import { paint } from "../../src/ops/coverage.ts";

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
