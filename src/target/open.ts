import type { TargetConfig, TidemarkConfig } from "../config/types.ts";
import type { Target } from "./contract.ts";
import { createModuleTarget } from "./module.ts";
import { createMysql } from "./mysql.ts";
import { createPostgres } from "./postgres.ts";
import { createQeasyTarget } from "./qeasy.ts";
import { createTableTarget } from "./table/target.ts";

const targets = new Map<string, Target>();

/** One target a config and process, so that connections are kept. */
export function targetOf(config: TargetConfig): Target {
  const key = JSON.stringify(config);
  const target = targets.get(key) ?? createTarget(config);
  targets.set(key, target);
  return target;
}

/** Whether an audit can compare what the target holds; a module says so itself once it is asked. */
export function canBeRead(config: TargetConfig): boolean {
  return config.use !== "qeasy" || config.heldUrl !== null;
}

/** Ends the connections to the targets of a config; what uses one later connects anew. */
export async function closeTargets(config: TidemarkConfig): Promise<void> {
  const keys = Object.values(config.pipelines).map(({ target }) => JSON.stringify(target));
  await Promise.allSettled(keys.map(async (key) => {
    const target = targets.get(key);
    targets.delete(key);
    await target?.close?.();
  }));
}

/** A target of its own, which the caller closes. */
export function createTarget(config: TargetConfig): Target {
  if (config.use === "qeasy") return createQeasyTarget(config);
  if (config.use === "module") return createModuleTarget(config);
  return createTableTarget(config, config.use === "postgres" ? createPostgres(config) : createMysql(config));
}
