import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { type Job, pipelineName, startJob } from "../support/job.ts";

let job: Job;
afterEach(() => job.stop());

const perfect = { missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 };

test("two workers and two lanes at once share one budget; the source refuses nothing for its rate", async () => {
  job = await startJob({
    worker: "process", account: { limits: { perSecond: 5, perMinute: 100 } },
    source: { from: Date.now(), settleMs: 200, lookbackMs: 1_000, sweepEveryMs: 3_600_000, pageSize: 50, sliceRecords: 300 },
    jushuitan: { orders: 1_200, days: 2, perSecond: 5, perMinute: 100, insertsPerRequest: 1 },
  });
  job.startWorker();
  job.startWorker();
  await expect.poll(async () => (await sql`select 1 from worker`.execute(job.store.db)).rows.length, { timeout: 60_000 }).toBe(2);
  const now = Date.now();
  const backfill = job.backfill(now - 3 * 86_400_000, now);
  for (let run = 0; run < 3; run++) await job.sync();
  await backfill;
  await job.freeze();
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await job.sync();
  expect(await job.compare()).toMatchObject(perfect);
  const state = (await (await fetch(`${job.source.url}/_admin/state`)).json()) as { requests: { rateRefused: Record<string, number>; total: number } };
  expect(Object.values(state.requests.rateRefused).reduce((sum, count) => sum + count, 0)).toBe(0);
}, 240_000);

test("without a worker, waiting fails within 10 s and says what to do", async () => {
  job = await startJob({ worker: "none", jushuitan: { orders: 1 } });
  const began = performance.now();
  await expect(job.sync()).rejects.toMatchObject({ code: "TM_NO_WORKER" });
  expect(performance.now() - began).toBeLessThan(10_000);
}, 30_000);

test("outbound documents travel the same way, by their own id and page size", async () => {
  job = await startJob({
    source: { api: "/open/orders/out/simple/query", from: "all", lookbackMs: 500, sweepEveryMs: 3_600_000, pageSize: 50 }, mapping: { id: "io_id" },
    jushuitan: { orders: 500, changesPerRequest: 2 },
  });
  await job.sync();
  await job.freeze();
  await job.sync();
  const { compareSourceAndTarget } = await import("../../src/simulator/compare.ts");
  const api = "/open/orders/out/simple/query";
  const comparison = await compareSourceAndTarget({ jushuitanUrl: job.source.url, qeasyUrl: job.target.url, api });
  expect(comparison).toMatchObject(perfect);
  expect(comparison.source).toBeGreaterThan(200);
  expect(pipelineName(job)).toContain("orders");
}, 60_000);
