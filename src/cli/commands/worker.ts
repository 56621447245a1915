import { defineCommand } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";

export const worker = defineCommand({
  name: "worker",
  summary: "run a worker for all pipelines of the config until it is told to stop",
  description: "Runs a worker until SIGTERM or Ctrl-C; what is under way then gets a few seconds to come to a stop, and another worker goes on with it. Several workers share the work and the request budget. Logs JSON lines to standard error (TIDEMARK_LOG sets the level).",
  examples: ["tidemark worker", "DATABASE_URL=postgres://… TEMPORAL_ADDRESS=temporal:7233 TIDEMARK_KEY=… tidemark worker"],
  async run(context) {
    const config = await context.config("all");
    const [{ createLog }, { runWorker }] = await Promise.all([import("../../log.ts"), import("../../ops/worker.ts")]);
    const log = createLog("info");
    // Longer than a worker gives its activities to end.
    const signal = untilInterrupted({ limitMs: 20_000 });
    await runWorker(config, {
      signal, log,
      onReady: (where) => log.info({ pipelines: Object.keys(config.pipelines) }, `worker polls ${where}`),
    });
    log.info("worker stopped");
    return {};
  },
});
