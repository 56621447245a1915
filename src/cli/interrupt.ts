import { TidemarkError } from "../errors.ts";

/**
 * A signal that aborts on Ctrl-C, SIGTERM or SIGHUP. A second one of these ends the process at once; hooks on its exit
 * end what it started.
 * @param options.limitMs how long an orderly end may take before the process ends all the same
 */
export function untilInterrupted(options: { limitMs?: number } = {}): AbortSignal {
  const controller = new AbortController();
  const interrupt = (): void => {
    if (controller.signal.aborted) process.exit(1);
    if (options.limitMs !== undefined) setTimeout(() => process.exit(1), options.limitMs).unref();
    // With a limit, everything that was started ends with the command.
    controller.abort(new TidemarkError("TM_INTERRUPTED", "interrupted", options.limitMs === undefined ? { fix: "What was started in Temporal goes on there." } : {}));
  };
  for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(name, interrupt);
  return controller.signal;
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
