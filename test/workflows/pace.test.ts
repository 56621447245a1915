import { expect, test } from "vitest";
import type { BackfillStatus } from "../../src/sync/requests.ts";
import { noTotals } from "../../workflows/lane.ts";
import { notePace, paceOf } from "../../workflows/pace.ts";
import type { PaceSample, Totals } from "../../workflows/types.ts";

const range = (leftMs: number, recordsLeft: number | null) => ({ leftMs, recordsLeft }) as BackfillStatus;
const totals = (slices: number, read: number, requests: number): Totals => ({ ...noTotals(), slices, counts: { ...noTotals().counts, read, requests } });

test("the pace is that of the latest slices, and not known before there are two", () => {
  const samples: PaceSample[] = [];
  notePace(samples, totals(0, 0, 0), 0);
  expect(paceOf(samples, { ranges: [range(10, 5)], leftMs: 10 })).toEqual({ recordsPerMinute: null, requestsPerMinute: null, leftMs: 10, recordsLeft: 5, timeLeftMs: null });
  notePace(samples, totals(1, 1_000, 12), 30_000);
  notePace(samples, totals(1, 1_000, 12), 45_000);
  expect(paceOf(samples, { ranges: [range(10, 4_000)], leftMs: 10 })).toMatchObject({ recordsPerMinute: 2_000, requestsPerMinute: 24, recordsLeft: 4_000, timeLeftMs: 120_000 });
  for (let n = 2; n <= 40; n++) notePace(samples, totals(n, n * 100, n), n * 60_000);
  expect(samples).toHaveLength(20);
  expect(paceOf(samples, { ranges: [], leftMs: 0 })).toMatchObject({ recordsPerMinute: 100, requestsPerMinute: 1, recordsLeft: 0, timeLeftMs: 0 });
});

test("what ranges share counts once, and what nobody knows stays unknown", () => {
  const shared = { ranges: [range(1_000, 50), range(1_000, 50), range(500, null)], leftMs: 1_500 };
  expect(paceOf([], shared)).toMatchObject({ recordsLeft: 75, timeLeftMs: null });
  expect(paceOf([], { ranges: [range(500, null)], leftMs: 500 })).toMatchObject({ recordsLeft: null, timeLeftMs: null });
});
