import type { LoadedConfig } from "../../config/load.ts";
import type { BackfillView, Control } from "../../ops/backfills.ts";
import type { Place } from "../../store/requests.ts";
import type { BackfillStatus } from "../../sync/requests.ts";
import { type CommandResult, defineCommand } from "../command.ts";
import { withTemporal } from "../connected.ts";
import { UsageError } from "../failure.ts";
import { requirePipeline } from "../known-pipeline.ts";
import { list, paceOf, REMAP_COLUMNS, remapCells, table } from "../output.ts";

export const backfillList = defineCommand({
  name: "backfill list",
  summary: "the ranges and remaps that were asked for, and what the backfill does now",
  examples: ["tidemark backfill list orders", "tidemark backfill list orders --json | jq '.ranges[] | select(.state != \"done\")'"],
  configure: (command) => command.argument("<pipeline>", "name of the pipeline in the config"),
  async run(context, _options, [name = ""]) {
    const config = await context.config("none");
    requirePipeline(config, name);
    const { backfillView } = await import("../../ops/backfills.ts");
    return withTemporal(config, async (services, { client }) => {
      const view = await backfillView(services, client, name);
      return { json: { pipeline: name, ...view }, text: printed(name, view) };
    });
  },
});

export const backfillPause = defineCommand({
  name: "backfill pause",
  summary: "stop the pipeline's backfill after the slice under way",
  examples: ["tidemark backfill pause orders"],
  configure: (command) => command.argument("<pipeline>", "name of the pipeline in the config"),
  run: async (context, _options, [name = ""]) => signalled(await context.config("none"), name, { signal: "pause" }),
});

export const backfillResume = defineCommand({
  name: "backfill resume",
  summary: "let the pipeline's backfill go on",
  examples: ["tidemark backfill resume orders"],
  configure: (command) => command.argument("<pipeline>", "name of the pipeline in the config"),
  run: async (context, _options, [name = ""]) => signalled(await context.config("none"), name, { signal: "resume" }),
});

export const backfillCancel = defineCommand({
  name: "backfill cancel",
  summary: "end a range; what was read of it stays",
  examples: ["tidemark backfill cancel orders 5e0c1e0a-0a51-4d1c-9a3f-6c1d3b7f2b11    # a request id of backfill list"],
  configure: (command) => command.argument("<pipeline>", "name of the pipeline in the config").argument("<request>", "request id of the range, as listed"),
  run: async (context, _options, [name = "", requestId = ""]) => signalled(await context.config("none"), name, { signal: "cancelRange", requestId }),
});

export const backfillMove = defineCommand<{ first?: true; last?: true; before?: string }>({
  name: "backfill move",
  summary: "read a range earlier or later than the others",
  examples: ["tidemark backfill move orders 5e0c1e0a-0a51-4d1c-9a3f-6c1d3b7f2b11 --first    # directly after the slice under way"],
  configure: (command) =>
    command.argument("<pipeline>", "name of the pipeline in the config").argument("<request>", "request id of the range, as listed")
      .option("--first", "before all others").option("--last", "behind all others").option("--before <request>", "directly before this one"),
  async run(context, { first, last, before }, [name = "", requestId = ""]) {
    const places: Place[] = [...(first ? ["first" as const] : []), ...(last ? ["last" as const] : []), ...(before === undefined ? [] : [{ before }])];
    const [to] = places;
    if (to === undefined || places.length > 1) {
      throw new UsageError("TM_USAGE", "one of --first, --last and --before is needed", { fix: 'See "tidemark backfill move --help".' });
    }
    if (before === requestId) {
      throw new UsageError("TM_USAGE", `--before is ${JSON.stringify(before)}, the range itself`, { path: "--before", fix: "Name another open range, or use --first or --last." });
    }
    return signalled(await context.config("none"), name, { signal: "moveRange", requestId, to });
  },
});

async function signalled(config: LoadedConfig, name: string, control: Control): Promise<CommandResult> {
  requirePipeline(config, name);
  const { controlBackfill } = await import("../../ops/backfills.ts");
  return withTemporal(config, async (services, { client }) => {
    const workflowId = await controlBackfill(services, client, name, control);
    return { json: { pipeline: name, workflowId, signal: control.signal }, text: `${workflowId} got the signal ${control.signal}.` };
  });
}

function printed(name: string, { running, progress: now, ranges, remaps }: BackfillView): string {
  const state = now === null ? (running ? "runs, but no worker answers for it" : "no backfill runs") : now.paused ? "paused" : now.waitingFor === null ? "running" : `waits: ${now.waitingFor}`;
  return [
    list([
      ["pipeline", name], ["state", state], ...(now?.reading == null ? [] : [["reading", now.reading] as const]),
      // What is left is told of ranges, not of remaps.
      ...(now === null || (now.leftMs === 0 && remaps.some(({ state }) => state === "open")) ? [] : paceOf(now)),
    ]),
    ...(ranges.length === 0 ? [] : ["", rangeTable(ranges)]),
    ...(remaps.length === 0 ? [] : ["", table(["remap", ...REMAP_COLUMNS], remaps.map((one) => [one.remap, ...remapCells(one)]))]),
    ...ranges.flatMap(({ requestId, skipped }) => skipped.map(({ from, to }) => `${requestId}: ${from} to ${to} skipped, since an audit verified it`)),
    ...(now?.refused ?? []).map((why) => `refused: ${why}`),
  ].join("\n");
}

function rangeTable(ranges: readonly BackfillStatus[]): string {
  return table(
    ["request", "from", "to", "state", "done", "slices", "read", "loaded", "requests left"],
    ranges.map((one) => [one.requestId, one.from, one.to, one.state, `${one.percent} %`, one.slices, one.read, one.loaded, one.leftMs === 0 ? "-" : (one.requestsLeft ?? "?")]),
  );
}
