import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { deploy } from "../../src/ops/deploy.ts";
import { pipelineStatus } from "../../src/ops/status.ts";
import { startQeasy } from "../../src/simulator/qeasy/server.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";
import { qeasyOf } from "../support/pipeline.ts";

let job: Job;
afterEach(() => job.stop());

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const perfect = { missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 };
const QUICK = { from: "all" as const, lookbackMs: 500, sweepEveryMs: 3_600_000, sliceRecords: 400, pageSize: 50 };
const status = () => pipelineStatus(job.store, job.config, pipelineName(job));

/** Starts a run beside the scheduled ones, under an id of its own, as a manual trigger that allows all would. */
const startRun = (id: string) => job.temporal.client.workflow.start("sync", {
  workflowId: `${id}/${pipelineName(job)}`, taskQueue: job.config.runtime.taskQueue,
  args: [{ pipeline: pipelineName(job), heartbeatMs: job.config.runtime.heartbeatMs }],
});

test("a run ends although the source changes faster than it is read", async () => {
  job = await startJob({ source: { ...QUICK, pageSize: 5 }, jushuitan: { orders: 100, changesPerRequest: 8, latencyMs: 5 } });
  await job.sync();
  await job.freeze();
  await job.sync();
  expect(await job.compare()).toMatchObject(perfect);
}, 60_000);

test("what commits late below the cursor is caught by the next sweep, and by nothing else", async () => {
  job = await startJob({ source: { ...QUICK, lookbackMs: 4_000, sweepEveryMs: 3_600_000 }, jushuitan: { orders: 200, lateCommits: { share: 1, minMs: 2_500, maxMs: 2_600 } } });
  await job.sync();
  const insert = (body: object) => fetch(`${job.source.url}/_admin/insert`, { method: "POST", body: JSON.stringify(body) });
  await insert({ count: 3, lateMs: 2_000 });
  await insert({ count: 1, lateMs: 0 });
  await job.sync();
  await wait(2_300);
  await job.sync();
  expect((await job.compare()).missing).toBe(3);
  job.config.pipelines[pipelineName(job)]!.source.sweepEveryMs = 1;
  await job.sync();
  expect(await job.compare()).toMatchObject(perfect);
}, 60_000);

test("two runs side by side: one reads, the other waits for it, and each order is read once", async () => {
  job = await startJob({ source: QUICK, jushuitan: { orders: 2_000, latencyMs: 15 } });
  const runs = await Promise.all(["a", "b"].map(startRun));
  const results = await Promise.all(runs.map((run) => run.result() as Promise<{ counts: { loaded: number; requests: number } }>));
  expect(results.map((result) => result.counts.loaded).toSorted((a, b) => a - b)).toEqual([0, 2_000]);
  expect(await job.compare()).toMatchObject(perfect);
}, 90_000);

test("sync --wait goes through the schedule and returns after a run that began after it and after the one under way; without a schedule by its own id", async () => {
  job = await startJob({ source: QUICK, schedule: { crons: ["0 0 1 1 *"], timezone: "Asia/Shanghai" }, jushuitan: { orders: 1_000, latencyMs: 20 } });
  const name = pipelineName(job);
  await deploy(job.services, job.temporal, { reload: [], keep: [] });
  const first = job.sync();
  await expect.poll(async () => (await sql`select 1 from page`.execute(job.store.db)).rows.length, { timeout: 30_000, interval: 10 }).toBeGreaterThan(1);
  const runs = [await job.sync(), await first];
  const [later, earlier] = await Promise.all(runs.map(({ workflowId, runId }) => job.temporal.client.workflow.getHandle(workflowId, runId).describe()));
  expect(later!.workflowId).toContain(`sync/${name}-`);
  expect(later!.runId).not.toBe(earlier!.runId);
  expect(later!.startTime.getTime()).toBeGreaterThanOrEqual(earlier!.closeTime!.getTime());
  expect(await job.compare()).toMatchObject(perfect);
  await job.temporal.client.schedule.getHandle(`sync/${name}`).delete();
  const current = await startRun("sync");
  const next = await job.sync();
  expect(next.workflowId).toBe(current.workflowId);
  expect(next.runId).not.toBe(current.firstExecutionRunId);
}, 90_000);

test("a terminated run blocks nothing: the next one takes over its pages and goes on", async () => {
  job = await startJob({ source: QUICK, jushuitan: { orders: 2_000, latencyMs: 20 }, runtime: { heartbeatMs: 1_000 } });
  const run = await startRun("t");
  for (;;) {
    const { rows } = await sql<{ pages: number }>`select count(*)::int as pages from page`.execute(job.store.db);
    if (rows[0]!.pages > 4) break;
    await wait(20);
  }
  await run.terminate("test");
  await job.sync();
  expect(await job.compare()).toMatchObject(perfect);
  const state = (await (await fetch(`${job.source.url}/_admin/state`)).json()) as { pagesAskedTwice: number };
  expect(state.pagesAskedTwice).toBeLessThanOrEqual(1);
}, 90_000);

test("several syncs at once without a schedule all wait for a run that began after them", async () => {
  job = await startJob({ source: QUICK, jushuitan: { orders: 300, latencyMs: 30 } });
  const reports = await Promise.all([job.sync(), job.sync(), job.sync()]);
  expect(new Set(reports.map((report) => report.runId)).size).toBe(3);
}, 60_000);

test("a first start on a source whose clock is behind loses nothing that becomes visible within the lookback", async () => {
  job = await startJob({
    source: { ...QUICK, from: Date.now() - 2 * 86_400_000, lookbackMs: 6_000, sweepEveryMs: 1, settleMs: 200 },
    jushuitan: { orders: 300, days: 1, clockOffsetMs: -120_000 },
  });
  const insert = (body: object) => fetch(`${job.source.url}/_admin/insert`, { method: "POST", body: JSON.stringify(body) });
  await insert({ count: 5, lateMs: 4_000 });
  await insert({ count: 1, lateMs: 0 });
  await job.sync();
  await wait(6_000);
  // What the clock's offset adds to the lookback would make the test wait for minutes: the border is due now.
  await sql`update load_range set not_before = clock_timestamp() where purpose = 'reread'`.execute(job.store.db);
  await job.sync();
  expect(await job.compare()).toMatchObject({ missing: 0, stale: 0 });
}, 120_000);

test("a first start on a source whose clock was put back loses nothing that carries a time to come", async () => {
  job = await startJob({
    source: { ...QUICK, from: Date.now() - 2 * 86_400_000, lookbackMs: 2_000, settleMs: 200 },
    jushuitan: { orders: 300, days: 1, clockOffsetMs: 3_600_000 },
  });
  const admin = (what: string, body: object) => fetch(`${job.source.url}/_admin/${what}`, { method: "POST", body: JSON.stringify(body) });
  await admin("insert", { count: 60 });
  await admin("change", { count: 60 });
  await job.configureSource({ clockOffsetMs: 0 });
  await admin("insert", { count: 5 });
  await wait(3_000);
  await job.sync();
  expect(await job.compare()).toMatchObject({ missing: 0, stale: 0 });
}, 120_000);

test("a first start with a date loads what was modified since, and says when the initial load is complete", async () => {
  const from = Date.now() - 86_400_000;
  job = await startJob({
    source: { ...QUICK, from, settleMs: 300, lookbackMs: 25_000 },
    jushuitan: { orders: 1_000, days: 2, changesPerRequest: 1, insertsPerRequest: 1, lateCommits: { share: 0.3, minMs: 50, maxMs: 1_500 } },
  });
  await job.sync();
  expect((await status()).initialLoad.complete).toBe(false);
  await job.freeze();
  await wait(27_000);
  job.config.pipelines[pipelineName(job)]!.source.sweepEveryMs = 1;
  await job.sync();
  expect((await status()).initialLoad).toEqual({ complete: true, waitingFor: null });
  const truth = (await (await fetch(`${job.source.url}/_admin/truth`)).text()).trim().split("\n").map((line) => JSON.parse(line) as { id: string; modified: string });
  const wanted = truth.filter((order) => Date.parse(`${order.modified.replace(" ", "T")}+08:00`) >= from + 1_000);
  const held = new Set((await (await fetch(`${job.target.url}/_admin/records`)).text()).trim().split("\n").map((line) => (JSON.parse(line) as { id: string }).id));
  expect(wanted.length).toBeGreaterThan(300);
  expect(held.size).toBeLessThan(truth.length);
  expect(wanted.filter((order) => !held.has(order.id))).toEqual([]);
  expect(await job.compare()).toMatchObject({ stale: 0, wrongContent: 0, unknown: 0 });
}, 150_000);

test("another target is refused until it is said whether everything is to be loaded again", async () => {
  job = await startJob({ source: QUICK, jushuitan: { orders: 120 } });
  await job.sync();
  const name = pipelineName(job);
  const other = await startQeasy();
  const held = async () => ((await (await fetch(`${other.url}/_admin/state`)).json()) as { held: number }).held;
  try {
    qeasyOf(job.config.pipelines[name]!).baseUrl = other.url;
    await expect(job.sync()).rejects.toMatchObject({ code: "TM_PIPELINE_CHANGED" });
    await expect(deploy(job.services, job.temporal, { reload: [], keep: [] })).rejects.toMatchObject({ code: "TM_PIPELINE_CHANGED" });
    await deploy(job.services, job.temporal, { reload: [], keep: [name] });
    await job.sync();
    expect(await held()).toBe(0);
    await deploy(job.services, job.temporal, { reload: [name], keep: [] });
    await job.sync();
    expect(await held()).toBe(120);
  } finally {
    await other.close();
  }
}, 90_000);

test("a version walk that cannot be trusted stops with its reason, or goes on by windows under auto", async () => {
  job = await startJob({
    source: { ...QUICK, from: Date.now() - 2 * 86_400_000, settleMs: 200, cursor: "version", lookbackMs: 1_000 },
    jushuitan: { orders: 300, days: 1 },
  });
  await job.sync();
  await job.configureSource({ faults: { versionDisorder: 1 } });
  await fetch(`${job.source.url}/_admin/change`, { method: "POST", body: JSON.stringify({ count: 120 }) });
  await expect(job.sync()).rejects.toMatchObject({ code: "TM_VERSION_ORDER" });
  job.config.pipelines[pipelineName(job)]!.source.cursor = "auto";
  await wait(1_300);
  await job.sync();
  expect((await status()).cursor).toBe("window");
  expect(await job.compare()).toMatchObject(perfect);
}, 90_000);
