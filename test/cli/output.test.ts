import { stripVTControlCharacters } from "node:util";
import { expect, test } from "vitest";
import { type Reading, runText } from "../../src/cli/commands/run-text.ts";
import { figures, formatBytes, formatSpan, paceOf, table } from "../../src/cli/output.ts";
import type { RunReport } from "../../src/ops/run.ts";

test("a table lines up, with numbers to the right and Chinese characters two places wide", () => {
  expect(table(["name", "read"], [["订单", 1_234], ["orders", 5]]).split("\n").slice(1).map((line) => line.trimEnd())).toEqual(["订单    1,234", "orders      5"]);
});

test("progress tells the rate, and what modified time is left", () => {
  expect(figures({ records: 3_000, pages: 30, share: 0.25, leftMs: 3 * 86_400_000 }, 10_000)).toEqual({ percent: "25 %", records: "3,000", pages: "30", rate: "300", left: "3 d of modified time left" });
  expect(figures({ records: 0, pages: 0, share: null, leftMs: null }, 0)).toEqual({ percent: "", records: "0", pages: "0", rate: "0", left: "" });
});

test("a backfill's pace is told as far as it is known", () => {
  expect(paceOf({ recordsPerMinute: 12_000, requestsPerMinute: 130, recordsLeft: 90_000, timeLeftMs: 450_000 })).toEqual([["pace", "12,000 records and 130 requests a minute"], ["left", "about 90,000 records, 8 min"]]);
  expect(paceOf({ recordsPerMinute: 1, requestsPerMinute: 1, recordsLeft: 1, timeLeftMs: 60_000 })).toEqual([["pace", "1 record and 1 request a minute"], ["left", "about 1 record, 1 min"]]);
  expect(paceOf({ recordsPerMinute: null, requestsPerMinute: null, recordsLeft: 90_000, timeLeftMs: null })).toEqual([["left", "about 90,000 records"]]);
  expect(paceOf({ recordsPerMinute: null, requestsPerMinute: null, recordsLeft: null, timeLeftMs: null })).toEqual([]);
});

test.each([[900, "1 s"], [3_000, "3 s"], [720_000, "12 min"], [18_000_000, "5 h"], [172_800_000, "2 d"]])("%d ms is %s", (ms, text) => {
  expect(formatSpan(ms)).toBe(text);
});

const COUNTS = { read: 60, duplicate: 0, unchanged: 3, superseded: 0, quarantined: 0, filtered: 7, loaded: 50 };
const RUN: RunReport = { pipeline: "orders", status: "completed", workflowId: "w", runId: "r", link: null, counts: COUNTS, documents: 153, requests: 2, pages: 1, slices: 1 };
const told = (report: Partial<RunReport>, reading: Reading = "changes", several = false) => stripVTControlCharacters(runText({ ...RUN, ...report }, reading, several)).split("\n\n")[1]!.split("\n").slice(2).map((line) => line.split(/ {2,}/));

test("a run's ends are versions or modified times, and say which; one that found nothing has none", () => {
  expect(told({ from: "2026-01-01T00:00:00Z", to: "20260101000005134", checkpoint: "20260101000005134", seconds: 2 })).toEqual([
    ["from", "modified 2026-01-01T00:00:00Z"], ["to", "version 20260101000005134"], ["checkpoint", "version 20260101000005134"], ["seconds", "2"],
  ]);
  expect(told({ from: null, to: null, checkpoint: "7" })).toEqual([["checkpoint", "version 7"]]);
  expect(told({ from: null, to: null, checkpoint: null })).toEqual([["checkpoint", "-"]]);
});

test("what is read whole, or called, has no beginning: the run says what was read and when", () => {
  const at = "2026-11-24T04:56:23Z";
  expect(told({ from: null, to: null, checkpoint: at }, "whole")).toEqual([["read", "all that the API has"], ["last read at", at]]);
  expect(told({ from: null, to: at, checkpoint: at }, "call")).toEqual([["called at", at]]);
});

test("where a record may become several documents their number stands beside that of the records", () => {
  expect(told({ checkpoint: "7" }, "changes", true)).toEqual([["documents", "153, of 50 loaded records"], ["checkpoint", "version 7"]]);
});

test.each([[0, "0 B"], [999, "999 B"], [1_500, "1.5 kB"], [23_400_000, "23 MB"], [1_200_000_000, "1.2 GB"]])("%d bytes are %s", (bytes, text) => {
  expect(formatBytes(bytes)).toBe(text);
});
