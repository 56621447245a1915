import { afterEach, beforeEach, expect, test } from "vitest";
import { acquireRequest, pauseRequests, type Priority, releaseForward } from "../../src/quota/budget.ts";
import type { Store } from "../../src/store/db.ts";
import { testStore } from "../support/pipeline.ts";

let store: Store;
beforeEach(async () => {
  store = await testStore();
});
afterEach(() => store.close());

const signal = new AbortController().signal;

/** `count` requests by one worker, one after the other. @returns when each was granted (ms) and its number */
async function ask(count: number, limits: { perSecond: number; perMinute: number }, priority: Priority = "forward") {
  const at: number[] = [];
  const numbers: bigint[] = [];
  for (let i = 0; i < count; i++) {
    numbers.push(BigInt((await acquireRequest(store, "main", limits, priority, signal)).readNo));
    at.push(performance.now());
  }
  return { at, numbers };
}

/** The most moments within any `ms`. */
const mostWithin = (moments: number[], ms: number) =>
  Math.max(...moments.map((from) => moments.filter((at) => at >= from && at < from + ms).length));

test("several workers together never get more than the limit in any second", async () => {
  const workers = await Promise.all([1, 2, 3].map(() => ask(7, { perSecond: 5, perMinute: 1000 })));
  expect(mostWithin(workers.flatMap((worker) => worker.at), 1_000)).toBeLessThanOrEqual(5);
});

test("the minute's limit holds while seconds are free", async () => {
  await ask(6, { perSecond: 100, perMinute: 6 });
  const seventh = acquireRequest(store, "main", { perSecond: 100, perMinute: 6 }, "forward", AbortSignal.timeout(1_500));
  await expect(seventh).rejects.toThrow();
});

test("a backfill waits while a forward run is asking, and goes on once that has ended", async () => {
  const limits = { perSecond: 50, perMinute: 3000 };
  await ask(1, limits);
  const started = performance.now();
  const backfill = ask(1, limits, "backfill").then(({ at }) => at[0]! - started);
  await new Promise((resolve) => setTimeout(resolve, 300));
  await releaseForward(store, "main");
  const waited = await backfill;
  expect(waited).toBeGreaterThan(280);
  expect(waited).toBeLessThan(1_400);
});

test("a pause holds for everybody", async () => {
  await ask(1, { perSecond: 50, perMinute: 3000 });
  await pauseRequests(store, "main", 700);
  const started = performance.now();
  const both = await Promise.all([1, 2].map(() => ask(1, { perSecond: 50, perMinute: 3000 })));
  for (const { at } of both) expect(at[0]! - started).toBeGreaterThan(650);
});

test("numbers tell the order of reading", async () => {
  const { numbers } = await ask(5, { perSecond: 50, perMinute: 3000 });
  expect(numbers).toEqual(numbers.toSorted((a, b) => (a < b ? -1 : 1)));
});
