import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { ScheduleOverlapPolicy } from "@temporalio/client";
import { afterEach, expect, test } from "vitest";
import { deploy } from "../../src/ops/deploy.ts";
import { pipelineStatus } from "../../src/ops/status.ts";
import { startTemporalServer } from "../../src/temporal/server.ts";
import { type Job, type JobOptions, pipelineName, startJob } from "../support/job.ts";
import { freshDatabase } from "../support/servers.ts";

let job: Job;
const endings: (() => unknown)[] = [];
afterEach(async () => {
  for (const id of ["sync", "again", "refresh-token"]) await schedule(id).delete().catch(() => undefined);
  await job.stop();
  for (const end of endings.splice(0)) await end();
});

const DAY_MS = 86_400_000;
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const perfect = { missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 };
const EVERY_SECOND = { crons: ["@every 1s"], timezone: "Asia/Shanghai" };

const schedule = (kind = "sync") => job.temporal.client.schedule.getHandle(kind === "refresh-token" ? "refresh-token/main" : `${kind}/${pipelineName(job)}`);
const deployed = () => deploy(job.services, job.temporal, { reload: [], keep: [] });
const info = async () => (await schedule().describe()).info;
const admin = (what: string, body: object) => fetch(`${job.source.url}/_admin/${what}`, { method: "POST", body: JSON.stringify(body) });
/** What is due is copied by the schedule alone: no test starts a run. */
const copied = () => expect.poll(() => job.compare(), { timeout: 90_000, interval: 500 }).toMatchObject(perfect);

async function start(options: JobOptions = {}): Promise<void> {
  job = await startJob({
    schedule: EVERY_SECOND, ...options,
    source: { from: "all", cursor: "version", settleMs: 0, lookbackMs: 1_000, sweepEveryMs: 1_000, sliceRecords: 400, pageSize: 50, ...options.source },
    jushuitan: { orders: 300, ...options.jushuitan },
  });
}

test.each(["version", "window"] as const)("a worker that was away for a week of the source's time goes on from the checkpoint (%s cursor)", async (cursor) => {
  await start({
    worker: "process", source: { cursor, from: cursor === "version" ? "all" : Date.now() - 12 * DAY_MS },
    jushuitan: { orders: 300, days: 2, clockOffsetMs: -7 * DAY_MS },
  });
  await deployed();
  const worker = job.startWorker();
  await copied();
  await worker.stop(15_000);
  const before = await pipelineStatus(job.store, job.config, pipelineName(job));
  const skipped = (await info()).numActionsSkippedOverlap;
  for (let day = 6; day >= 0; day--) {
    await job.configureSource({ clockOffsetMs: -day * DAY_MS });
    await admin("insert", { count: 30 });
    await admin("change", { count: 20 });
  }
  await expect.poll(async () => (await info()).numActionsSkippedOverlap, { timeout: 30_000 }).toBeGreaterThan(skipped + 2);
  expect((await job.compare()).missing).toBe(210);
  expect((await pipelineStatus(job.store, job.config, pipelineName(job))).checkpoint).toBe(before.checkpoint);
  job.startWorker();
  await copied();
}, 240_000);

test("a schedule that was paused copies what it left out, and a deploy leaves the pause alone", async () => {
  await start();
  await deployed();
  await copied();
  await schedule().pause("looking into something");
  await expect.poll(async () => (await info()).runningActions.length, { timeout: 30_000 }).toBe(0);
  const taken = (await info()).numActionsTaken;
  await admin("insert", { count: 120 });
  await admin("change", { count: 50 });
  job.config.pipelines[pipelineName(job)]!.schedule = { ...EVERY_SECOND, crons: ["@every 2s"] };
  expect((await deployed()).schedules[0]).toMatchObject({ change: "updated" });
  await wait(3_000);
  expect((await schedule().describe()).state).toMatchObject({ paused: true, note: expect.stringContaining("looking into something") as string });
  expect((await info()).numActionsTaken).toBe(taken);
  expect((await job.compare()).missing).toBe(120);
  await schedule().unpause();
  await copied();
}, 240_000);

test("firings that fell out of the catch-up window are not made up for, and nothing is lost", async () => {
  const dir = mkdtempSync(path.join(tmpdir(), "tidemark-schedule-"));
  const temporal = await startTemporalServer({ dir, port: 0, uiPort: 0 });
  endings.push(() => temporal.stop(), () => rmSync(dir, { recursive: true, force: true }));
  await start({ servers: { databaseUrl: await freshDatabase(), temporal, unique: "catch-up" } });
  await deployed();
  await copied();
  await schedule().update((previous) => ({ ...previous, policies: { ...previous.policies, catchupWindow: "10 seconds" } }));
  await expect.poll(async () => (await schedule().describe()).policies.catchupWindow, { timeout: 30_000 }).toBe(10_000);
  await temporal.kill();
  await admin("insert", { count: 120 });
  await admin("change", { count: 50 });
  await wait(14_000);
  await temporal.restart();
  await expect.poll(async () => (await info()).numActionsMissedCatchupWindow, { timeout: 60_000 }).toBeGreaterThan(0);
  await copied();
}, 240_000);

test("two schedules at once for one pipeline: both run, one reads at a time, and each order is sent once", async () => {
  await start({ jushuitan: { orders: 400, changeIntervalMs: 100, changesPerInterval: 0, insertsPerInterval: 3, latencyMs: 40 } });
  await deployed();
  const { action, spec } = await schedule().describe();
  await job.temporal.client.schedule.create({
    scheduleId: `again/${pipelineName(job)}`, spec, policies: { overlap: ScheduleOverlapPolicy.SKIP },
    action: { ...action, workflowId: `again/${pipelineName(job)}` },
  });
  const running = async (kind: string) => (await schedule(kind).describe()).info.runningActions.length;
  await expect.poll(async () => [await running("sync"), await running("again")], { timeout: 90_000, interval: 100 }).toEqual([1, 1]);
  await job.freeze();
  await copied();
  const records = (await (await fetch(`${job.target.url}/_admin/records`)).text()).trim().split("\n").map((line) => JSON.parse(line) as { id: string; writes: number });
  expect(records.length).toBeGreaterThan(400);
  expect(records.filter(({ writes }) => writes !== 1)).toEqual([]);
}, 240_000);

test("a deploy with another cron while a run is going: the run goes on to its end, and the new times hold", async () => {
  await start({ schedule: { ...EVERY_SECOND, crons: ["0 0 1 1 *"] }, jushuitan: { orders: 1_000, latencyMs: 100, insertsPerRequest: 1 } });
  await deployed();
  await schedule().trigger(ScheduleOverlapPolicy.SKIP);
  const running = async () => (await info()).runningActions[0]?.workflow.workflowId;
  await expect.poll(running, { timeout: 30_000, interval: 50 }).toBeDefined();
  const run = job.temporal.client.workflow.getHandle((await running())!);
  job.config.pipelines[pipelineName(job)]!.schedule = EVERY_SECOND;
  expect((await deployed()).schedules[0]).toMatchObject({ id: `sync/${pipelineName(job)}`, change: "updated" });
  expect((await run.describe()).status.name).toBe("RUNNING");
  await run.result();
  await job.freeze();
  await copied();
  await expect.poll(async () => (await info()).numActionsTaken, { timeout: 30_000 }).toBeGreaterThan(2);
  await copied();
}, 240_000);
