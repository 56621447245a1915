import { afterEach, expect, test } from "vitest";
import { type Control, backfillProgress, backfillRanges, controlBackfill } from "../../src/ops/backfills.ts";
import { startBackfill } from "../../src/ops/start.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";

let job: Job;
afterEach(() => job.stop());

test("a backfill is paused, loses a range that is cancelled meanwhile, and goes on with the rest", async () => {
  job = await startJob({
    source: { from: Date.now(), settleMs: 200, lookbackMs: 1_000, sweepEveryMs: 3_600_000, sliceRecords: 200, pageSize: 50 },
    jushuitan: { orders: 1_000, days: 6, latencyMs: 30 },
  });
  const name = pipelineName(job);
  const { client } = job.temporal;
  const control = (what: Control) => controlBackfill(job.services, client, name, what);
  await expect(control({ signal: "pause" })).rejects.toMatchObject({ code: "TM_BACKFILL_NONE" });
  const now = Date.now();
  const wanted = job.backfill(now - 7 * 86_400_000, now - 2 * 86_400_000);
  await expect.poll(async () => (await backfillProgress(client, name))?.slices ?? 0, { timeout: 60_000, interval: 50 }).toBeGreaterThan(0);
  await control({ signal: "pause" });
  await expect.poll(async () => (await backfillProgress(client, name))?.waitingFor, { timeout: 30_000 }).toBe("a resume signal");
  const other = await startBackfill(client, job.services, name, { from: now - 2 * 86_400_000, to: now });
  await expect.poll(async () => (await backfillRanges(job.services, name)).map((range) => range.requestId), { timeout: 30_000 }).toContain(other.requestId);
  await expect(control({ signal: "cancelRange", requestId: "no such range" })).rejects.toMatchObject({ code: "TM_RANGE_UNKNOWN" });
  await control({ signal: "cancelRange", requestId: other.requestId });
  await expect.poll(async () => (await backfillRanges(job.services, name, other.requestId))[0]!.state, { timeout: 30_000 }).toBe("cancelled");
  await control({ signal: "resume" });
  expect((await wanted).status).toBe("completed");
  expect((await backfillRanges(job.services, name)).map((range) => [range.state, range.read > 0])).toEqual([["cancelled", false], ["done", true]]);
}, 180_000);
