import { setTimeout as sleep } from "node:timers/promises";
import { processIdentity } from "./process-identity.js";

const toEnd = new Map<number, { signal: NodeJS.Signals; identity: string | null }>();
let hooked = false;

/**
 * Sees to it that `pid` is signalled when this process exits (also after an uncaught error; not after SIGKILL).
 * @returns call it once the process has ended
 */
export function killAtExit(pid: number, signal: NodeJS.Signals): () => void {
  if (!hooked) {
    hooked = true;
    process.on("exit", () => {
      for (const [pid, { signal, identity }] of toEnd) {
        if (identity !== null && processIdentity(pid) === identity) signalQuietly(pid, signal);
      }
    });
  }
  toEnd.set(pid, { signal, identity: processIdentity(pid) });
  return () => void toEnd.delete(pid);
}

/**
 * Ends a process by its id and waits until it is gone: `signal` first, SIGKILL after `graceMs`.
 * A process that is gone already is left alone, also when its id was given to another since.
 * @param options.gone resolves when it ended, for children of this process; else its id is watched
 */
export async function endProcess(pid: number, options: { signal: NodeJS.Signals; graceMs: number; gone?: Promise<unknown> }): Promise<void> {
  const identity = processIdentity(pid);
  if (identity === null) return;
  const gone = options.gone ?? watch(pid, identity);
  signalQuietly(pid, options.signal);
  const waited = new AbortController();
  const late = sleep(options.graceMs, "late", { signal: waited.signal }).catch(() => "aborted");
  const first = await Promise.race([gone.then(() => "gone"), late]);
  waited.abort();
  if (first === "late" && processIdentity(pid) === identity) {
    signalQuietly(pid, "SIGKILL");
    await gone;
  }
}

async function watch(pid: number, identity: string): Promise<void> {
  while (processIdentity(pid) === identity) await sleep(25);
}

/** A process that ended in the meantime is no error here. */
export function signalQuietly(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
  }
}
