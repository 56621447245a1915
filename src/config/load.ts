import path from "node:path";
import { loadDotEnv } from "./dotenv.ts";
import { findConfigFile, homeOf } from "./find.ts";
import { readConfigFile } from "./read.ts";
import { type ConfigNeeds, type LoadedConfig, validateConfig } from "./validate.ts";

export type { ConfigNeeds, LoadedConfig } from "./validate.ts";

export interface LoadOptions {
  /** The config file; default: the only `tidemark.config.*` of the folder. */
  file?: string;
  /** Default: the current folder. */
  folder?: string;
  /** Which accounts and targets have to be complete. Default: all. */
  needs?: ConfigNeeds;
  /** Default: this process's; a `.env` file beside the config is added to it. */
  env?: NodeJS.ProcessEnv;
}

/**
 * Finds, reads and checks the configuration.
 * @throws ConfigError `TM_CONFIG` for wrong values, `TM_CONFIG_…` for a file that cannot be read, `TM_MAPPING_LOAD` for a mapping's script that is not there
 */
export async function loadConfig({ file: given, folder = process.cwd(), needs = "all", env = process.env }: LoadOptions = {}): Promise<LoadedConfig> {
  const file = findConfigFile(folder, given);
  loadDotEnv(path.dirname(file), env);
  const config = validateConfig(await readConfigFile(file), { file, home: homeOf(file, env), env, needs });
  for (const { name, mapping } of Object.values(config.pipelines)) {
    if (mapping.script === undefined) continue;
    const { loadScript } = await import("../mapping/load-script.ts");
    mapping.script = await loadScript(mapping.script.file, mapping.script.timeoutMs, `pipelines.${name}.mapping.script`);
  }
  return config;
}
