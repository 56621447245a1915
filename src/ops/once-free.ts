import { setTimeout as sleep } from "node:timers/promises";
import { TidemarkError } from "../errors.ts";
import { readDevState } from "../local/dev-state.ts";

/** Longer than `check` waits for a source and a target that do not answer (ms). */
const WAIT_MS = 120_000;
const POLL_MS = 200;

/**
 * Does what starts or ends a server of the folder, once a command that uses it for a while (`check`, `preview`) has ended.
 * @param options.onWait called once, when there is something to wait for
 * @throws TidemarkError `TM_ALREADY_RUNNING` as soon as the folder's servers are those of `tidemark dev`
 */
export async function onceFree<T>(home: string, work: () => Promise<T>, { onWait, signal }: { onWait?: () => void; signal?: AbortSignal } = {}): Promise<T> {
  const until = performance.now() + WAIT_MS;
  for (let told = false; ; told = true) {
    try {
      return await work();
    } catch (error) {
      const used = error instanceof TidemarkError && error.code === "TM_ALREADY_RUNNING";
      if (!used || readDevState(home) !== null || performance.now() > until) throw error;
      if (!told) onWait?.();
    }
    await sleep(POLL_MS);
    signal?.throwIfAborted();
  }
}
