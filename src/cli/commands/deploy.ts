import type { DeployReport } from "../../ops/deploy.ts";
import { defineCommand } from "../command.ts";
import { withTemporal } from "../connected.ts";
import { table } from "../output.ts";
import { type ChangedOptions, changedOptions, readChanged } from "./changed-pipelines.ts";

export const deploy = defineCommand<ChangedOptions>({
  name: "deploy",
  summary: "create or update the schedules of the config in Temporal",
  description: "Creates or updates the schedules in Temporal as the config says, and prints what changed; repeating it changes nothing. With worker versioning it sends new runs to this build. Refused while a pipeline's source, target or mapping is another than the one its records were loaded under, until --reload or --keep names the pipeline.",
  examples: ["tidemark deploy", "tidemark deploy --reload orders    # load everything again, for instance into a new target", "tidemark deploy --keep orders      # the new target holds the records already"],
  configure: changedOptions,
  async run(context, options) {
    const config = await context.config("all");
    const changed = readChanged(config, options);
    const { deploy } = await import("../../ops/deploy.ts");
    return withTemporal(config, async (services, temporal) => {
      const report = await deploy(services, temporal, changed);
      return { json: report, text: printed(report) };
    });
  },
});

function printed({ schedules, pipelines, build }: DeployReport): string {
  return [
    table(["pipeline", "change"], pipelines.map(({ name, change }) => [name, change])),
    "",
    table(["schedule", "when", "time zone", "change"], schedules.map(({ id, crons, timezone, change }) => [id, crons.join(" and "), timezone, change])),
    ...(build === null ? [] : ["", ...aboutBuild(build)]),
  ].join("\n");
}

function aboutBuild({ id, change, elsewhere }: NonNullable<DeployReport["build"]>): string[] {
  const name = id === "" ? "workers without a build" : `build ${id}`;
  return [
    change === "no-worker" ? `No worker of this build lives yet (${name}). It becomes current when you deploy again after starting one, or when the current build has no worker.` : `New runs go to ${name}.`,
    ...Object.entries(elsewhere).map(([build, runs]) => `Build ${build} has ${runs} ${runs === 1 ? "run" : "runs"} under way: its workers are needed until they have ended.`),
  ];
}
