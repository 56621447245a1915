import { afterEach, expect, test } from "vitest";
import { type Job, startJob } from "../support/job.ts";

let job: Job;
afterEach(() => job.stop());

test("a backfill writes about ten events a thousand orders and asks about ten requests a thousand", async () => {
  job = await startJob({
    source: { from: Date.now(), settleMs: 200, lookbackMs: 1_000, sweepEveryMs: 3_600_000, sliceRecords: 10_000, pageSize: 100 },
    jushuitan: { orders: 40_000, days: 20 }, target: { batchSize: 500 },
  });
  const now = Date.now();
  const report = await job.backfill(now - 20 * 86_400_000, now);
  const { events } = await job.temporal.client.workflow.getHandle(report.workflowId, report.runId).fetchHistory();
  expect(report.counts!.loaded).toBeGreaterThan(39_000);
  expect(events!.length / 40).toBeLessThan(10);
  expect(report.requests! / 40).toBeLessThan(11);
}, 300_000);
