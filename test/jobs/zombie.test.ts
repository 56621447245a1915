import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { pipelineStatus } from "../../src/ops/status.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";

let job: Job;
afterEach(() => job.stop());

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const perfect = { missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 };

test("a worker frozen while it sends, which wakes after newer versions were loaded, leaves nothing older in the target", async () => {
  job = await startJob({
    worker: "process", runtime: { heartbeatMs: 1_500 },
    source: { from: "all", lookbackMs: 500, sweepEveryMs: 3_600_000, pageSize: 50, settleMs: 200 },
    target: { batchSize: 100, timeoutMs: 2_000, leaseMs: 3_000, zombieAfterMs: 2_000, parallel: 2 },
    jushuitan: { orders: 400 }, qeasy: { faults: { slow: { share: 1, ms: 300 } } },
  });
  const frozen = job.startWorker();
  await expect.poll(async () => (await sql`select 1 from worker`.execute(job.store.db)).rows.length, { timeout: 60_000 }).toBe(1);
  const run = job.sync();
  await expect.poll(async () => (await sql`select 1 from batch where state = 'sending'`.execute(job.store.db)).rows.length, { timeout: 60_000, interval: 10 }).toBeGreaterThan(0);
  process.kill(frozen.pid, "SIGSTOP");
  job.startWorker();
  await run;
  await fetch(`${job.source.url}/_admin/change`, { method: "POST", body: JSON.stringify({ count: 300 }) });
  await job.sync();
  process.kill(frozen.pid, "SIGCONT");
  await wait(3_000);
  await expect.poll(async () => {
    await job.sync();
    return (await pipelineStatus(job.store, job.config, pipelineName(job))).settled;
  }, { timeout: 60_000, interval: 1_000 }).toBe(true);
  expect(await job.compare()).toMatchObject(perfect);
}, 180_000);

test.each([-600_000, 600_000])("a source whose clock is %i ms off is signed by its own clock, and loses nothing", async (clockOffsetMs) => {
  job = await startJob({
    source: { from: Date.now() - 2 * 86_400_000, lookbackMs: 1_000, sweepEveryMs: 1, pageSize: 50, settleMs: 200 },
    jushuitan: { orders: 500, days: 1, changesPerRequest: 1, clockOffsetMs, timestampSkewSeconds: 300 },
  });
  const now = Date.now();
  await job.sync();
  await job.backfill(now - 3 * 86_400_000, now + 3_600_000);
  await job.freeze();
  await job.sync();
  const { rows } = await sql<{ offset: number }>`select clock_offset_ms::float8 as offset from account`.execute(job.store.db);
  expect(Math.abs(rows[0]!.offset - clockOffsetMs)).toBeLessThan(3_000);
  expect(await job.compare()).toMatchObject(perfect);
}, 90_000);
