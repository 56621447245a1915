#!/usr/bin/env node
import { spawn } from "node:child_process";
import process from "node:process";
import { fileURLToPath } from "node:url";

// The program is TypeScript and runs as it stands: main.ts under tsx, in this process where Node can.
const main = new URL("./main.ts", import.meta.url);

const tsx = await import("../local/tsx.js").catch((error) => {
  if (error.code !== "MODULE_NOT_FOUND" && error.code !== "ERR_MODULE_NOT_FOUND") throw error;
  return null;
});

if (tsx === null) {
  process.stderr.write("tidemark: its packages are not installed. Run `npm ci` in its folder (`npm start` does it by itself).\n");
  process.exitCode = 1;
} else if (await tsx.registerTsx()) {
  await import(main.href);
} else {
  runInChild(tsx.childArguments());
}

/** Node before 20.6: the same Node again with the loader, and this process ends as that one does. */
function runInChild(loaderArguments) {
  const child = spawn(process.execPath, [...process.execArgv, ...loaderArguments, fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  // A terminal sends Ctrl-C to both; whoever signals this process alone means the program.
  process.on("SIGINT", () => undefined);
  for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
  child.on("error", (error) => {
    process.stderr.write(`tidemark: ${error.message}\n`);
    process.exitCode = 1;
  });
  child.on("exit", (code, signal) => {
    if (signal === null) {
      process.exitCode = code ?? 1;
      return;
    }
    process.removeAllListeners(signal);
    process.kill(process.pid, signal);
  });
}
