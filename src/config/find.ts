import { existsSync, statSync } from "node:fs";
import path from "node:path";
import { ConfigError } from "../errors.ts";

/** The names that a config file may have. */
export const CONFIG_NAMES = ["ts", "js", "mjs", "json", "yaml", "yml"].map((ending) => `tidemark.config.${ending}`);

/**
 * The config file: the one given, else the only one in the folder.
 * @returns its absolute path
 * @throws ConfigError `TM_CONFIG_MISSING`, `TM_CONFIG_AMBIGUOUS`
 */
export function findConfigFile(folder: string, given?: string): string {
  if (given !== undefined) {
    const file = path.resolve(folder, given);
    if (statSync(file, { throwIfNoEntry: false })?.isFile() === true) return file;
    throw new ConfigError("TM_CONFIG_MISSING", `there is no config file ${file}`, { path: file, fix: 'Give an existing file to --config, or make one with "tidemark init".' });
  }
  const found = CONFIG_NAMES.filter((name) => existsSync(path.join(folder, name)));
  if (found.length > 1) {
    throw new ConfigError("TM_CONFIG_AMBIGUOUS", `there is more than one config file in ${folder}: ${found.join(", ")}`, {
      path: folder, fix: "Keep one of them, or name it with --config FILE.",
    });
  }
  if (found[0] !== undefined) return path.join(folder, found[0]);
  throw new ConfigError("TM_CONFIG_MISSING", `there is no tidemark.config.ts (.js, .mjs, .json, .yaml, .yml) in ${folder}`, {
    path: folder, fix: 'Make one with "tidemark init", or name it with --config FILE.',
  });
}

/** The data folder of a config file: TIDEMARK_HOME, else `.tidemark` beside it. */
export function homeOf(file: string, env: NodeJS.ProcessEnv): string {
  const home = env["TIDEMARK_HOME"];
  return home !== undefined && home !== "" ? path.resolve(home) : path.join(path.dirname(file), ".tidemark");
}
