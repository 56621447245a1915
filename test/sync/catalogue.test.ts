import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { ApiDescription } from "../../src/source/contract.ts";
import { CATALOGUE } from "../../src/source/jushuitan/index.ts";
import { readNewest } from "../../src/source/pages.ts";
import { compareWalk, sourceOf } from "../support/walk.ts";
import { type Walked, walkUnderChange } from "../support/walk-all.ts";

const PROVABLE = CATALOGUE.filter((api) => api.notProvable === null && api.call !== true);
const WHOLE = PROVABLE.filter(({ windowKeys }) => windowKeys === null);

let walked: Walked;
beforeAll(async () => {
  walked = await walkUnderChange(PROVABLE);
}, 180_000);
afterAll(() => walked.close());

describe("walked under change, with late commits,", () => {
  test.each(PROVABLE)("$path misses nothing and holds the newest of each row", async ({ path, cursors }) => {
    const found = await compareWalk(walked.source, path, walked.walks.get(path)!.held);
    expect({ ...found, source: 0 }).toEqual({ source: 0, missing: [], stale: [], unknown: [] });
    expect(found.source).toBeGreaterThan(7);
    expect(walked.ended.get(path)!.at(-1)).toBeNull();
    expect(walked.cursors[path]).toBe(cursors[0]);
  });

  test("a list that never holds still is unproven, and the next run tries again", () => {
    // All shops fit one page, where two passes may agree by chance.
    for (const { path } of WHOLE.filter(({ path }) => !path.startsWith("/open/shops/"))) expect(walked.ended.get(path)).toEqual(["TM_SNAPSHOT_UNPROVEN", "TM_SNAPSHOT_UNPROVEN", null]);
  });
});

describe("the catalogue's limits are the interface's:", () => {
  const query = (api: ApiDescription, pageSize: number, widthMs = 3_600_000) => {
    const to = Math.floor(Date.now() / 1000) * 1000;
    return readNewest(sourceOf(walked.source, api), { from: to - widthMs, to, pageSize, params: {} }, new AbortController().signal);
  };

  test.each(PROVABLE)("$path: pages of $pageSize.max and no larger", async (api) => {
    await query(api, api.pageSize.max);
    await expect(query(api, api.pageSize.max + 1)).rejects.toMatchObject({ code: "TM_SOURCE_BUSINESS" });
  });

  test.each(PROVABLE.filter(({ windowKeys }) => windowKeys !== null))("$path: windows of $windowMs ms", async (api) => {
    await query(api, api.pageSize.max, api.windowMs);
    await expect(query(api, api.pageSize.max, api.windowMs + 5 * 86_400_000)).rejects.toMatchObject({ code: "TM_SOURCE_BUSINESS" });
  });
});
