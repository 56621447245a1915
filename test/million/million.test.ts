import { afterEach, expect, test } from "vitest";
import type { Job } from "../support/job.ts";
import { runLongBackfill, startLongJob } from "../support/long-backfill.ts";

const orders = Number(process.env["MILLION_ORDERS"] ?? 1_000_000);

let job: Job;
afterEach(() => job.stop());

test(`two years of ${orders} orders as one backfill: bounded histories, flat memory, every signal honoured, nothing missed`, async () => {
  job = await startLongJob(orders);
  const say = (what: unknown) => process.stdout.write(`${typeof what === "string" ? what : JSON.stringify(what)}\n`);
  const report = await runLongBackfill(job, { orders, onLook: say });
  const { looks, requests, ...numbers } = report;
  say({ ...numbers, ordersPerSecond: Math.round(orders / report.seconds), mostRss: Math.max(...looks.map(({ rss }) => rss)) });
  expect(report.comparison).toMatchObject({ missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 });
  expect(report.comparison.source).toBeGreaterThanOrEqual(orders);
  expect(requests.filter(({ wanted, state }) => wanted !== state)).toEqual([]);
  expect([report.refused, report.kills]).toEqual([[], 2]);
  expect(Math.max(...report.events)).toBeLessThan(4_000);
  // Flat: the last third needs hardly more than the first did.
  const third = Math.floor(looks.length / 3);
  const mostOf = (part: typeof looks) => Math.max(...part.map(({ rss }) => rss));
  expect(mostOf(looks.slice(-third))).toBeLessThan(mostOf(looks.slice(0, third)) * 1.3);
});
