import type { TidemarkConfig } from "../config/types.ts";
import type { Logger } from "../log.ts";
import { ownBuild } from "../temporal/build.ts";
import { connectWorker } from "../temporal/connect.ts";
import { installRuntime } from "../temporal/runtime.ts";
import { createWorker } from "../temporal/worker.ts";
import { openServices, temporalPlace } from "./open.ts";

/** Runs a worker until `signal` aborts; then activities under way are given time to stop. */
export async function runWorker(config: TidemarkConfig, options: { signal: AbortSignal; log: Logger; onReady: (where: string) => void }): Promise<void> {
  const opened = await openServices(config);
  try {
    const place = temporalPlace(config);
    const build = ownBuild(config.runtime);
    installRuntime(options.log);
    const { connection, namespace, address } = await connectWorker(place, { timeoutMs: 60_000 });
    try {
      options.signal.throwIfAborted();
      const worker = await createWorker({
        connection, namespace, services: opened.services,
        onProblem: (error) => options.log.warn({ err: error }, "Temporal does not tell or change which build is current"),
      });
      options.signal.addEventListener("abort", () => worker.shutdown(), { once: true });
      if (options.signal.aborted) worker.shutdown();
      options.onReady(`${address}, namespace ${namespace}, task queue ${config.runtime.taskQueue}${build === null ? "" : `, build ${build.buildId}`}`);
      await worker.run();
    } finally {
      await connection.close();
    }
  } finally {
    await opened.close();
  }
}
