import module, { createRequire } from "node:module";
import process from "node:process";
import { pathToFileURL } from "node:url";

const require = createRequire(import.meta.url);
const loader = pathToFileURL(require.resolve("tsx")).href;

// Not by name: before Node 20.6 the import itself would fail. tsx is loaded through it since; before, by --loader.
const canRegister = typeof module.register === "function";

/** What Node must be started with so that it runs TypeScript; absolute, so the working folder does not matter. */
export function tsxArguments() {
  if (canRegister) return ["--import", loader];
  // Such a loader works beside the main thread, where CommonJS is loaded. Each start would warn that it is experimental.
  return ["--no-warnings", "--require", require.resolve("tsx/cjs"), "--loader", loader];
}

/** As `tsxArguments`, for a process that must not outlive this one. */
export function childArguments() {
  return [...tsxArguments(), "--import", new URL(`./end-with-parent.js?parent=${process.pid}`, import.meta.url).href];
}

/** Makes this process run TypeScript; false where only a process started with `tsxArguments()` can. */
export async function registerTsx() {
  if (process.execArgv.includes(loader)) return true;
  if (!canRegister) return false;
  // Both: a config beside no package.json, or one without "type": "module", counts as CommonJS.
  for (const api of [await import("tsx/cjs/api"), await import("tsx/esm/api")]) api.register();
  return true;
}
