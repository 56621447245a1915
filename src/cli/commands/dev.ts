import { defineCommand } from "../command.ts";
import { interrupted, untilInterrupted } from "../interrupt.ts";
import { list, say } from "../output.ts";
import { type ChangedOptions, changedOptions, readChanged } from "./changed-pipelines.ts";

/** Ctrl-C ends everything within 5 s. */
const LIMIT_MS = 4_800;

export const dev = defineCommand<ChangedOptions>({
  name: "dev",
  summary: "run everything on this machine until Ctrl-C: Temporal, Postgres, a worker, the schedules",
  description: "Starts Temporal with its UI and Postgres on this machine (or uses those that TEMPORAL_ADDRESS and DATABASE_URL name), a worker and the schedules of the config, until Ctrl-C. Other commands in the same folder find these servers by themselves.",
  examples: ["tidemark dev", "tidemark dev --keep orders    # its mapping was changed: as tidemark deploy", "TIDEMARK_HOME=/var/lib/tidemark tidemark dev"],
  configure: changedOptions,
  async run(context, options) {
    const config = await context.config("all");
    const changed = readChanged(config, options);
    const { startDev } = await import("../../ops/dev.ts");
    const signal = untilInterrupted({ limitMs: LIMIT_MS });
    say("Starting Temporal, Postgres and a worker…");
    const servers = await startDev(config, changed, { say, signal });
    try {
      // Nothing of what was to run has run yet.
      signal.throwIfAborted();
      if (context.json) process.stdout.write(`${JSON.stringify({ uiUrl: servers.uiUrl, logs: servers.logs, ...servers.deployed })}\n`);
      else say(list([["Temporal's UI", servers.uiUrl], ["worker's log", `${servers.logs}/worker.log`], ["pipelines", Object.keys(config.pipelines).join(", ")]]));
      say("Running. Ctrl-C ends it.");
      await interrupted(signal);
      return {};
    } finally {
      await servers.stop();
    }
  },
});
