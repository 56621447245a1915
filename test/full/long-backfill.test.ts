import { afterEach, expect, test } from "vitest";
import type { Job } from "../support/job.ts";
import { runLongBackfill, startLongJob } from "../support/long-backfill.ts";

let job: Job;
afterEach(() => job.stop());

test("a hundred signals while a backfill continues as new again and again, and two killed workers: all are honoured, nothing is missed", async () => {
  const orders = 30_000;
  job = await startLongJob(orders);
  const report = await runLongBackfill(job, { orders, mostEvents: 500 });
  expect(report.comparison).toMatchObject({ missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 });
  expect(report.requests.filter(({ wanted, state }) => wanted !== state)).toEqual([]);
  expect([report.refused, report.kills]).toEqual([[], 2]);
  expect(report.events.length).toBeGreaterThan(4);
  expect(Math.max(...report.events)).toBeLessThan(750);
});
