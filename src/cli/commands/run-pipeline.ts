import type { LoadedConfig } from "../../config/load.ts";
import type { OpenedTemporal } from "../../ops/open.ts";
import type { RunOptions, RunReport } from "../../ops/run.ts";
import type { OtherConfig } from "../../ops/workers.ts";
import type { Services } from "../../sync/services.ts";
import type { CommandResult } from "../command.ts";
import { withTemporal } from "../connected.ts";
import { untilInterrupted } from "../interrupt.ts";
import { formatCount, list, openProgress, say, table } from "../output.ts";

/** What `sync` and `backfill` have in common: the connections, the progress bar and the report. */
export async function runPipeline(
  config: LoadedConfig, name: string, wait: boolean, work: (services: Services, temporal: OpenedTemporal, options: RunOptions) => Promise<RunReport>,
): Promise<CommandResult> {
  const signal = untilInterrupted();
  return withTemporal(config, async (services, temporal) => {
    const otherConfig = await noteOtherConfig(services, config, name);
    const progress = wait ? openProgress() : null;
    try {
      const report = await work(services, temporal, { wait, signal, onProgress: (view) => progress?.show(view), onNote: say });
      return { json: { ...report, otherConfig }, text: printed(report), exitCode: report.status === "failed" ? 1 : 0 };
    } finally {
      progress?.end();
    }
  });
}

/** Says when workers do the pipeline by another config than this command was given. */
export async function noteOtherConfig(services: Services, config: LoadedConfig, name: string): Promise<OtherConfig | null> {
  const { otherConfig } = await import("../../ops/workers.ts");
  const other = await otherConfig(services, config, name);
  if (other !== null) say(`Note: ${other.workers} of ${other.of} live workers run with another config of ${name} (${other.parts.join(", ")}), and go by theirs. Restart them where they should go by this one.`);
  return other;
}

function printed(report: RunReport): string {
  const { pipeline, status, workflowId, runId, link, counts, requests, slices, from, to, checkpoint, seconds, requestId, skipped } = report;
  if (link !== null) say(`See it in Temporal's UI: ${link}`);
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
      ...(from === undefined ? [] : [["from", from ?? "the beginning"] as const]), ...(to === undefined ? [] : [["to", to ?? "-"] as const]),
      ...(checkpoint === undefined ? [] : [["checkpoint", checkpoint ?? "-"] as const]), ...(seconds === undefined ? [] : [["seconds", formatCount(seconds)] as const]), ...range,
    ]),
  ].join("\n");
}
