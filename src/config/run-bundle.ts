import { SourceMap, type SourceMapPayload } from "node:module";
import path from "node:path";
import { ConfigError } from "../errors.ts";
import { type Bundle, bundleConfig } from "./bundle.ts";

/** Node keeps a module for ever by its address; each load is a module of its own. */
let loads = 0;

/**
 * Runs a TypeScript or JavaScript file with its local imports.
 * @returns its default export
 * @throws ConfigError `TM_CONFIG_SYNTAX`, `TM_CONFIG_THROWS`
 */
export async function importBundled(file: string): Promise<unknown> {
  const bundle = await bundleConfig(file);
  loads += 1;
  // A data: address needs no file beside the user's, nor a loader, in any version of Node.
  const address = `data:text/javascript;base64,${Buffer.from(`${bundle.code}\n// ${loads}`).toString("base64")}`;
  try {
    return ((await import(address)) as { default?: unknown }).default;
  } catch (error) {
    throw asConfigError(error, bundle, file);
  }
}

/**
 * Runs a config file.
 * @returns its default export
 * @throws ConfigError `TM_CONFIG_SYNTAX`, `TM_CONFIG_THROWS`, `TM_CONFIG_EXPORT`
 */
export async function runConfigFile(file: string): Promise<unknown> {
  const config = await importBundled(file);
  if (typeof config === "object" && config !== null) return config;
  const got = config === undefined ? "has no default export" : `exports ${typeof config === "function" ? "a function" : JSON.stringify(config)} as default`;
  throw new ConfigError("TM_CONFIG_EXPORT", `${file} ${got}, where the configuration is expected`, {
    path: file, fix: "Write: export default defineConfig({ accounts: { … }, pipelines: { … } });",
  });
}

function asConfigError(error: unknown, bundle: Bundle, file: string): ConfigError {
  const message = error instanceof Error ? error.message : String(error);
  const place = placeOf(error instanceof Error ? error.stack : undefined, bundle, file) ?? file;
  return new ConfigError("TM_CONFIG_THROWS", `${place}: ${withoutAddresses(message)}`, { path: place, fix: "The config file itself failed; correct it at that place." });
}

/** `file:line:column` of the topmost frame that lies in the bundle. */
function placeOf(stack: string | undefined, { map }: Bundle, file: string): string | null {
  const frame = /data:text\/javascript;base64,[A-Za-z0-9+/=]+:(\d+):(\d+)/.exec(stack ?? "");
  if (frame === null) return null;
  const found = new SourceMap(JSON.parse(map) as SourceMapPayload).findEntry(Number(frame[1]) - 1, Number(frame[2]) - 1);
  if (!("originalSource" in found)) return null;
  return `${path.resolve(path.dirname(file), found.originalSource)}:${found.originalLine + 1}`;
}

/** Node's messages may quote the whole data: address. */
function withoutAddresses(text: string): string {
  return text.replace(/data:text\/javascript;base64,[A-Za-z0-9+/=]+/g, "the config file");
}
