import { mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { z } from "zod";
import { processIdentity } from "./process-identity.js";

const stateSchema = z.object({
  /** With the password: the file has mode 0600. */
  databaseUrl: z.string(),
  /** Empty: a server that the environment named. */
  temporalAddress: z.string(),
  uiUrl: z.string(),
  namespace: z.string(),
  /** The process that started the servers and ends them. */
  owner: z.object({ pid: z.number(), identity: z.string().nullable() }),
  /** Process ids by name: postgres, temporal, worker… */
  pids: z.record(z.string(), z.number()),
  /** ISO 8601, UTC. */
  startedAt: z.string(),
});

/** The servers that `tidemark dev` or the demo runs for a home folder, so that other commands there find them. */
export type DevState = z.infer<typeof stateSchema>;

function file(home: string): string {
  return path.join(home, "dev.json");
}

/** Says that this process runs the servers. Replaces the file at once: a reader never sees half of it. */
export function writeDevState(home: string, state: Omit<DevState, "owner" | "startedAt"> & { startedAt?: string }): void {
  mkdirSync(home, { recursive: true });
  const fresh = `${file(home)}.${process.pid}`;
  const owner = { pid: process.pid, identity: processIdentity(process.pid) };
  writeFileSync(fresh, `${JSON.stringify({ startedAt: new Date().toISOString(), ...state, owner }, null, 2)}\n`, { mode: 0o600 });
  renameSync(fresh, file(home));
}

/** The running servers of this home folder; null when there are none, or the process that ran them is dead. */
export function readDevState(home: string): DevState | null {
  let text: string;
  try {
    text = readFileSync(file(home), "utf8");
  } catch {
    return null;
  }
  const state = stateSchema.safeParse(parse(text));
  if (!state.success) return null;
  return processIdentity(state.data.owner.pid) === state.data.owner.identity ? state.data : null;
}

/** Takes the file away, if it is this process's. */
export function removeDevState(home: string): void {
  if (readDevState(home)?.owner.pid === process.pid) rmSync(file(home), { force: true });
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
