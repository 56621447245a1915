import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { type Job, pipelineName, startJob } from "../support/job.ts";

const HEARTBEAT_MS = 1_500;
const KILLS = 8;

let job: Job;
afterEach(() => job.stop());

const pages = async () => (await sql<{ n: number }>`select (select coalesce(sum(pages), 0) from slice)::int as n`.execute(job.store.db)).rows[0]!.n;

/** The process that runs an activity of the run now, by its identity `pid@host`; null between activities. */
async function atWork(): Promise<number | null> {
  const { raw } = await job.temporal.client.workflow.getHandle(`sync/${pipelineName(job)}`).describe();
  const identity = raw.pendingActivities?.find((activity) => activity.activityType?.name === "extract")?.lastWorkerIdentity ?? "";
  return /^\d+@/.test(identity) ? Number.parseInt(identity, 10) : null;
}

test("after a kill another worker goes on within the heartbeat timeout and two seconds, and asks for at most one page of a slice twice", async () => {
  job = await startJob({
    worker: "process", runtime: { heartbeatMs: HEARTBEAT_MS },
    source: { from: "all", pageSize: 50, lookbackMs: 500, sweepEveryMs: 3_600_000, sliceRecords: 2_500 },
    jushuitan: { orders: 12_000, changesPerRequest: 2, insertsPerRequest: 1, latencyMs: 150 },
  });
  const workers = [job.startWorker(), job.startWorker()];
  await expect.poll(async () => (await sql`select 1 from worker`.execute(job.store.db)).rows.length, { timeout: 60_000 }).toBe(2);
  const run = job.sync();
  const took: number[] = [];
  while (took.length < KILLS) {
    const before = await pages();
    const pid = await atWork().catch(() => null);
    const at = workers.findIndex((worker) => worker.pid === pid);
    if (at < 0 || before < 5) {
      await sleep(100);
      continue;
    }
    await workers[at]!.kill();
    const killed = performance.now();
    const then = await pages();
    workers[at] = job.startWorker();
    while ((await pages()) === then) await sleep(20);
    took.push(Math.round(performance.now() - killed));
    await sleep(1_500);
  }
  await run;
  await job.freeze();
  await job.sync();
  expect(await job.compare()).toMatchObject({ missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 });
  const { pagesAskedTwice } = (await (await fetch(`${job.source.url}/_admin/state`)).json()) as { pagesAskedTwice: number };
  process.stdout.write(`from kill to going on: ${took.join(", ")} ms; ${pagesAskedTwice} pages asked for twice after ${KILLS} kills\n`);
  expect(pagesAskedTwice).toBeLessThanOrEqual(KILLS);
  expect(Math.max(...took)).toBeLessThanOrEqual(HEARTBEAT_MS + 2_000);
}, 240_000);
