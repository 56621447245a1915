import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdirSync, openSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { TidemarkError } from "../errors.ts";
import { withLock } from "./lock.js";
import { processIdentity } from "./process-identity.js";
import { endProcess, killAtExit } from "./processes.ts";

/** A server that this process started and that ends with it. */
export interface ServerHandle {
  /** The process id of the one running now; after `restart` another. */
  readonly pid: number;
  /** Ends it in an orderly way, at most 5 s, then by force. */
  stop(): Promise<void>;
  /** Ends it as a crash would (SIGKILL). */
  kill(): Promise<void>;
  /** Starts it again on the same ports and data, after `stop`, `kill` or while it runs. */
  restart(): Promise<void>;
}

/** How to run one server. */
export interface ServerCommand {
  /** For messages: "the Temporal server". */
  name: string;
  /** The code of the error when it does not start. */
  errorCode: string;
  /** Holds its log, its record and its lock. Used by this server alone. */
  dir: string;
  command: string;
  args: string[];
  env?: NodeJS.ProcessEnv;
  /** Another user to run as (needs root). */
  user?: { uid: number; gid: number } | undefined;
  stopSignal: NodeJS.Signals;
  /** Resolves when it serves, throws while it does not; asked again until `timeoutMs`. */
  ready: () => Promise<void>;
  /** Clears what a crashed predecessor left; called before each start, with no such server running. */
  beforeStart?: () => Promise<void>;
  /** How long it may take to serve (ms), default 60 s. */
  timeoutMs?: number;
  /** A server that ends with this in its log is started again, for ten seconds: what keeps it from starting is about to end. */
  passing?: RegExp;
}

/** Written beside the data: who runs the server, so that the next start can end what a killed owner left. */
interface ServerRecord {
  pid: number;
  identity: string | null;
  ownerPid: number;
  ownerIdentity: string | null;
}

const STOP_MS = 5_000;
const PASSING_MS = 10_000;

/**
 * Starts a server in a process group of its own (Ctrl-C in a terminal must not reach it before its users have
 * ended), waits until it serves, and sees to it that it ends with this process. One left behind by a killed
 * owner is ended first.
 * @throws TidemarkError `errorCode` with the last lines of its log, or TM_ALREADY_RUNNING
 */
export async function startServer(command: ServerCommand): Promise<ServerHandle> {
  mkdirSync(command.dir, { recursive: true });
  let running = await start(command);
  return {
    get pid() {
      return running.pid;
    },
    stop: () => running.end(command.stopSignal),
    kill: () => running.end("SIGKILL"),
    restart: async () => {
      await running.end(command.stopSignal);
      running = await start(command);
    },
  };
}

/** Where the server of `dir` writes what it says. */
export function logFile(dir: string): string {
  return path.join(dir, "server.log");
}

interface Running {
  pid: number;
  end(signal: NodeJS.Signals): Promise<void>;
}

async function start(command: ServerCommand): Promise<Running> {
  for (const until = Date.now() + PASSING_MS; ; await sleep(200)) {
    try {
      return await startOnce(command);
    } catch (error) {
      if (command.passing === undefined || Date.now() > until || !(error instanceof Error) || !command.passing.test(error.message)) throw error;
    }
  }
}

async function startOnce(command: ServerCommand): Promise<Running> {
  return await withLock(path.join(command.dir, "server.lock"), async () => {
    await endLeftover(command);
    await command.beforeStart?.();
    const log = logFile(command.dir);
    const logFrom = sizeOf(log);
    const child = launch(command, log);
    const exited = new Promise<string>((resolve) => {
      child.once("error", (error) => resolve(error.message));
      child.once("exit", (code, signal) => resolve(signal === null ? `it ended with code ${String(code)}` : `it was ended by ${signal}`));
    });
    if (child.pid === undefined) throw failure(command, await exited, log, logFrom);
    const { pid } = child;
    const forget = killAtExit(pid, command.stopSignal);
    const end = async (signal: NodeJS.Signals): Promise<void> => {
      await endProcess(pid, { signal, graceMs: STOP_MS, gone: exited });
      forget();
      rmSync(recordFile(command.dir), { force: true });
    };
    writeRecord(command.dir, { pid, identity: processIdentity(pid), ownerPid: process.pid, ownerIdentity: processIdentity(process.pid) });
    try {
      await untilReady(command, exited);
    } catch (error) {
      await end("SIGKILL");
      throw failure(command, error instanceof Error ? error.message : String(error), log, logFrom);
    }
    return { pid, end };
  });
}

function launch(command: ServerCommand, log: string): ChildProcess {
  const out = openSync(log, "a", 0o600);
  try {
    const child = spawn(command.command, command.args, {
      stdio: ["ignore", out, out],
      detached: true,
      windowsHide: true,
      env: command.env ?? process.env,
      cwd: command.dir,
      ...command.user,
    });
    child.unref();
    return child;
  } finally {
    closeSync(out);
  }
}

async function untilReady(command: ServerCommand, exited: Promise<string>): Promise<void> {
  const limit = command.timeoutMs ?? 60_000;
  const deadline = Date.now() + limit;
  const died = exited.then((how) => ({ how }));
  for (;;) {
    const ended = await Promise.race([died, command.ready().then(() => null, (error: unknown) => ({ error }))]);
    if (ended === null) return;
    if ("how" in ended) throw new Error(ended.how);
    if (Date.now() > deadline) throw new Error(`it did not serve within ${limit / 1000} s`, { cause: ended.error });
    await Promise.race([died, sleep(50)]);
  }
}

/**
 * Ends the server that a killed program left running in `dir`, so that its folder may be removed.
 * @throws TidemarkError TM_ALREADY_RUNNING when its program is still there
 */
export async function endLeftServer(dir: string, name: string): Promise<void> {
  await endLeftover({ dir, name, stopSignal: "SIGINT" });
}

async function endLeftover(command: Pick<ServerCommand, "dir" | "name" | "stopSignal">): Promise<void> {
  const record = readRecord(command.dir);
  if (record === null || record.identity === null || processIdentity(record.pid) !== record.identity) return;
  if (record.ownerIdentity !== null && processIdentity(record.ownerPid) === record.ownerIdentity) {
    throw new TidemarkError("TM_ALREADY_RUNNING", `${command.name} of ${command.dir} is already running (process ${record.pid}, started by process ${record.ownerPid})`, {
      path: command.dir,
      fix: "Stop that program first, or set TIDEMARK_HOME to another folder for this one.",
    });
  }
  await endProcess(record.pid, { signal: command.stopSignal, graceMs: STOP_MS });
}

function failure(command: ServerCommand, how: string, log: string, logFrom: number): TidemarkError {
  const lines = lastLines(log, logFrom, 15);
  return new TidemarkError(command.errorCode, `${command.name} did not start: ${how}${lines === "" ? "" : `\n${lines}`}`, {
    path: log,
    fix: "Read the log's last lines above; the whole log is in the file named here.",
  });
}

function lastLines(file: string, from: number, count: number): string {
  try {
    const lines = readFileSync(file).subarray(from).toString("utf8").trimEnd().split("\n");
    // A Go program that panics says why before, and where in a hundred lines after.
    const panic = lines.findIndex((line) => line.startsWith("panic:"));
    return (panic === -1 ? lines.slice(-count) : lines.slice(Math.max(panic - 4, 0), panic + 1)).map((line) => `  ${line.slice(0, 500)}`).join("\n").trimEnd();
  } catch {
    return "";
  }
}

function sizeOf(file: string): number {
  return statSync(file, { throwIfNoEntry: false })?.size ?? 0;
}

function recordFile(dir: string): string {
  return path.join(dir, "server.json");
}

function writeRecord(dir: string, record: ServerRecord): void {
  const fresh = `${recordFile(dir)}.${process.pid}`;
  writeFileSync(fresh, JSON.stringify(record), { mode: 0o600 });
  renameSync(fresh, recordFile(dir));
}

function readRecord(dir: string): ServerRecord | null {
  try {
    return JSON.parse(readFileSync(recordFile(dir), "utf8")) as ServerRecord;
  } catch {
    return null;
  }
}
