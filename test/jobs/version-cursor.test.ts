import { afterEach, expect, test } from "vitest";
import { type Job, startJob } from "../support/job.ts";

let job: Job;
afterEach(() => job.stop());

test("a version walk under change misses nothing, and an idle run costs one request", async () => {
  job = await startJob({
    jushuitan: { orders: 2_000, changesPerRequest: 2, insertsPerRequest: 1 },
    source: { from: "all", pageSize: 50, lookbackMs: 1_000, sweepEveryMs: 3_600_000 },
  });
  const first = await job.sync();
  expect(first.counts!.loaded).toBeGreaterThanOrEqual(2_000);
  expect(first.counts!.read).toBe(first.counts!.duplicate + first.counts!.unchanged + first.counts!.superseded + first.counts!.quarantined + first.counts!.loaded);
  await job.freeze();
  await job.sync();
  expect(await job.compare()).toMatchObject({ missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 });
  expect((await job.sync()).requests).toBe(1);
}, 120_000);

test("from all, the archive is read too, though a page of it comes short", async () => {
  job = await startJob({
    jushuitan: { orders: 600, archived: 0.5, faults: { shortPage: 0.3 } }, source: { from: "all", pageSize: 20, lookbackMs: 1_000, sweepEveryMs: 3_600_000, sliceRecords: 60 },
  });
  await job.sync();
  await job.configureSource({ faults: null });
  await job.sync();
  expect(await job.compare()).toMatchObject({ missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 });
}, 120_000);
