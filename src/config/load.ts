import path from "node:path";
import { loadDotEnv } from "./dotenv.ts";
import { valueAt } from "./environment-values.ts";
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
 * @throws ConfigError `TM_CONFIG` for wrong values, `TM_CONFIG_…` for a file that cannot be read, `TM_MAPPING_LOAD` for a mapping's script that is not there and `TM_QEASY_…` for a strategy's file, where nothing else is wrong
 */
export async function loadConfig({ file: given, folder = process.cwd(), needs = "all", env = process.env }: LoadOptions = {}): Promise<LoadedConfig> {
  const file = findConfigFile(folder, given);
  loadDotEnv(path.dirname(file), env);
  const written = await readConfigFile(file);
  const strategies = namesStrategies(written) ? await (await import("./strategies.ts")).withStrategies(written, file) : null;
  const config = validateConfig(strategies?.tree ?? written, { file, home: homeOf(file, env), env, needs, ...(strategies === null ? {} : { strategies }) });
  for (const [name, qeasy] of strategies?.mappings ?? []) config.pipelines[name]!.mapping.qeasy = qeasy;
  for (const { name, mapping } of Object.values(config.pipelines)) {
    if (mapping.script === undefined) continue;
    const { loadScript } = await import("../mapping/load-script.ts");
    mapping.script = await loadScript(mapping.script.file, mapping.script.timeoutMs, `pipelines.${name}.mapping.script`);
  }
  return config;
}

/** Reading strategies takes a parser, which other configs need not load. */
function namesStrategies(written: unknown): boolean {
  const pipelines: unknown = valueAt(written, ["pipelines"]);
  if (typeof pipelines !== "object" || pipelines === null) return false;
  return Object.values(pipelines).some((pipeline) => [valueAt(pipeline, ["source", "qeasy"]), valueAt(pipeline, ["target", "qeasy"])].some((file) => file !== undefined));
}
