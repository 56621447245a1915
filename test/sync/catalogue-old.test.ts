import { afterAll, beforeAll, expect, test } from "vitest";
import { CATALOGUE } from "../../src/source/jushuitan/index.ts";
import { compareWalk } from "../support/walk.ts";
import { type Walked, walkUnderChange } from "../support/walk-all.ts";

const OLD = CATALOGUE.filter(({ method, notProvable, call }) => method !== null && notProvable === null && call !== true);

let walked: Walked;
beforeAll(async () => {
  walked = await walkUnderChange(OLD, "old");
}, 180_000);
afterAll(() => walked.close());

test.each(OLD)("$method of the old platform, walked under change, misses nothing and holds the newest of each row", async ({ path, cursors }) => {
  const found = await compareWalk(walked.source, path, walked.walks.get(path)!.held);
  expect({ ...found, source: 0 }).toEqual({ source: 0, missing: [], stale: [], unknown: [] });
  expect(found.source).toBeGreaterThan(7);
  expect(walked.ended.get(path)!.at(-1)).toBeNull();
  expect(walked.cursors[path]).toBe(cursors[0]);
});

test("each was asked by its own name, and archived records by theirs", async () => {
  const { requests: { byPath } } = (await (await fetch(`${walked.source.url}/_admin/state`)).json()) as { requests: { byPath: Record<string, number> } };
  const names = OLD.flatMap(({ method, historyMethod }) => [method!, ...(historyMethod === null ? [] : [historyMethod])]);
  expect(Object.keys(byPath).sort()).toEqual([...names].sort());
});
