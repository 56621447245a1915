import type { LoadedConfig } from "../../config/load.ts";
import type { PipelineConfig } from "../../config/types.ts";
import type { OpenedTemporal } from "../../ops/open.ts";
import type { RunOptions, RunReport } from "../../ops/run.ts";
import type { OtherConfig } from "../../ops/workers.ts";
import type { Services } from "../../sync/services.ts";
import type { CommandResult } from "../command.ts";
import { withTemporal } from "../connected.ts";
import { untilInterrupted } from "../interrupt.ts";
import { openProgress, say } from "../output.ts";
import { type Reading, runText } from "./run-text.ts";

/** What `sync` and `backfill` have in common: the connections, the progress bar and the report. */
export async function runPipeline(
  config: LoadedConfig, name: string, wait: boolean, work: (services: Services, temporal: OpenedTemporal, options: RunOptions) => Promise<RunReport>,
): Promise<CommandResult> {
  const signal = untilInterrupted();
  const pipeline = config.pipelines[name]!;
  return withTemporal(config, async (services, temporal) => {
    const otherConfig = await noteOtherConfig(services, config, name);
    const progress = wait ? openProgress() : null;
    try {
      const report = await work(services, temporal, { wait, signal, onProgress: (view) => progress?.show(view), onNote: say });
      if (report.link !== null) say(`See it in Temporal's UI: ${report.link}`);
      return { json: { ...report, otherConfig }, text: runText(report, await readingOf(config, pipeline), maySplit(pipeline)), exitCode: report.status === "failed" ? 1 : 0 };
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

async function readingOf(config: LoadedConfig, { source }: PipelineConfig): Promise<Reading> {
  const { getApi } = await import("../../source/jushuitan/catalogue.ts");
  if (getApi(source.api, config.apis).call === true) return "call";
  return source.cursor === "snapshot" ? "whole" : "changes";
}

function maySplit({ mapping: { explode, script, qeasy } }: PipelineConfig): boolean {
  return explode !== undefined || script !== undefined || qeasy?.oneEach === false;
}
