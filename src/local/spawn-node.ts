import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync } from "node:fs";
import path from "node:path";
import { killAtExit, endProcess } from "./processes.ts";
import { childArguments } from "./tsx.js";

export interface SpawnNodeOptions {
  /** Added to this process's environment. */
  env?: NodeJS.ProcessEnv;
  /** Appended to; "inherit": to this process's own output; "ignore" (default): nowhere. */
  log?: { file: string } | "inherit" | "ignore";
  cwd?: string;
  /** Flags for Node itself, such as `--max-old-space-size=350`. */
  nodeArguments?: string[];
}

/** A Node process of ours. */
export interface NodeProcess {
  readonly pid: number;
  readonly child: ChildProcess;
  /** How it ended; never rejects. */
  readonly exited: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** SIGTERM, and SIGKILL after `graceMs` (default 5 s). Resolves when it is gone. */
  stop(graceMs?: number): Promise<void>;
  /** SIGKILL: as a crash. */
  kill(): Promise<void>;
}

/**
 * Runs a TypeScript (or JavaScript) entry point with this same Node under tsx. The process has a group of its
 * own, so that a terminal's Ctrl-C reaches only the parent, which ends its children in the right order; it is
 * ended when this process exits, and ends by itself when this process was killed.
 * @param script absolute path
 */
export function spawnNode(script: string, args: string[] = [], options: SpawnNodeOptions = {}): NodeProcess {
  const child = launch(script, args, options);
  const exited = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve) => {
    child.once("exit", (code, signal) => resolve({ code, signal }));
    child.once("error", () => resolve({ code: null, signal: null }));
  });
  const { pid } = child;
  if (pid === undefined) throw new Error(`${process.execPath} could not be started`);
  const forget = killAtExit(pid, "SIGTERM");
  void exited.then(forget);
  return {
    pid,
    child,
    exited,
    stop: (graceMs = 5_000) => endProcess(pid, { signal: "SIGTERM", graceMs, gone: exited }),
    kill: () => endProcess(pid, { signal: "SIGKILL", graceMs: 5_000, gone: exited }),
  };
}

function launch(script: string, args: string[], options: SpawnNodeOptions): ChildProcess {
  const log = options.log ?? "ignore";
  const start = (output: number | "inherit" | "ignore"): ChildProcess =>
    spawn(process.execPath, [...childArguments(), ...(options.nodeArguments ?? []), script, ...args], {
      stdio: ["ignore", output, output],
      detached: true,
      windowsHide: true,
      env: { ...process.env, ...options.env },
      ...(options.cwd === undefined ? {} : { cwd: options.cwd }),
    });
  if (typeof log === "string") return start(log);
  mkdirSync(path.dirname(log.file), { recursive: true });
  const file = openSync(log.file, "a", 0o600);
  try {
    return start(file);
  } finally {
    closeSync(file);
  }
}
