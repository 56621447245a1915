import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { runAudit } from "../../src/ops/audit.ts";
import { backfillNow, backfillRanges, backfillView, type Control, controlBackfill } from "../../src/ops/backfills.ts";
import { runBackfill } from "../../src/ops/run.ts";
import { startBackfill } from "../../src/ops/start.ts";
import type { BackfillStatus } from "../../src/sync/requests.ts";
import type { BackfillProgress } from "../../workflows/types.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";

const DAY = 86_400_000;

let job: Job;
afterEach(() => job.stop());

test("a backfill is paused, loses a range that is cancelled meanwhile, and goes on with the rest", async () => {
  job = await startJob({
    source: { from: Date.now(), settleMs: 200, lookbackMs: 1_000, sweepEveryMs: 3_600_000, sliceRecords: 200, pageSize: 50 },
    // Slow enough for a loaded machine to see it at work.
    jushuitan: { orders: 1_000, days: 6, latencyMs: 400 },
  });
  const name = pipelineName(job);
  const { client } = job.temporal;
  const control = (what: Control) => controlBackfill(job.services, client, name, what);
  await expect(control({ signal: "pause" })).rejects.toMatchObject({ code: "TM_BACKFILL_NONE" });
  const now = Date.now();
  const wanted = job.backfill(now - 7 * 86_400_000, now - 2 * 86_400_000);
  await expect.poll(async () => (await backfillNow(client, name)).progress?.slices ?? 0, { timeout: 60_000, interval: 50 }).toBeGreaterThan(0);
  const going = async () => (await backfillNow(client, name)).progress!;
  await expect.poll(async () => (await going()).recordsPerMinute ?? 0, { timeout: 60_000, interval: 50 }).toBeGreaterThan(0);
  expect(await going()).toMatchObject({ requestsPerMinute: expect.any(Number) as number, leftMs: expect.any(Number) as number, ranges: [{ place: 1, state: "open", skipped: [] }] });
  await control({ signal: "pause" });
  await job.configureSource({ latencyMs: 30 });
  await expect.poll(async () => (await backfillNow(client, name)).progress?.waitingFor, { timeout: 30_000 }).toBe("a resume signal");
  expect(await going()).toMatchObject({ reading: null, recordsPerMinute: null, requestsPerMinute: null, timeLeftMs: null });
  // The slice under way is loaded to its end.
  await expect.poll(async () => [(await going()).ranges, (await going()).counts.read], { timeout: 30_000 }).toEqual(await committed(job));
  const other = await startBackfill(client, job.services, name, { from: now - 2 * 86_400_000, to: now });
  await expect.poll(async () => (await backfillRanges(job.services, name)).map((range) => range.requestId), { timeout: 30_000 }).toContain(other.requestId);
  await expect(control({ signal: "cancelRange", requestId: "no such range" })).rejects.toMatchObject({ code: "TM_RANGE_UNKNOWN" });
  await control({ signal: "cancelRange", requestId: other.requestId });
  await expect.poll(async () => (await backfillRanges(job.services, name, other.requestId))[0]!.state, { timeout: 30_000 }).toBe("cancelled");
  await control({ signal: "resume" });
  expect((await wanted).status).toBe("completed");
  expect((await backfillRanges(job.services, name)).map((range) => [range.state, range.read > 0])).toEqual([["cancelled", false], ["done", true]]);
}, 180_000);

test("a range asked for while a slice is read is listed at once, and can be cancelled, which tells who waits for it what to do", async () => {
  job = await startJob({
    source: { from: Date.now(), settleMs: 200, lookbackMs: 1_000, sweepEveryMs: 3_600_000, sliceRecords: 200, pageSize: 50 }, jushuitan: { orders: 1_000, days: 6, latencyMs: 30 },
  });
  const name = pipelineName(job);
  const { client } = job.temporal;
  const now = Math.floor(Date.now() / 1000) * 1000;
  const first = job.backfill(now - 7 * DAY, now);
  await expect.poll(async () => (await backfillNow(client, name)).progress?.reading ?? "", { timeout: 60_000 }).toMatch(/^backfill/);
  // A slice that does not end.
  await job.configureSource({ faults: { http500: 1 } });
  const attempts = async () => (await client.workflow.getHandle(`backfill/${name}`).describe()).raw.pendingActivities?.map(({ attempt }) => attempt ?? 0) ?? [];
  await expect.poll(async () => Math.max(0, ...(await attempts())), { timeout: 60_000 }).toBeGreaterThan(1);
  const second = job.backfill(now - 12 * DAY, now - 9 * DAY);
  second.catch(() => undefined);
  await expect.poll(async () => (await backfillNow(client, name)).progress?.waiting.length, { timeout: 30_000 }).toBe(1);
  const { ranges, progress } = await backfillView(job.services, client, name);
  expect(ranges).toMatchObject([{ place: 1 }, { state: "waiting", place: null, from: iso(now - 12 * DAY, Math.floor), to: iso(now - 9 * DAY, Math.ceil), percent: 0 }]);
  expect(progress!.reading).toMatch(/^backfill/);
  const { requestId } = progress!.waiting[0]!;
  expect(await backfillRanges(job.services, name, requestId)).toEqual([]);
  await controlBackfill(job.services, client, name, { signal: "cancelRange", requestId });
  await job.configureSource({ faults: null });
  await expect(second).rejects.toMatchObject({ code: "TM_RANGE_CANCELLED", path: "request", fix: expect.stringContaining(`tidemark backfill ${name} --from ${iso(now - 12 * DAY, Math.floor)}`) as string });
  expect((await first).status).toBe("completed");
  expect((await backfillView(job.services, client, name)).ranges).toMatchObject([{ requestId, state: "cancelled", percent: 0, leftMs: 0 }, { state: "done", percent: 100 }]);
}, 120_000);

test("a range that an audit verified is not read again, and says so; by force it is", async () => {
  job = await startJob({
    source: { from: Date.now() - 7 * 86_400_000, settleMs: 200, lookbackMs: 500, sweepEveryMs: 3_600_000, sliceRecords: 500, pageSize: 100 },
    jushuitan: { orders: 600, days: 6 },
  });
  await job.sync();
  const now = Date.now();
  const range = { from: now - 6 * 86_400_000, to: now - 86_400_000 };
  const run = { wait: true, signal: AbortSignal.timeout(120_000), onCost: () => undefined };
  const whole = [{ from: iso(range.from, Math.floor), to: iso(range.to, Math.ceil) }];
  expect(await job.backfill(range.from, range.to)).toMatchObject({ status: "completed", skipped: [] });
  const audit = await runAudit(job.services, job.temporal, pipelineName(job), { byIds: false, repair: false }, run);
  expect(audit.verdict).toBe("complete");
  expect(await runBackfill(job.services, job.temporal, pipelineName(job), range, { ...run, wait: false })).toMatchObject({ status: "started", skipped: whole });
  const again = await job.backfill(range.from, range.to);
  expect(again).toMatchObject({ status: "completed", counts: { read: 0 }, requests: 0, skipped: whole });
  expect((await backfillRanges(job.services, pipelineName(job), again.requestId))[0]).toMatchObject({ state: "done", percent: 100, skipped: whole });
  const forced = await runBackfill(job.services, job.temporal, pipelineName(job), { ...range, force: true }, run);
  expect(forced).toMatchObject({ status: "completed", skipped: [] });
  expect(forced.counts!.read).toBeGreaterThan(300);
}, 180_000);

test("signals that a run has no room for are carried into the next one, in their order", async () => {
  job = await startJob({
    worker: "process", source: { from: Date.now(), settleMs: 200, lookbackMs: 500, sweepEveryMs: 3_600_000 }, jushuitan: { orders: 100, days: 2 },
  });
  const name = pipelineName(job);
  const { client } = job.temporal;
  const day = (n: number) => new Date(Date.now() - (100 - n) * 86_400_000).toISOString();
  const request = (n: number) => ({ from: day(n), to: day(n + 1), requestId: `r${n}` });
  // No worker yet: all signals lie in the first run's history, which is too long for it at once.
  const handle = await client.workflow.signalWithStart("backfill", {
    workflowId: `backfill/${name}`, taskQueue: job.config.runtime.taskQueue, args: [{ pipeline: name, heartbeatMs: 2_000, mostEvents: 60 }], signal: "addRange", signalArgs: [request(0)],
  });
  for (let n = 1; n <= 50; n++) {
    await handle.signal("addRange", request(n));
    await handle.signal("cancelRange", `r${n}`);
  }
  await handle.signal("cancelRange", "nobody");
  job.startWorker();
  await expect.poll(async () => (await handle.describe()).status.name, { timeout: 90_000 }).toBe("COMPLETED");
  const { rows } = await sql<{ id: string; state: string }>`select request_id as id, state from backfill_request q order by q.id`.execute(job.store.db);
  expect(rows).toEqual(Array.from({ length: 51 }, (_, n) => ({ id: `r${n}`, state: n === 0 ? "done" : "cancelled" })));
  expect((await client.workflow.getHandle(`backfill/${name}`).query<BackfillProgress>("progress")).refused).toEqual([expect.stringContaining("nobody")]);
}, 180_000);

/** The ranges and the rows of what is committed, once nothing is being loaded; parts of a split window may still be unread. */
async function committed(job: Job): Promise<[BackfillStatus[], number]> {
  const open = async () => (await sql`select 1 from slice where state in ('extracted', 'classified')`.execute(job.store.db)).rows.length;
  await expect.poll(open, { timeout: 30_000 }).toBe(0);
  const { rows } = await sql<{ read: number }>`select sum(read)::int as read from slice where state = 'committed'`.execute(job.store.db);
  return [await backfillRanges(job.services, pipelineName(job)), rows[0]!.read];
}

function iso(ms: number, round: (seconds: number) => number): string {
  return new Date(round(ms / 1000) * 1000).toISOString().replace(".000", "");
}
