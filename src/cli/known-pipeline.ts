import { suggest } from "../config/nearest.ts";
import type { TidemarkConfig } from "../config/types.ts";
import { UsageError } from "./failure.ts";

/** Refuses a name that the config does not have, before anything is connected. @throws UsageError `TM_PIPELINE_UNKNOWN` */
export function requirePipeline(config: TidemarkConfig, name: string): void {
  if (Object.hasOwn(config.pipelines, name)) return;
  throw new UsageError("TM_PIPELINE_UNKNOWN", `there is no pipeline "${name}" in ${config.file}`, {
    path: `pipelines.${name}`, fix: suggest(name, Object.keys(config.pipelines)),
  });
}
