import { accessSync, constants, readFileSync, statSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import process from "node:process";
import { fileURLToPath } from "node:url";

/** The CLI release whose server is used: v1.6 and later cannot be built by `go install`. */
export const TEMPORAL_CLI_VERSION = "v1.5.1";

const executable = process.platform === "win32" ? "temporal.exe" : "temporal";

/** The program's own folder: the one that holds package.json. */
export const programRoot = fileURLToPath(new URL("../..", import.meta.url));

/** Where scripts/prepare.js puts the binary that it got. */
export const cachedTemporalBinary = path.join(programRoot, ".tidemark", "bin", executable);

/** Whether TEMPORAL_ADDRESS, or the profile that `@temporalio/envconfig` would load, names a server: then none is started here. */
export function namesTemporalServer(env = process.env) {
  if (isSet(env.TEMPORAL_ADDRESS)) return true;
  const file = isSet(env.TEMPORAL_CONFIG_FILE) ? env.TEMPORAL_CONFIG_FILE : path.join(configFolder(env), "temporalio", "temporal.toml");
  return hasAddress(readOrEmpty(file), isSet(env.TEMPORAL_PROFILE) ? env.TEMPORAL_PROFILE : "default");
}

/**
 * The Temporal binary that is there, in this order: TIDEMARK_TEMPORAL_CLI, `temporal` on PATH, the cached one.
 * Returns { path, from } or null; throws when TIDEMARK_TEMPORAL_CLI names no executable file.
 */
export function findTemporalBinary(env = process.env) {
  if (isSet(env.TIDEMARK_TEMPORAL_CLI)) {
    if (!isExecutable(env.TIDEMARK_TEMPORAL_CLI)) throw new Error(`TIDEMARK_TEMPORAL_CLI is ${env.TIDEMARK_TEMPORAL_CLI}, which is no executable file`);
    return { path: path.resolve(env.TIDEMARK_TEMPORAL_CLI), from: "TIDEMARK_TEMPORAL_CLI" };
  }
  for (const folder of (env.PATH ?? env.Path ?? "").split(path.delimiter)) {
    // Not the one of this project's node_modules/.bin, if ever there is one: it would be no server.
    if (folder === "" || folder.includes("node_modules")) continue;
    const candidate = path.join(folder, executable);
    if (isExecutable(candidate)) return { path: candidate, from: "PATH" };
  }
  return isExecutable(cachedTemporalBinary) ? { path: cachedTemporalBinary, from: "cache" } : null;
}

/** Looks for `address = …` below `[profile.NAME]`. A profile without one (only TLS, say) names no server. */
function hasAddress(toml, profile) {
  let inProfile = false;
  for (const line of toml.split(/\r?\n/)) {
    const header = /^\s*\[([^\]]+)\]/.exec(line);
    if (header !== null) inProfile = header[1].replace(/["'\s]/g, "") === `profile.${profile}`;
    else if (inProfile && /^\s*address\s*=\s*["'][^"']/.test(line)) return true;
  }
  return false;
}

function readOrEmpty(file) {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

function configFolder(env) {
  if (process.platform === "win32") return env.APPDATA ?? path.join(os.homedir(), "AppData", "Roaming");
  if (process.platform === "darwin") return path.join(os.homedir(), "Library", "Application Support");
  return isSet(env.XDG_CONFIG_HOME) ? env.XDG_CONFIG_HOME : path.join(os.homedir(), ".config");
}

function isSet(value) {
  return value !== undefined && value !== "";
}

function isExecutable(file) {
  try {
    accessSync(file, constants.X_OK);
    return statSync(file).isFile();
  } catch {
    return false;
  }
}
