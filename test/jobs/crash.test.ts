import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { type Job, startJob } from "../support/job.ts";

let job: Job;
afterEach(() => job.stop());

/** Waits until a query finds something (at most 60 s). */
async function until(what: ReturnType<typeof sql>): Promise<void> {
  for (const end = Date.now() + 60_000; ; ) {
    if ((await what.execute(job.store.db)).rows.length > 0) return;
    if (Date.now() > end) throw new Error("what the test waits for did not happen");
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

/** Kills the worker at the moment, starts another, and reads to the end. */
async function killedWhen(moment: ReturnType<typeof sql>): Promise<void> {
  const first = job.startWorker();
  await until(sql`select 1 from worker`);
  const run = job.sync();
  await Promise.race([until(moment), run]);
  await first.kill();
  job.startWorker();
  await run;
  await job.freeze();
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  await job.sync();
}

const source = { from: "all" as const, pageSize: 50, lookbackMs: 500, sweepEveryMs: 3_600_000, sliceRecords: 1_500 };

test("a worker killed while it reads: another goes on from the stored pages and asks for no page twice but the one under way", async () => {
  job = await startJob({
    worker: "process", source, runtime: { heartbeatMs: 1_500 },
    jushuitan: { orders: 3_000, changesPerRequest: 2, insertsPerRequest: 1, latencyMs: 10 },
  });
  await killedWhen(sql`select 1 from page where seq = 12`);
  expect(await job.compare()).toMatchObject({ missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 });
  const state = (await (await fetch(`${job.source.url}/_admin/state`)).json()) as { pagesAskedTwice: number };
  expect(state.pagesAskedTwice).toBeLessThanOrEqual(1);
}, 120_000);

test("a worker killed while it sends: the batch is sent again under its key, and nothing older stays in the target", async () => {
  job = await startJob({
    worker: "process", source, runtime: { heartbeatMs: 1_500 },
    jushuitan: { orders: 3_000, changesPerRequest: 2, insertsPerRequest: 1 }, qeasy: { faults: { slow: { share: 1, ms: 400 } } },
  });
  await killedWhen(sql`select 1 from batch where state = 'sending'`);
  expect(await job.compare()).toMatchObject({ missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 });
  const { rows } = await sql<{ doubts: number }>`select count(*)::int as doubts from doubt`.execute(job.store.db);
  expect(rows[0]!.doubts).toBe(0);
}, 120_000);
