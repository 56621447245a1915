import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import pLimit from "p-limit";
import { type JushuitanSimulator, startJushuitan } from "../../src/simulator/jushuitan/server.ts";
import type { ApiDescription } from "../../src/source/contract.ts";
import { testStore } from "./pipeline.ts";
import { APP, type Platform, startWalk, type Walk } from "./walk.ts";

const SETTLE_MS = 1_500; // longer than a second and the latest commit
const LOOKBACK_MS = 1_000;

/** APIs that were walked while their source changed between any two requests, with late commits, and once more at rest. */
export interface Walked {
  source: JushuitanSimulator;
  walks: Map<string, Walk>;
  /** Of each API's runs, in order: null, or the code of what ended it. */
  ended: Map<string, (string | null)[]>;
  /** How each API was followed in the end, by path. */
  cursors: Record<string, string>;
  close(): Promise<void>;
}

export async function walkUnderChange(apis: readonly ApiDescription[], platform: Platform = "new"): Promise<Walked> {
  const store = await testStore();
  const source = await startJushuitan({
    ...APP, perSecond: null, perMinute: null, orders: 60, rows: 60, days: 0.5, archived: 0.3, hasNextType: "text", nullEmptyList: false,
    changesPerRequest: 1, insertsPerRequest: 1, lateCommits: { share: 0.3, minMs: 50, maxMs: 400 },
  });
  const walks = new Map<string, Walk>();
  const ended = new Map<string, (string | null)[]>();
  for (const api of apis) walks.set(api.path, await startWalk(store, source, api, { pageSize: 15, settleMs: SETTLE_MS, lookbackMs: LOOKBACK_MS }, platform));

  async function runAll(): Promise<void> {
    const limit = pLimit(6);
    await Promise.all([...walks].map(([path, walk]) => limit(async () => {
      const code = await walk.run().then(() => null, (error: { code?: string }) => {
        if (error.code === undefined) throw error;
        return error.code;
      });
      ended.set(path, [...(ended.get(path) ?? []), code]);
    })));
  }

  await runAll();
  await runAll();
  await fetch(`${source.url}/_admin/freeze`, { method: "POST" });
  await sleep(LOOKBACK_MS + SETTLE_MS + 1_000);
  await runAll();
  const { rows } = await sql<{ pipeline: string; cursor: string }>`select pipeline, cursor from stream`.execute(store.db);
  const cursors = Object.fromEntries(rows.map(({ pipeline, cursor }) => [pipeline, cursor]));
  return { source, walks, ended, cursors, close: async () => void (await Promise.all([source.close(), store.close()])) };
}
