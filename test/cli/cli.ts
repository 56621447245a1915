import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, onTestFinished } from "vitest";
import { tsxArguments } from "../../src/local/tsx.js";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));

const children: ChildProcess[] = [];
// A test that fails in the middle leaves nothing running.
afterAll(() => children.forEach((child) => child.kill("SIGKILL")));

export interface RunOptions {
  cwd?: string;
  env?: Record<string, string>;
  /** What standard input has; default: nothing. */
  stdin?: string;
}

/** A command line that has ended. */
export interface Ended {
  code: number | null;
  stdout: string;
  stderr: string;
  /** ms from start to end. */
  ms: number;
}

/** A folder of the test's own, with these files; gone when the test ends. */
export function folderWith(files: Record<string, string> = {}): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), "tidemark-cli-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) writeFileSync(path.join(folder, name), text);
  return folder;
}

/** Starts `tidemark` as a real process, without the environment of whoever runs the tests. */
export function startCli(args: string[], { cwd = os.tmpdir(), env = {}, stdin }: RunOptions = {}): ChildProcess {
  const inherited = Object.entries(process.env).filter(([name]) => !/^(?:JST_|QEASY_|TIDEMARK_|TEMPORAL_|DATABASE_URL$|VITEST|NODE_OPTIONS$|FORCE_COLOR$)/.test(name));
  const child = spawn(process.execPath, [...tsxArguments(), MAIN, ...args], { cwd, env: { ...Object.fromEntries(inherited), NO_COLOR: "1", ...env }, stdio: [stdin === undefined ? "ignore" : "pipe", "pipe", "pipe"] });
  child.stdin?.end(stdin);
  children.push(child);
  return child;
}

/** Runs `tidemark` to its end. */
export async function runCli(args: string[], options: RunOptions = {}): Promise<Ended> {
  const began = performance.now();
  const child = startCli(args, options);
  const [stdout, stderr] = [collect(child.stdout!), collect(child.stderr!)];
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, stdout: stdout(), stderr: stderr(), ms: performance.now() - began };
}

/** What a command with `--json` printed: exactly one object. */
export function jsonOf({ stdout }: Ended): unknown {
  const lines = stdout.trimEnd().split("\n");
  if (lines.length !== 1) throw new Error(`not one line of JSON: ${stdout}`);
  return JSON.parse(lines[0]!) as unknown;
}

/** The first line that a process prints on standard output. */
export async function firstLine(child: ChildProcess): Promise<string> {
  const stderr = collect(child.stderr!);
  let text = "";
  for await (const chunk of child.stdout!) {
    text += String(chunk);
    if (text.includes("\n")) return text.split("\n")[0]!;
  }
  throw new Error(`it ended without a line: ${text}${stderr()}`);
}

/** Ends a process as a person or a service manager does. @returns its exit code, and how long it took (ms) */
export async function end(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<{ code: number | null; ms: number }> {
  const began = performance.now();
  if (child.exitCode !== null) return { code: child.exitCode, ms: 0 };
  const exited = new Promise<number | null>((resolve) => child.once("exit", resolve));
  child.kill(signal);
  return { code: await exited, ms: performance.now() - began };
}

function collect(stream: NodeJS.ReadableStream): () => string {
  let text = "";
  stream.on("data", (chunk: unknown) => (text += String(chunk)));
  return () => text;
}
