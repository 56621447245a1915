import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { bundleConfig } from "../config/bundle.ts";
import { ConfigError } from "../errors.ts";
import type { MappingScript } from "./types.ts";

/**
 * Reads a script hook with its local imports. What a worker has loaded stays until it starts anew.
 * @param file absolute path
 * @throws ConfigError `TM_MAPPING_LOAD` when it is not there, `TM_CONFIG_SYNTAX`
 */
export async function loadScript(file: string, timeoutMs: number, configPath: string): Promise<MappingScript> {
  if (!existsSync(file)) {
    throw new ConfigError("TM_MAPPING_LOAD", `${file} is not there`, { path: configPath, fix: "Give the path of the script, from the config file's folder." });
  }
  const { code, inputs } = await bundleConfig(file);
  const hash = createHash("sha256");
  // Of the texts, not of the bundle: another version of the bundler is no other mapping.
  for (const input of inputs) hash.update(JSON.stringify([path.relative(path.dirname(file), input), readFileSync(input, "utf8")]));
  return { file, code, timeoutMs, hash: hash.digest("hex") };
}
