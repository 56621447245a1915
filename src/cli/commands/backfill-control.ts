import type { LoadedConfig } from "../../config/load.ts";
import type { BackfillProgress } from "../../../workflows/types.ts";
import type { BackfillStatus } from "../../ops/status.ts";
import { type CommandResult, defineCommand } from "../command.ts";
import { withTemporal } from "../connected.ts";
import { requirePipeline } from "../known-pipeline.ts";
import { list, table } from "../output.ts";

export const backfillList = defineCommand({
  name: "backfill list",
  summary: "the ranges that were asked for, and what the backfill does now",
  examples: ["tidemark backfill list orders", "tidemark backfill list orders --json | jq '.ranges[] | select(.state != \"done\")'"],
  configure: (command) => command.argument("<pipeline>", "name of the pipeline in the config"),
  async run(context, _options, [name = ""]) {
    const config = await context.config("none");
    requirePipeline(config, name);
    const { backfillProgress, backfillRanges } = await import("../../ops/backfills.ts");
    return withTemporal(config, async (services, { client }) => {
      const [ranges, now] = await Promise.all([backfillRanges(services, name), backfillProgress(client, name)]);
      return { json: { pipeline: name, running: now !== null, progress: now, ranges }, text: printed(name, now, ranges) };
    });
  },
});

export const backfillPause = defineCommand({
  name: "backfill pause",
  summary: "stop the pipeline's backfill after the slice under way",
  examples: ["tidemark backfill pause orders"],
  configure: (command) => command.argument("<pipeline>", "name of the pipeline in the config"),
  run: async (context, _options, [name = ""]) => signalled(await context.config("none"), name, "pause"),
});

export const backfillResume = defineCommand({
  name: "backfill resume",
  summary: "let the pipeline's backfill go on",
  examples: ["tidemark backfill resume orders"],
  configure: (command) => command.argument("<pipeline>", "name of the pipeline in the config"),
  run: async (context, _options, [name = ""]) => signalled(await context.config("none"), name, "resume"),
});

export const backfillCancel = defineCommand({
  name: "backfill cancel",
  summary: "end a range; what was read of it stays",
  examples: ["tidemark backfill cancel orders 5e0c1e0a-0a51-4d1c-9a3f-6c1d3b7f2b11    # a request id of backfill list"],
  configure: (command) => command.argument("<pipeline>", "name of the pipeline in the config").argument("<request>", "request id of the range, as listed"),
  run: async (context, _options, [name = "", requestId = ""]) => signalled(await context.config("none"), name, "cancelRange", requestId),
});

async function signalled(config: LoadedConfig, name: string, signal: string, requestId?: string): Promise<CommandResult> {
  requirePipeline(config, name);
  const { controlBackfill } = await import("../../ops/backfills.ts");
  return withTemporal(config, async (services, { client }) => {
    const workflowId = await controlBackfill(services, client, name, signal, requestId);
    return { json: { pipeline: name, workflowId, signal }, text: `${workflowId} got the signal ${signal}.` };
  });
}

function printed(name: string, now: BackfillProgress | null, ranges: readonly BackfillStatus[]): string {
  const state = now === null ? "no backfill runs" : now.paused ? "paused" : now.waitingFor === null ? "running" : `waits: ${now.waitingFor}`;
  return [
    list([["pipeline", name], ["state", state], ...(now?.reading == null ? [] : [["reading", now.reading] as const])]),
    ...(ranges.length === 0 ? [] : ["", table(["request", "from", "to", "state", "read", "loaded"], ranges.map((one) => [one.requestId, one.from, one.to, one.state, one.read, one.loaded]))]),
  ].join("\n");
}
