import { sql } from "kysely";
import { runAudit } from "../../src/ops/audit.ts";
import { startBackfill } from "../../src/ops/start.ts";
import { type Job, type JobOptions, pipelineName } from "../support/job.ts";
import type { Kind } from "./kinds.ts";

export interface Scenario {
  workflow: string;
  kind: Kind;
  job: JobOptions;
  /** Does the work. @returns the run to record */
  record(job: Job): Promise<{ workflowId: string; runId?: string }>;
}

const DAY_MS = 86_400_000;
const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const source = { from: "all" as const, settleMs: 200, lookbackMs: 500, sweepEveryMs: 3_600_000, sliceRecords: 1_000, pageSize: 50 };
const byWindows = { ...source, from: Date.now() };
/** The server suggests to continue as new after SUGGEST_AFTER events: about four slices. */
const manySlices = { sliceRecords: 50 };
const expiring = { orders: 60, tokenLifeSeconds: 6 * 3_600 };
const slow = { orders: 1_500, days: 3, latencyMs: 30 };

const handle = (job: Job, workflowId: string, runId?: string) => job.temporal.client.workflow.getHandle(workflowId, runId);
const backfillId = (job: Job) => `backfill/${pipelineName(job)}`;
const backfill = (job: Job) => job.backfill(Date.now() - 4 * DAY_MS, Date.now());
const audit = (job: Job, byIds = false) =>
  runAudit(job.services, job.temporal, pipelineName(job), { byIds, repair: true }, { wait: true, signal: AbortSignal.timeout(120_000), onCost: () => undefined });

export const scenarios: readonly Scenario[] = [
  { workflow: "sync", kind: "normal", job: { source, jushuitan: { orders: 300 } }, record: (job) => job.sync() },
  { workflow: "sync", kind: "retried", job: { source, jushuitan: { orders: 300 } }, record: (job) => whileFaulty(job, `sync/${pipelineName(job)}`, () => job.sync()) },
  { workflow: "sync", kind: "continued", job: { source: { ...source, ...manySlices }, jushuitan: { orders: 2_000 } }, record: async (job) => continuedFrom(job, await job.sync()) },
  {
    workflow: "sync", kind: "cancelled", job: { source, jushuitan: slow },
    record: (job) => cancelled(job, `sync/${pipelineName(job)}`, () => job.sync(), async () => (await sql`select 1 from page`.execute(job.store.db)).rows.length > 2),
  },
  {
    workflow: "sync", kind: "failed", job: { source: { ...source, cursor: "version" }, jushuitan: { orders: 300 } },
    async record(job) {
      await job.sync();
      await job.configureSource({ faults: { versionDisorder: 1 } });
      await fetch(`${job.source.url}/_admin/change`, { method: "POST", body: JSON.stringify({ count: 120 }) });
      await job.sync().catch(() => undefined);
      return { workflowId: `sync/${pipelineName(job)}` };
    },
  },
  { workflow: "backfill", kind: "normal", job: { source: byWindows, jushuitan: { orders: 300, days: 2 } }, record: backfill },
  { workflow: "backfill", kind: "retried", job: { source: byWindows, jushuitan: { orders: 300, days: 2 } }, record: (job) => whileFaulty(job, backfillId(job), () => backfill(job)) },
  { workflow: "backfill", kind: "continued", job: { source: { ...byWindows, ...manySlices }, jushuitan: { orders: 2_000, days: 3 } }, record: async (job) => continuedFrom(job, await backfill(job)) },
  { workflow: "backfill", kind: "signalled", job: { source: { ...byWindows, sliceRecords: 500 }, jushuitan: slow }, record: signalled },
  {
    workflow: "backfill", kind: "cancelled", job: { source: byWindows, jushuitan: slow },
    record: (job) => cancelled(job, backfillId(job), () => backfill(job), async () => (await sql`select 1 from page`.execute(job.store.db)).rows.length > 2),
  },
  { workflow: "audit", kind: "normal", job: { source, jushuitan: { orders: 300, days: 3 } }, record: async (job) => (await job.sync(), audit(job)) },
  {
    workflow: "audit", kind: "retried", job: { source, jushuitan: { orders: 300, days: 3 } },
    record: async (job) => (await job.sync(), whileFaulty(job, `audit/${pipelineName(job)}`, () => audit(job, true))),
  },
  {
    workflow: "audit", kind: "continued", job: { source, jushuitan: { orders: 600, days: 120 } },
    record: async (job) => (await job.sync(), continuedFrom(job, await audit(job, true))),
  },
  {
    workflow: "audit", kind: "repaired", job: { source, jushuitan: { orders: 300, days: 3 } },
    async record(job) {
      await job.sync();
      await sql`delete from record where id in (select id from record limit 5)`.execute(job.store.db);
      return audit(job);
    },
  },
  {
    workflow: "audit", kind: "cancelled", job: { source, jushuitan: { ...slow, latencyMs: 20 } },
    async record(job) {
      await job.sync();
      const comparing = async () => (await sql`select 1 from slice where purpose = 'audit'`.execute(job.store.db)).rows.length > 0;
      return cancelled(job, `audit/${pipelineName(job)}`, () => audit(job, true), comparing);
    },
  },
  { workflow: "refreshToken", kind: "normal", job: { source, jushuitan: expiring }, record: async (job) => (await job.sync(), refresh(job)) },
  {
    workflow: "refreshToken", kind: "retried", job: { source, jushuitan: { ...expiring, faultsOnAuth: true } },
    record: async (job) => (await job.sync(), whileFaulty(job, `refresh/${pipelineName(job)}`, () => refresh(job))),
  },
];

async function refresh(job: Job): Promise<{ workflowId: string }> {
  const { taskQueue, heartbeatMs } = job.config.runtime;
  const { workflowId } = await job.temporal.client.workflow.start("refreshToken", { workflowId: `refresh/${pipelineName(job)}`, taskQueue, args: [{ account: "main", heartbeatMs }] });
  await handle(job, workflowId).result();
  return { workflowId };
}

/** The source answers nothing of use until an activity of the run is at its second attempt. */
async function whileFaulty<T>(job: Job, workflowId: string, work: () => Promise<T>): Promise<T> {
  await job.configureSource({ faults: { http500: 1 } });
  const done = work();
  await until(async () => {
    const { raw } = await handle(job, workflowId).describe();
    return (raw.pendingActivities ?? []).some(({ attempt }) => (attempt ?? 0) > 1);
  }, done);
  await job.configureSource({ faults: null });
  return done;
}

async function cancelled(job: Job, workflowId: string, work: () => Promise<unknown>, moment: () => Promise<boolean>): Promise<{ workflowId: string }> {
  const done = work().catch(() => undefined);
  await until(moment, done);
  await handle(job, workflowId).cancel();
  await handle(job, workflowId).result().catch(() => undefined);
  await done;
  return { workflowId };
}

/** The second run of a chain of at least three. */
async function continuedFrom(job: Job, { workflowId, runId }: { workflowId: string; runId: string }): Promise<{ workflowId: string; runId: string }> {
  const { events } = await handle(job, workflowId, runId).fetchHistory();
  const next = events?.at(-1)?.workflowExecutionContinuedAsNewEventAttributes?.newExecutionRunId;
  if (!next) throw new Error(`${workflowId} ended without continuing as new`);
  return { workflowId, runId: next };
}

/** Every signal, a wrong one among them; the last range is cancelled before it is read. */
async function signalled(job: Job): Promise<{ workflowId: string; runId: string }> {
  const run = handle(job, backfillId(job));
  const progress = () => run.query<{ slices: number; waitingFor: string | null; refused: string[] }>("progress").catch(() => null);
  const done = backfill(job);
  await until(async () => ((await progress())?.slices ?? 0) > 0, done);
  await run.signal("pause");
  await until(async () => (await progress())?.waitingFor === "a resume signal", done);
  const other = await startBackfill(job.temporal.client, job.services, pipelineName(job), { from: Date.now() - 9 * DAY_MS, to: Date.now() - 5 * DAY_MS });
  await run.signal("addRange", { from: "2026-01-01", to: "nonsense", requestId: "wrong" });
  await run.signal("moveRange", { requestId: other.requestId, to: "first" });
  await run.signal("cancelRange", other.requestId);
  await run.signal("look");
  await until(async () => (await progress())?.refused.length === 1, done);
  await run.signal("resume");
  return done;
}

/** Waits for a moment of a run. @throws Error when the run ended before it, or after a minute */
async function until(moment: () => Promise<boolean>, run: Promise<unknown>): Promise<void> {
  let ended = false;
  run.then(() => (ended = true), () => (ended = true));
  for (const end = Date.now() + 60_000; !(await moment().catch(() => false)); ) {
    if (ended || Date.now() > end) throw new Error("what the recording waits for did not happen");
    await wait(20);
  }
}
