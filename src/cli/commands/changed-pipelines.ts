import type { Command } from "commander";
import type { LoadedConfig } from "../../config/load.ts";
import type { DeployOptions } from "../../ops/deploy.ts";
import { UsageError } from "../failure.ts";
import { requirePipeline } from "../known-pipeline.ts";

export type ChangedOptions = Partial<DeployOptions>;

/** What a person says of pipelines whose source, target or mapping changed. */
export function changedOptions(command: Command): Command {
  return command
    .option("--reload <pipeline...>", "load these pipelines' records again")
    .option("--keep <pipeline...>", "what these pipelines loaded is at the changed place already");
}

/** @throws UsageError `TM_USAGE`, for an unknown pipeline or one that is named twice */
export function readChanged(config: LoadedConfig, { reload = [], keep = [] }: ChangedOptions): DeployOptions {
  for (const name of [...reload, ...keep]) requirePipeline(config, name);
  const both = reload.find((name) => keep.includes(name));
  if (both !== undefined) throw new UsageError("TM_USAGE", `--reload and --keep exclude each other: both name ${both}`, { path: "--reload", fix: "Give one of them: --reload loads everything again, --keep says that it is there." });
  return { reload, keep };
}
