import { defineCommand } from "../command.ts";
import { requirePipeline } from "../known-pipeline.ts";
import { runPipeline } from "./run-pipeline.ts";

export const sync = defineCommand<{ wait?: true }>({
  name: "sync",
  summary: "copy what changed since the last run",
  description: "Starts a run of the pipeline now, after the one that may be under way. A worker has to be running.",
  examples: ["tidemark sync orders", "tidemark sync orders --wait", "tidemark sync orders --wait --json | jq .counts"],
  configure: (command) =>
    command
      .argument("<pipeline>", "name of the pipeline in the config")
      .option("--wait", "return when a run that began after this command has ended, with its counts"),
  async run(context, { wait = false }, [name = ""]) {
    const config = await context.config("none");
    requirePipeline(config, name);
    const { runSync } = await import("../../ops/run.ts");
    return runPipeline(config, name, wait, (services, temporal, options) => runSync(services, temporal, name, options));
  },
});
