import type { LoadedConfig } from "../../config/load.ts";
import type { OpenedTemporal } from "../../ops/open.ts";
import type { RunOptions, RunReport } from "../../ops/run.ts";
import type { Services } from "../../sync/services.ts";
import type { CommandResult } from "../command.ts";
import { withTemporal } from "../connected.ts";
import { untilInterrupted } from "../interrupt.ts";
import { formatCount, list, openProgress, say, table } from "../output.ts";

/** What `sync` and `backfill` have in common: the connections, the progress bar and the report. */
export async function runPipeline(
  config: LoadedConfig, wait: boolean, work: (services: Services, temporal: OpenedTemporal, options: RunOptions) => Promise<RunReport>,
): Promise<CommandResult> {
  const signal = untilInterrupted();
  return withTemporal(config, async (services, temporal) => {
    const progress = wait ? openProgress() : null;
    try {
      const report = await work(services, temporal, { wait, signal, onProgress: (view) => progress?.show(view) });
      return { json: report, text: printed(report), exitCode: report.status === "failed" ? 1 : 0 };
    } finally {
      progress?.end();
    }
  });
}

function printed(report: RunReport): string {
  const { pipeline, status, workflowId, runId, link, counts, requests, slices, from, to, checkpoint, seconds, requestId, skipped } = report;
  if (link !== null) say(`See it in Temporal's UI: ${link}`);
  const range = [
    ...(requestId === undefined ? [] : [["request", requestId] as const]),
    ...(skipped ?? []).map((part) => ["skipped", `${part.from} to ${part.to}, verified by an audit; --force reads it`] as const),
  ];
  if (counts === undefined) return list([["pipeline", pipeline], ["status", status], ["workflow", workflowId], ["run", runId], ...range]);
  const { read, duplicate, unchanged, superseded, quarantined, loaded } = counts;
  return [
    table(["read", "duplicate", "unchanged", "superseded", "quarantined", "loaded", "requests", "slices"], [[read, duplicate, unchanged, superseded, quarantined, loaded, requests ?? 0, slices ?? 0]]),
    "",
    list([
      ["pipeline", pipeline], ["status", status],
      ...(from === undefined ? [] : [["from", from ?? "the beginning"] as const]), ...(to === undefined ? [] : [["to", to ?? "-"] as const]),
      ...(checkpoint === undefined ? [] : [["checkpoint", checkpoint ?? "-"] as const]), ...(seconds === undefined ? [] : [["seconds", formatCount(seconds)] as const]), ...range,
    ]),
  ].join("\n");
}
