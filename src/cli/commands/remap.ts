import type { LoadedConfig } from "../../config/load.ts";
import type { RemapReport } from "../../ops/remap.ts";
import { countOf } from "../../sync/labels.ts";
import type { RemapStatus } from "../../sync/remaps.ts";
import { type CommandResult, defineCommand } from "../command.ts";
import { withStore, withTemporal } from "../connected.ts";
import { UsageError } from "../failure.ts";
import { untilInterrupted } from "../interrupt.ts";
import { requirePipeline } from "../known-pipeline.ts";
import { formatCount, list, REMAP_COLUMNS, remapCells, say, table } from "../output.ts";
import { noteOtherConfig } from "./run-pipeline.ts";

export const remap = defineCommand<{ from?: string; to?: string; wait?: true; cancel?: true }>({
  name: "remap",
  summary: "apply a changed mapping to what is loaded, without asking the source",
  description: "Maps the rows that the pipeline keeps (source.keepRows) anew and loads the result: each record in the version that is there now, and what is in quarantine. The source is not asked. After a change of the mapping: tidemark deploy --keep, restart the workers, then this. Times without a zone are Asia/Shanghai. A worker has to be running.",
  examples: ["tidemark remap orders --wait", "tidemark remap orders --from 2026-01-01 --to 2026-02-01 --wait --json", "tidemark remap orders --cancel    # end it; how far it is: tidemark backfill list orders"],
  configure: (command) =>
    command
      .argument("<pipeline>", "name of the pipeline in the config")
      .option("--from <time>", "first modified time, included (default: no limit)")
      .option("--to <time>", "end, not included (default: no limit)")
      .option("--wait", "return when all of it is in the target, with the counts")
      .option("--cancel", "end the pipeline's remaps that are not done; what the target took of them stays"),
  async run(context, { from, to, wait = false, cancel = false }, [name = ""]) {
    if (cancel) {
      if (from !== undefined || to !== undefined || wait) throw new UsageError("TM_USAGE", "--cancel ends every remap of the pipeline, and goes with none of --from, --to and --wait", { path: "--cancel", fix: "Leave them out." });
      return cancelled(await context.config("none"), name);
    }
    const { parseDate, parseDateRange } = await import("../../config/dates.ts");
    if (from !== undefined && to !== undefined) parseDateRange({ from, to });
    const range = { from: from === undefined ? undefined : parseDate(from, "--from"), to: to === undefined ? undefined : parseDate(to, "--to") };
    const config = await context.config("none");
    requirePipeline(config, name);
    const { remapPipeline } = await import("../../ops/remap.ts");
    const signal = untilInterrupted();
    return withTemporal(config, async (services, temporal) => {
      const otherConfig = await noteOtherConfig(services, config, name);
      const report = await remapPipeline(services, temporal, name, range, { wait, signal, onNote: say });
      return { json: { ...report, otherConfig }, text: printed(report) };
    });
  },
});

async function cancelled(config: LoadedConfig, name: string): Promise<CommandResult> {
  requirePipeline(config, name);
  const { cancelRemap } = await import("../../ops/remap.ts");
  const remaps: RemapStatus[] = await withStore(config, (services) => cancelRemap(services, name));
  return { json: { pipeline: name, remaps }, text: table(["remap", ...REMAP_COLUMNS], remaps.map((one) => [one.remap, ...remapCells(one)])) };
}

function printed({ pipeline, status, kept, notKept, counts, slices, link }: RemapReport): string {
  if (link !== null) say(`See it in Temporal's UI: ${link}`);
  return [
    list([
      ["pipeline", pipeline], ["status", status === "nothing" ? "nothing to map anew" : status], ["kept", formatCount(kept)],
      ...Object.entries(counts ?? {}).filter(([what, count]) => count > 0 || what === "loaded").map(([what, count]) => [what, formatCount(count)] as const),
      ...(slices === undefined ? [] : [["slices", formatCount(slices)] as const]),
    ]),
    ...(notKept === 0 ? [] : ["", `${countOf(notKept, "record")} ${notKept === 1 ? "is" : "are"} not kept in the version that is loaded; "tidemark backfill ${pipeline} --force" with --from and --to reads them again.`]),
  ].join("\n");
}
