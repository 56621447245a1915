import { setTimeout as sleep } from "node:timers/promises";
import pLimit from "p-limit";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type JushuitanSimulator, startJushuitan } from "../../src/simulator/jushuitan/server.ts";
import type { ApiDescription } from "../../src/source/contract.ts";
import { CATALOGUE } from "../../src/source/jushuitan/index.ts";
import { readNewest } from "../../src/source/pages.ts";
import type { Store } from "../../src/store/db.ts";
import { testStore } from "../support/pipeline.ts";
import { APP, compareWalk, sourceOf, startWalk, type Walk } from "../support/walk.ts";

const PROVABLE = CATALOGUE.filter((api) => api.notProvable === null && api.call !== true);
const WHOLE = PROVABLE.filter(({ windowKeys }) => windowKeys === null);

const SETTLE_MS = 1_500; // longer than a second and the latest commit
const LOOKBACK_MS = 1_000;

let store: Store;
let source: JushuitanSimulator;
const walks = new Map<string, Walk>();
/** Of runs on a source that never rests: null, or the code of what ended them. */
const ended = new Map<string, (string | null)[]>();

/** A run of every API, a few side by side. */
async function runAll(apis: readonly ApiDescription[]): Promise<void> {
  const limit = pLimit(6);
  await Promise.all(apis.map((api) => limit(async () => {
    const code = await walks.get(api.path)!.run().then(() => null, (error: { code?: string }) => {
      if (error.code === undefined) throw error;
      return error.code;
    });
    ended.set(api.path, [...(ended.get(api.path) ?? []), code]);
  })));
}

beforeAll(async () => {
  store = await testStore();
  source = await startJushuitan({
    ...APP, perSecond: null, perMinute: null, orders: 60, rows: 60, days: 0.5, archived: 0.3, hasNextType: "text", nullEmptyList: false,
    changesPerRequest: 1, insertsPerRequest: 1, lateCommits: { share: 0.3, minMs: 50, maxMs: 400 },
  });
  for (const api of PROVABLE) walks.set(api.path, await startWalk(store, source, api, { pageSize: 15, settleMs: SETTLE_MS, lookbackMs: LOOKBACK_MS }));
  await runAll(PROVABLE);
  await runAll(PROVABLE);
  await fetch(`${source.url}/_admin/freeze`, { method: "POST" });
  await sleep(LOOKBACK_MS + SETTLE_MS + 1_000);
  await runAll(PROVABLE);
}, 180_000);
afterAll(async () => {
  await source.close();
  await store.close();
});

describe("walked under change, with late commits,", () => {
  test.each(PROVABLE.map(({ path }) => path))("%s misses nothing and holds the newest of each row", async (path) => {
    const found = await compareWalk(source, path, walks.get(path)!.held);
    expect({ ...found, source: 0 }).toEqual({ source: 0, missing: [], stale: [], unknown: [] });
    expect(found.source).toBeGreaterThan(7);
    expect(ended.get(path)!.at(-1)).toBeNull();
  });

  test("a list that never holds still is unproven, and the next run tries again", () => {
    // All shops fit one page, where two passes may agree by chance.
    for (const { path } of WHOLE.filter(({ path }) => !path.startsWith("/open/shops/"))) expect(ended.get(path)).toEqual(["TM_SNAPSHOT_UNPROVEN", "TM_SNAPSHOT_UNPROVEN", null]);
  });
});

describe("the catalogue's limits are the interface's:", () => {
  const query = (api: ApiDescription, pageSize: number, widthMs = 3_600_000) => {
    const to = Math.floor(Date.now() / 1000) * 1000;
    return readNewest(sourceOf(source, api), { from: to - widthMs, to, pageSize, params: {} }, new AbortController().signal);
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
