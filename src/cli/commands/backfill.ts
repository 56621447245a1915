import { defineCommand } from "../command.ts";
import { UsageError } from "../failure.ts";
import { requirePipeline } from "../known-pipeline.ts";
import { runPipeline } from "./run-pipeline.ts";

interface BackfillOptions {
  from?: string;
  to?: string;
  force?: true;
  wait?: true;
}

export const backfill = defineCommand<BackfillOptions>({
  name: "backfill",
  summary: "copy everything that was last modified in a range of time",
  description: "Copies every record whose modified time lies in the range, beside the scheduled runs and with the requests that those leave over. What an audit has verified is not read again. Times without a zone are Asia/Shanghai. A worker has to be running.",
  examples: [
    "tidemark backfill orders --from 2026-01-01 --to 2026-02-01           # the whole of January",
    'tidemark backfill orders --from "2026-01-31 08:00" --to 2026-01-31T04:00:00Z --wait',
    "tidemark backfill orders --from 2026-01-01 --to 2026-02-01 --wait --json",
  ],
  configure: (command) =>
    command
      .argument("<pipeline>", "name of the pipeline in the config")
      .option("--from <time>", "first modified time, included; required")
      .option("--to <time>", "end of the range, not included; required")
      .option("--force", "read also what an audit has verified")
      .option("--wait", "return when all of it is in the target, with the counts"),
  async run(context, { from, to, force = false, wait = false }, [name = ""]) {
    const { parseDateRange } = await import("../../config/dates.ts");
    // Commander would ask `backfill list` for them as well.
    if (from === undefined || to === undefined) {
      throw new UsageError("TM_USAGE", `required option '--${from === undefined ? "from" : "to"} <time>' not specified`, { fix: 'See "tidemark backfill --help".' });
    }
    const range = { ...parseDateRange({ from, to }), force };
    const config = await context.config("none");
    requirePipeline(config, name);
    const { runBackfill } = await import("../../ops/run.ts");
    return runPipeline(config, name, wait, (services, temporal, options) => runBackfill(services, temporal, name, range, options));
  },
});
