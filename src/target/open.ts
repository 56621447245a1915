import type { PipelineConfig, TargetConfig, TidemarkConfig } from "../config/types.ts";
import type { MappingConfig } from "../mapping/types.ts";
import type { Target } from "./contract.ts";
import { createModuleTarget } from "./module.ts";
import { createMysql } from "./mysql.ts";
import { createPostgres } from "./postgres.ts";
import { createQeasyTarget } from "./qeasy.ts";
import { createTableTarget } from "./table/target.ts";

const targets = new Map<string, Target>();

/** One target a pipeline and process, so that connections are kept. */
export function targetOf(pipeline: PipelineConfig): Target {
  const key = keyOf(pipeline);
  const target = targets.get(key) ?? createTarget(pipeline.target, `pipelines.${pipeline.name}.target`, pipeline.mapping);
  targets.set(key, target);
  return target;
}

function keyOf({ name, target, mapping }: PipelineConfig): string {
  return JSON.stringify([name, target, mapping.record]);
}

/** Whether an audit can compare what the target holds; a module says so itself once it is asked. */
export function canBeRead(config: TargetConfig): boolean {
  return config.use !== "qeasy" || config.heldUrl !== null;
}

/** Ends the connections to the targets of a config; what uses one later connects anew. */
export async function closeTargets(config: TidemarkConfig): Promise<void> {
  await Promise.allSettled(Object.values(config.pipelines).map(keyOf).map(async (key) => {
    const target = targets.get(key);
    targets.delete(key);
    await target?.close?.();
  }));
}

/**
 * A target of its own, which the caller closes.
 * @param place where the config has it, for errors
 * @param mapping what makes its records: types that it promises are those of columns
 */
export function createTarget(config: TargetConfig, place = "target", mapping?: MappingConfig): Target {
  if (config.use === "qeasy") return createQeasyTarget(config, place);
  if (config.use === "module") return createModuleTarget(config, place);
  return createTableTarget(config, config.use === "postgres" ? createPostgres(config, place) : createMysql(config, place), place, mapping);
}
