import { chmodSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import path from "node:path";
import process from "node:process";
import { TEMPORAL_CLI_VERSION } from "../../src/local/temporal-binary.js";
import { downloadTemporal } from "./download-temporal.js";
import { run } from "./run.js";

const executable = process.platform === "win32" ? "temporal.exe" : "temporal";

/**
 * Puts the Temporal binary into `dir`: downloaded from where the SDK downloads it, else built with Go. It is made
 * under another name and moved when complete, so that nobody runs half of it.
 */
export async function getTemporalBinary(dir, say, sources = [download, build]) {
  mkdirSync(dir, { recursive: true });
  for (const left of readdirSync(dir)) if (left.startsWith("making-")) rmSync(path.join(dir, left), { recursive: true, force: true });
  const making = mkdtempSync(path.join(dir, "making-"));
  const reasons = [];
  try {
    for (const source of sources) {
      const reason = await source(making, say);
      const made = path.join(making, executable);
      if (reason === null && (await answers(made))) {
        renameSync(made, path.join(dir, executable));
        return;
      }
      reasons.push(reason ?? "what was downloaded does not run on this machine");
    }
  } finally {
    rmSync(making, { recursive: true, force: true });
  }
  throw new Error(
    [
      "there is no Temporal server on this machine, and it could not be got:",
      ...reasons.map((reason) => `  - ${reason}`),
      "One of these helps:",
      "  - install the Temporal CLI (https://docs.temporal.io/cli), so that `temporal` is on PATH;",
      "  - TIDEMARK_TEMPORAL_CLI=/path/to/temporal, for a binary that you have;",
      "  - install Go 1.24 or newer (GOPROXY names a mirror where the usual one is blocked);",
      "  - TEMPORAL_ADDRESS=host:port, for a server that runs already.",
    ].join("\n"),
  );
}

async function download(dir, say) {
  say(`getting the Temporal server ${TEMPORAL_CLI_VERSION} (a download of about 60 MB)…`);
  try {
    await downloadTemporal(dir, executable);
    return null;
  } catch (error) {
    return `the download failed: ${error.message}`;
  }
}

async function build(dir, say) {
  if ((await run("go", ["version"])).code !== 0) return "Go, to build it with, is not installed";
  say("the download cannot be reached; building the server with Go instead (about 3 minutes on two cores, once)…");
  const module = `github.com/temporalio/cli/cmd/temporal@${TEMPORAL_CLI_VERSION}`;
  // GOFLAGS=-mod=… and a cross-compiling GOOS of the user's would make `go install` refuse or build for another machine.
  const env = { ...process.env, GOBIN: dir, GOFLAGS: "", GOOS: "", GOARCH: "" };
  const { code, output } = await run("go", ["install", module], { env, cwd: dir });
  return code === 0 && existsSync(path.join(dir, executable)) ? null : `go install ${module} failed: ${output.trim().split("\n").slice(-5).join("\n    ")}`;
}

async function answers(file) {
  if (!existsSync(file)) return false;
  chmodSync(file, 0o755);
  return (await run(file, ["--version"])).code === 0;
}
