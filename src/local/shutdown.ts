/** How long an orderly end may take (ms) before the process ends all the same; its exit hooks end what is left. */
const LIMIT_MS = 5_000;

/**
 * Runs `end` once, on the first SIGINT, SIGTERM or SIGHUP, then exits: with 0 after Ctrl-C or SIGTERM on a
 * program that is meant to run until then. A second signal, or 5 s, exits at once.
 * @returns call it to take the handlers away
 */
export function onShutdown(end: () => Promise<void>): () => void {
  let ending = false;
  const handle = (): void => {
    if (ending) process.exit(130);
    ending = true;
    setTimeout(() => process.exit(1), LIMIT_MS).unref();
    end().then(
      () => process.exit(0),
      (error: unknown) => {
        process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
        process.exit(1);
      },
    );
  };
  const signals = ["SIGINT", "SIGTERM", "SIGHUP"] as const;
  for (const signal of signals) process.on(signal, handle);
  return () => {
    for (const signal of signals) process.off(signal, handle);
  };
}
