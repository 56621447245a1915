import type { DeployReport } from "../../ops/deploy.ts";
import { defineCommand } from "../command.ts";
import { withTemporal } from "../connected.ts";
import { UsageError } from "../failure.ts";
import { requirePipeline } from "../known-pipeline.ts";
import { table } from "../output.ts";

interface DeployOptions {
  reload?: string[];
  keep?: string[];
}

export const deploy = defineCommand<DeployOptions>({
  name: "deploy",
  summary: "create or update the schedules of the config in Temporal",
  description: "Creates or updates the schedules in Temporal as the config says, and prints what changed; repeating it changes nothing. With worker versioning it sends new runs to this build. Refused while a pipeline's source, target or mapping is another than the one its records were loaded under, until --reload or --keep names the pipeline.",
  examples: ["tidemark deploy", "tidemark deploy --reload orders    # load everything again, for instance into a new target", "tidemark deploy --keep orders      # the new target holds the records already"],
  configure: (command) =>
    command
      .option("--reload <pipeline...>", "load these pipelines' records again")
      .option("--keep <pipeline...>", "what these pipelines loaded is at the changed place already"),
  async run(context, { reload = [], keep = [] }) {
    const config = await context.config("all");
    for (const name of [...reload, ...keep]) requirePipeline(config, name);
    const both = reload.find((name) => keep.includes(name));
    if (both !== undefined) throw new UsageError("TM_USAGE", `--reload and --keep exclude each other: both name ${both}`, { path: "--reload", fix: "Give one of them: --reload loads everything again, --keep says that it is there." });
    const { deploy } = await import("../../ops/deploy.ts");
    return withTemporal(config, async (services, temporal) => {
      const report = await deploy(services, temporal, { reload, keep });
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
