import type { Command } from "commander";
import { parseDate } from "../../config/dates.ts";
import type { LoadedConfig } from "../../config/load.ts";
import type { EntryFilter } from "../../store/quarantine-entries.ts";
import { defineGroup } from "../command.ts";
import { UsageError } from "../failure.ts";
import { requirePipeline } from "../known-pipeline.ts";

export const quarantine = defineGroup("quarantine", "records that were set aside: list, show, replay, discard", [
  "tidemark quarantine list orders",
  "tidemark quarantine show 17",
  "tidemark quarantine replay orders --code TM_TARGET_REFUSED --wait",
  'tidemark quarantine discard orders --id 880003 --because "test order"',
]);

/** What chooses entries; all that is given has to hold. */
export interface FilterOptions {
  id?: string[];
  code?: string;
  reason?: string;
  from?: string;
  to?: string;
  all?: true;
}

export function withFilter(command: Command): Command {
  return command
    .option("--id <id...>", "records with these source ids")
    .option("--code <code>", "set aside under this code, such as TM_TARGET_REFUSED")
    .option("--reason <text>", "whose reason has this text in it")
    .option("--from <time>", "set aside at or after this time (without zone: Asia/Shanghai)")
    .option("--to <time>", "set aside before this time");
}

/** @throws UsageError, ConfigError `TM_DATE` */
export function filterOf({ id, code, reason, from, to }: FilterOptions, pipeline?: string): EntryFilter {
  return {
    pipeline, ids: id, code, reason,
    from: from === undefined ? undefined : parseDate(from, "--from"), to: to === undefined ? undefined : parseDate(to, "--to"),
  };
}

/** For commands that change something: a pipeline, and something that chooses entries or `--all`. @throws UsageError */
export function chosen(config: LoadedConfig, options: FilterOptions, pipeline: string): EntryFilter {
  requirePipeline(config, pipeline);
  const { all, ...chooses } = options;
  const given = [chooses.id, chooses.code, chooses.reason, chooses.from, chooses.to].some((value) => value !== undefined);
  if (given === (all === true)) {
    throw new UsageError("TM_USAGE", given ? "--all and a choice of entries are both given" : "no entries are chosen", {
      path: "--all", fix: "Choose by --id, --code, --reason, --from or --to; or give --all for every open entry of the pipeline.",
    });
  }
  return filterOf(options, pipeline);
}
