import { linkedTo } from "../abort.ts";
import { TargetError } from "../errors.ts";
import type { SendGuard } from "./contract.ts";

/**
 * Runs `work` under a guard whose signal also aborts once `timeoutMs` have passed, counted anew from the moment of writing, and
 * waits no longer for it than that.
 * @param other what the other end is called, and where the config has it
 * @throws TargetError `retry`, `TM_TARGET_UNREACHABLE`; the guard's own reasons
 */
export async function limited<T>(guard: SendGuard, timeoutMs: number, other: { name: string; place: string }, work: (guard: SendGuard) => Promise<T>): Promise<T> {
  const { signal, abort, release } = linkedTo(guard.signal);
  const arm = () => setTimeout(() => abort(tooSlow(other, timeoutMs)), timeoutMs);
  let timer = arm();
  const beforeWrite = () => {
    clearTimeout(timer);
    signal.throwIfAborted();
    guard.beforeWrite();
    timer = arm();
  };
  try {
    signal.throwIfAborted();
    const aborted = new Promise<never>((_, reject) => signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true }));
    return await Promise.race([aborted, work({ signal, beforeWrite })]);
  } finally {
    clearTimeout(timer);
    release();
  }
}

function tooSlow({ name, place }: { name: string; place: string }, ms: number): TargetError {
  return new TargetError("retry", "TM_TARGET_UNREACHABLE", `${name} did not answer within ${ms} ms`, {
    path: `${place}.timeout`, fix: "A run repeats it by itself. If it goes on, look at the target's load and locks.",
  });
}
