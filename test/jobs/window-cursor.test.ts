import { afterEach, expect, test } from "vitest";
import { coverage } from "../../src/ops/coverage.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";

let job: Job;
afterEach(() => job.stop());

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

test("closed windows from last page to first miss nothing on a source that changes", async () => {
  job = await startJob({
    jushuitan: { orders: 3_000, days: 2, changesPerRequest: 2, insertsPerRequest: 1 },
    source: { cursor: "window", from: Date.now() - 3 * 86_400_000, settleMs: 1_000, lookbackMs: 3_000, sweepEveryMs: 3_000, sliceRecords: 500 },
  });
  await job.sync();
  await job.freeze();
  await wait(5_000);
  await job.sync();
  // What came after the last look is not due yet.
  expect((await coverage(job.services, pipelineName(job))).days.at(-1)!.state).toBe("loaded");
  expect(await job.compare()).toMatchObject({ missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 });
}, 120_000);

test("a backfill and scheduled runs side by side leave the newest version of each order in the target", async () => {
  const days = 6;
  job = await startJob({
    jushuitan: { orders: 4_000, days, changesPerRequest: 2, insertsPerRequest: 1, lateCommits: { share: 0.3, minMs: 100, maxMs: 1_500 }, archived: 0.2 },
    source: { from: Date.now(), settleMs: 500, lookbackMs: 2_000, sweepEveryMs: 1_500, sliceRecords: 800 },
  });
  const began = Date.now();
  const backfill = job.backfill(began - (days + 1) * 86_400_000, began);
  for (let run = 0; run < 3; run++) await job.sync();
  const report = await backfill;
  expect(report.counts!.read).toBe(report.counts!.duplicate + report.counts!.unchanged + report.counts!.superseded + report.counts!.quarantined + report.counts!.loaded);
  await job.freeze();
  for (let run = 0; run < 4; run++) {
    await wait(1_600);
    await job.sync();
  }
  expect(await job.compare()).toMatchObject({ missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 });
}, 180_000);
