import { spawn } from "node:child_process";
import process from "node:process";

/** Runs a command to its end; what it printed is kept (the first 100,000 characters), for the message of a failure. */
export function run(command, args, options = {}) {
  return new Promise((resolve) => {
    let output = "";
    const child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"], shell: process.platform === "win32" && command.endsWith(".cmd") });
    const stop = () => child.kill("SIGTERM");
    process.once("exit", stop);
    const keep = (chunk) => {
      if (output.length < 100_000) output += chunk;
    };
    child.stdout.on("data", keep);
    child.stderr.on("data", keep);
    child.on("error", (error) => {
      process.off("exit", stop);
      resolve({ code: 127, output: error.message });
    });
    child.on("close", (code) => {
      process.off("exit", stop);
      resolve({ code: code ?? 1, output });
    });
  });
}
