import { expect, test } from "vitest";
import { withStringMember } from "../../src/json/raw.ts";
import { compareSourceAndTarget } from "../../src/simulator/compare.ts";
import { startJushuitan } from "../../src/simulator/jushuitan/server.ts";
import { startQeasy } from "../../src/simulator/qeasy/server.ts";
import { Random } from "../../src/simulator/random.ts";
import type { Source, SourceAnswer } from "../../src/source/contract.ts";
import { createJushuitanSource, getApi } from "../../src/source/jushuitan/index.ts";
import { createQeasyTarget } from "../../src/target/qeasy.ts";
import type { Target } from "../../src/target/contract.ts";
import { ORDERS, qeasyOf, testConfig } from "../support/pipeline.ts";
import { sourceOf } from "./world.ts";

/**
 * The control of the seeds beside this test: the same sources, changing the same way, and the same oracle, but read the way
 * most tools read: page after page forward through the modified time since the last run, with an overlap, every failed
 * request repeated, nothing killed. It has to lose orders, or the others prove nothing.
 */
test("forward paging, by the same oracle, loses orders on most seeds", async () => {
  const lost: number[] = [];
  for (let seed = 1; seed <= 8; seed++) lost.push(await lostByForwardPaging(seed));
  expect(lost.filter((count) => count > 0).length, `lost or stale by seed: ${lost.join(", ")}`).toBeGreaterThanOrEqual(6);
}, 240_000);

const SETTLE_MS = 500;
const OVERLAP_MS = 3_000;

async function lostByForwardPaging(seed: number): Promise<number> {
  const app = { appKey: "k", appSecret: "s", accessToken: "0123456789" };
  const settings = { ...sourceOf(seed, new Random(seed)), archived: 0, clockOffsetMs: 0, windowEnd: "inclusive", windowOrder: "modified-asc", hasNext: "truthful" } as const;
  const simulator = await startJushuitan({ ...app, perSecond: null, perMinute: null, ...settings, faults: { ...settings.faults, code199: 0, code200: 0, code100: 0 } });
  const qeasy = await startQeasy({ seed });
  const config = testConfig({ account: { ...app, baseUrl: simulator.url }, target: { baseUrl: qeasy.url } });
  const source = createJushuitanSource({
    account: config.accounts["main"]!, api: getApi(ORDERS),
    deps: {
      token: () => Promise.resolve({ value: app.accessToken, version: 1 }), renewToken: () => Promise.resolve(), acquire: () => Promise.resolve(),
      pause: () => Promise.resolve(), clockOffsetMs: () => Promise.resolve(0), reportClock: () => Promise.resolve(),
    },
  });
  const target = createQeasyTarget(qeasyOf(config.pipelines["orders"]!));
  try {
    let since = Date.now() - 3 * 86_400_000;
    for (let run = 0; run < 6; run++) {
      const to = Math.floor((Date.now() - SETTLE_MS) / 1_000) * 1_000;
      await copyForward(source, target, since - OVERLAP_MS, to);
      since = to;
      if (run === 2) await fetch(`${simulator.url}/_admin/freeze`, { method: "POST" });
      await new Promise((resolve) => setTimeout(resolve, 600));
    }
    const { missing, stale } = await compareSourceAndTarget({ jushuitanUrl: simulator.url, qeasyUrl: qeasy.url, api: ORDERS });
    return missing + stale;
  } finally {
    await Promise.all([simulator.close(), qeasy.close()]);
  }
}

async function copyForward(source: Source, target: Target, from: number, to: number): Promise<void> {
  for (let page = 1, more = true; more; page++) {
    const answer = await repeated(() => source.readWindow({ from, to, page, pageSize: 50, params: {}, archive: false }, new AbortController().signal));
    const records = answer.rows.map((row) => ({ id: row.id!, recordId: row.id!, sourceId: row.id!, version: row.version!, slice: "1", json: withStringMember(row.raw, "id", row.id!) }));
    if (records.length > 0) await target.send(records, `${from}-${page}`, { signal: new AbortController().signal, beforeWrite: () => undefined });
    more = answer.hasNext === true;
  }
}

async function repeated(ask: () => Promise<SourceAnswer>): Promise<SourceAnswer> {
  for (;;) {
    const answer = await ask().catch(() => null);
    if (answer !== null) return answer;
  }
}
