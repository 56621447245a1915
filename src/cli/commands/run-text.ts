import type { RunReport } from "../../ops/run.ts";
import { countOf } from "../../sync/labels.ts";
import { formatCount, list, table } from "../output.ts";

/** How a pipeline reads: what changed since its checkpoint, all that the API has each time, or by one call. */
export type Reading = "changes" | "whole" | "call";

/** A run for people. @param several whether its mapping may make other documents of a record than one */
export function runText(report: RunReport, reading: Reading, several: boolean): string {
  const { pipeline, status, workflowId, runId, counts, documents, requests, slices, seconds, requestId, skipped } = report;
  const range = [
    ...(requestId === undefined ? [] : [["request", requestId] as const]),
    ...(skipped ?? []).map((part) => ["skipped", `${part.from} to ${part.to}, verified by an audit; --force reads it`] as const),
  ];
  if (counts === undefined) return list([["pipeline", pipeline], ["status", status], ["workflow", workflowId], ["run", runId], ...range]);
  const { read, duplicate, unchanged, superseded, quarantined, filtered, loaded } = counts;
  return [
    table(["read", "duplicate", "unchanged", "superseded", "quarantined", "filtered", "loaded", "requests", "slices"], [[read, duplicate, unchanged, superseded, quarantined, filtered, loaded, requests ?? 0, slices ?? 0]]),
    "",
    list([
      ["pipeline", pipeline], ["status", status],
      ...(several && documents !== undefined ? [["documents", `${formatCount(documents)}, of ${countOf(loaded, "loaded record")}`] as const] : []),
      ...reached(report, reading), ...(seconds === undefined ? [] : [["seconds", formatCount(seconds)] as const]), ...range,
    ]),
  ].join("\n");
}

/** What was read, and up to where everything is committed. A run that found nothing to read has no range. */
function reached({ from = null, to = null, checkpoint = null, slices = 0 }: RunReport, reading: Reading): (readonly [string, string])[] {
  const given = (label: string, value: string | null): (readonly [string, string])[] => (value === null ? [] : [[label, value]]);
  if (reading === "call") return given("called at", to);
  if (reading === "whole") return [...given("read", slices === 0 ? null : "all that the API has"), ...given("last read at", checkpoint)];
  return [...given("from", place(from)), ...given("to", place(to)), ["checkpoint", place(checkpoint) ?? "-"]];
}

function place(value: string | null): string | null {
  return value === null ? null : `${/^\d+$/.test(value) ? "version" : "modified"} ${value}`;
}
