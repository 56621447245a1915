import { constants } from "node:os";
import { TidemarkError } from "../errors.ts";

/** How long a command that waits may take to end (ms): connecting does not heed the signal. */
const QUICK_MS = 2_000;

/**
 * A signal that aborts on Ctrl-C, SIGTERM or SIGHUP. A second one of these ends the process at once; hooks on its exit
 * end what it started. The exit code is that of a shell: 128 and the signal's number, 130 for Ctrl-C.
 * @param options.limitMs how long an orderly end may take before the process ends all the same; default: 2 s
 */
export function untilInterrupted(options: { limitMs?: number } = {}): AbortSignal {
  const controller = new AbortController();
  const interrupt = (signal: NodeJS.Signals): void => {
    const exitCode = interruptCode(signal);
    if (controller.signal.aborted) process.exit(exitCode);
    setTimeout(() => process.exit(exitCode), options.limitMs ?? QUICK_MS).unref();
    // With a limit, everything that was started ends with the command.
    controller.abort(new TidemarkError("TM_INTERRUPTED", "interrupted", { details: { signal }, ...(options.limitMs === undefined ? { fix: "What was started in Temporal goes on there." } : {}) }));
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, interrupt);
  return controller.signal;
}

/** What a process ends with that a signal ended. */
export function interruptCode(signal: NodeJS.Signals): number {
  return 128 + constants.signals[signal];
}

/** Resolves when the signal aborts; holds the process until then. */
export function interrupted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const hold = setInterval(() => undefined, 2 ** 30);
    const end = () => {
      clearInterval(hold);
      resolve();
    };
    if (signal.aborted) end();
    else signal.addEventListener("abort", end, { once: true });
  });
}
