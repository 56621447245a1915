import path from "node:path";
import type { ExampleResult } from "../../ops/mapping-examples.ts";
import { defineCommand, defineGroup } from "../command.ts";
import { untilInterrupted } from "../interrupt.ts";
import { requirePipeline } from "../known-pipeline.ts";

export const mapping = defineGroup("mapping", "how records are made from rows: test", ["tidemark mapping test orders"]);

export const mappingTest = defineCommand<{ examples?: string }>({
  name: "mapping test",
  summary: "map the rows of a file and compare with the records that it expects; asks nothing of source, target or store",
  description: "Maps the rows of a file and compares with the records that it expects. Asks nothing of source, target or store. Ends with 1 where one differs.",
  examples: ["tidemark mapping test orders", "tidemark mapping test orders --examples test/orders.json"],
  configure: (command) => command
    .argument("<pipeline>", "name of the pipeline in the config")
    .option("--examples <file>", "the file; default <pipeline>.examples.json beside the config file"),
  async run(context, { examples }, [name = ""]) {
    const config = await context.config("none");
    requirePipeline(config, name);
    const { runExamples } = await import("../../ops/mapping-examples.ts");
    const file = examples === undefined ? path.join(path.dirname(config.file), `${name}.examples.json`) : path.resolve(examples);
    const results = await runExamples(config.pipelines[name]!, file, untilInterrupted());
    const failed = results.filter(({ ok }) => !ok).length;
    return { json: { pipeline: name, file, failed, examples: results }, text: asText(results, failed), exitCode: failed === 0 ? 0 : 1 };
  },
});

function asText(results: readonly ExampleResult[], failed: number): string {
  return [
    ...results.flatMap(({ name, ok, differences, refusal }) => [
      `${ok ? "ok     " : "differs"}  ${name}`,
      ...(refusal === null ? [] : [`           refused: ${refusal}`]),
      ...differences.flatMap(({ path: at, expected, got }) => [`           ${at}`, `             expected  ${expected ?? "(nothing)"}`, `             got       ${got ?? "(nothing)"}`]),
    ]),
    failed === 0 ? `All ${results.length} examples come out as expected.` : `${failed} of ${results.length} examples differ.`,
  ].join("\n");
}
