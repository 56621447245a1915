import { sql } from "kysely";
import { afterEach, expect, test, vi } from "vitest";
import { deploy } from "../../src/ops/deploy.ts";
import { runSync } from "../../src/ops/run.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";

let job: Job;
afterEach(async () => {
  vi.unstubAllEnvs();
  await job.stop();
});

const perfect = { missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 };
const DAY_MS = 86_400_000;

/** Workers of two builds of the same program: Temporal and Tidemark tell them apart by their ids alone. */
const start = () => startJob({
  worker: "process", runtime: { versioning: true, heartbeatMs: 2_000 },
  source: { from: "all", settleMs: 200, lookbackMs: 500, sweepEveryMs: 3_600_000, sliceRecords: 400, pageSize: 50 },
  jushuitan: { orders: 2_000, days: 2, latencyMs: 100 },
});

async function workerOf(buildId: string) {
  const worker = job.startWorker({}, { TIDEMARK_BUILD_ID: buildId });
  await expect.poll(async () => (await sql`select 1 from worker where build_id = ${buildId}`.execute(job.store.db)).rows.length, { timeout: 60_000 }).toBe(1);
  return worker;
}

function deployFrom(buildId: string) {
  vi.stubEnv("TIDEMARK_BUILD_ID", buildId);
  return deploy(job.services, job.temporal, { reload: [], keep: [] }).then(({ build }) => build);
}

const described = async (workflowId: string, runId?: string) => (await job.temporal.client.workflow.getHandle(workflowId, runId).describe()).raw.workflowExecutionInfo!;
const buildOf = async ({ workflowId, runId }: { workflowId: string; runId?: string }) => (await described(workflowId, runId)).versioningInfo?.deploymentVersion?.buildId;
const pages = async () => (await sql`select 1 from page`.execute(job.store.db)).rows.length;

test("a run under way stays with its build and ends well, new runs and the backfill go to the new build, and back", async () => {
  job = await start();
  await workerOf("old");
  await expect.poll(() => deployFrom("old"), { timeout: 30_000 }).toEqual({ id: "old", change: "unchanged", elsewhere: {} });
  expect(await deployFrom("new")).toMatchObject({ id: "new", change: "no-worker" });
  await job.configureSource({ latencyMs: 1_000 });
  const first = job.sync();
  await expect.poll(pages, { timeout: 30_000, interval: 20 }).toBeGreaterThan(0);
  const backfill = job.backfill(Date.now() - 3 * DAY_MS, Date.now());
  const backfillId = { workflowId: `backfill/${pipelineName(job)}` };
  await expect.poll(() => buildOf(backfillId), { timeout: 30_000 }).toBe("old");
  await workerOf("new");
  await expect.poll(async () => (await deployFrom("new"))?.change, { timeout: 30_000 }).toBe("current");
  await expect.poll(() => deployFrom("new"), { timeout: 30_000 }).toEqual({ id: "new", change: "unchanged", elsewhere: { old: 1 } });
  await job.configureSource({ latencyMs: 0 });
  const second = job.sync();
  expect(await buildOf(await first)).toBe("old");
  expect(await buildOf(await second)).toBe("new");
  await backfill;
  expect(await buildOf(backfillId)).toBe("new");
  expect(await deployFrom("old")).toMatchObject({ id: "old", change: "current" });
  expect(await buildOf(await job.sync())).toBe("old");
  expect(await job.compare()).toMatchObject(perfect);
}, 300_000);

test("who waits for a run while another build takes over is told what it waits for, and gets it", async () => {
  job = await start();
  const old = await workerOf("old");
  await expect.poll(() => deployFrom("old"), { timeout: 30_000 }).toMatchObject({ id: "old", change: "unchanged" });
  await old.kill();
  // As if it had given a sign just now, however long the other one takes to start.
  await sql`update worker set seen_at = clock_timestamp() + interval '1 hour' where build_id = 'old'`.execute(job.store.db);
  await workerOf("new");
  const notes: string[] = [];
  const run = runSync(job.services, job.temporal, pipelineName(job), { wait: true, signal: AbortSignal.timeout(240_000), onNote: (text) => notes.push(text) });
  run.catch(() => undefined);
  await expect.poll(() => notes, { timeout: 30_000 }).toHaveLength(1);
  await sql`delete from worker where build_id = 'old'`.execute(job.store.db);
  const report = await run;
  expect(report.status).toBe("completed");
  expect(await buildOf(report)).toBe("new");
  expect(notes).toEqual([expect.stringMatching(/build old\b/)]);
}, 300_000);

test("all workers exchanged at once, without a deploy: what was under way goes on with the new build, and without versioning again", async () => {
  job = await start();
  const old = await workerOf("old");
  const run = job.sync();
  await expect.poll(pages, { timeout: 60_000, interval: 20 }).toBeGreaterThan(2);
  const under = await described(`sync/${pipelineName(job)}`);
  expect(under.versioningInfo?.deploymentVersion?.buildId).toBe("old");
  await old.stop(15_000);
  const next = await workerOf("new");
  await run;
  expect(await buildOf({ workflowId: `sync/${pipelineName(job)}`, runId: under.execution!.runId! })).toBe("new");
  expect(await buildOf(await job.sync())).toBe("new");
  await job.configureSource({ latencyMs: 1_000 });
  const backfill = job.backfill(Date.now() - 3 * DAY_MS, Date.now());
  await expect.poll(() => buildOf({ workflowId: `backfill/${pipelineName(job)}` }), { timeout: 30_000 }).toBe("new");
  await next.stop(15_000);
  await job.configureSource({ latencyMs: 0 });
  job.config.runtime.versioning = false;
  await workerOf("");
  await expect.poll(() => deploy(job.services, job.temporal, { reload: [], keep: [] }).then(({ build }) => build), { timeout: 30_000 }).toBeNull();
  expect((await job.sync()).status).toBe("completed");
  expect((await backfill).status).toBe("completed");
  expect(await job.compare()).toMatchObject(perfect);
}, 300_000);
