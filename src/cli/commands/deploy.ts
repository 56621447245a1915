import type { DeployReport } from "../../ops/deploy.ts";
import { defineCommand } from "../command.ts";
import { withTemporal } from "../connected.ts";
import { requirePipeline } from "../known-pipeline.ts";
import { table } from "../output.ts";

interface DeployOptions {
  reload?: string[];
  keep?: string[];
}

export const deploy = defineCommand<DeployOptions>({
  name: "deploy",
  summary: "create or update the schedules of the config in Temporal",
  description: "Creates or updates the schedules in Temporal as the config says, and prints what changed; repeating it changes nothing. Refused while a pipeline's source, target or mapping is another than the one its records were loaded under, until --reload or --keep names the pipeline.",
  examples: ["tidemark deploy", "tidemark deploy --reload orders    # load everything again, for instance into a new target", "tidemark deploy --keep orders      # the new target holds the records already"],
  configure: (command) =>
    command
      .option("--reload <pipeline...>", "load these pipelines' records again")
      .option("--keep <pipeline...>", "what these pipelines loaded is at the changed place already"),
  async run(context, { reload = [], keep = [] }) {
    const config = await context.config("all");
    for (const name of [...reload, ...keep]) requirePipeline(config, name);
    const { deploy } = await import("../../ops/deploy.ts");
    return withTemporal(config, async (services, temporal) => {
      const report = await deploy(services, temporal, { reload, keep });
      return { json: report, text: printed(report) };
    });
  },
});

function printed({ schedules, pipelines }: DeployReport): string {
  return [
    table(["pipeline", "change"], pipelines.map(({ name, change }) => [name, change])),
    "",
    table(["schedule", "when", "time zone", "change"], schedules.map(({ id, cron, timezone, change }) => [id, cron, timezone, change])),
  ].join("\n");
}
