import type { Preview } from "../../ops/preview.ts";
import { defineCommand } from "../command.ts";
import { withStore } from "../connected.ts";
import { untilInterrupted } from "../interrupt.ts";
import { requirePipeline } from "../known-pipeline.ts";
import { say, table } from "../output.ts";

const LONGEST_CELL = 24;
const USUAL_WIDTH = 120;

export const preview = defineCommand({
  name: "preview",
  summary: "show the newest page of a pipeline as the target would get it; writes nothing",
  examples: ["tidemark preview orders", "tidemark preview orders --json | jq '.records[0].record'"],
  configure: (command) => command.argument("<pipeline>", "name of the pipeline in the config"),
  async run(context, _options, [name = ""]) {
    const config = await context.config({ pipelines: [name] });
    requirePipeline(config, name);
    const [{ preview }, { memberText }] = await Promise.all([import("../../ops/preview.ts"), import("../../sync/staged.ts")]);
    const signal = untilInterrupted();
    return withStore(config, async (services) => {
      const found = await preview(services, name, signal);
      return { json: asJson(found), text: asTable(found, memberText) };
    }, { orEmbedded: true });
  },
});

/** Records byte for byte: parsed and written again, long numbers would be rounded. */
function asJson({ pipeline, api, records }: Preview): string {
  const written = records.map(({ id, version, problem, json }) => `${JSON.stringify({ id, version, problem }).slice(0, -1)},"record":${json}}`);
  return `${JSON.stringify({ pipeline, api }).slice(0, -1)},"records":[${written.join(",")}]}`;
}

function asTable({ api, records }: Preview, memberText: (raw: string, name: string) => string | null): string {
  if (records.length === 0) return `${api} returned no record of the last days.`;
  const columns = fitting(Object.keys(JSON.parse(records[0]!.json) as object).filter((key) => key !== "id"), (key) => records.map(({ json }) => cell(memberText(json, key))));
  const problems = records.filter(({ problem }) => problem !== null);
  say(`${records.length} records of ${api}, ${columns.length} of their fields; --json prints all.`);
  return [
    table(["id", ...columns], records.map(({ id, json }) => [id ?? "(none)", ...columns.map((key) => cell(memberText(json, key)))])),
    ...[...new Set(problems.map(({ problem }) => problem))].map((problem) => `${problems.filter((one) => one.problem === problem).length} of ${records.length} records: ${problem}`),
  ].join("\n");
}

function cell(text: string | null): string {
  const line = (text ?? "").replace(/\s+/g, " ");
  return line.length > LONGEST_CELL ? `${line.slice(0, LONGEST_CELL - 1)}…` : line;
}

/** The first fields that hold something and fit side by side on the terminal. */
function fitting(keys: readonly string[], cellsOf: (key: string) => string[]): string[] {
  let left = (process.stdout.columns ?? USUAL_WIDTH) - 16;
  return keys.filter((key) => {
    const cells = cellsOf(key);
    if (cells.every((text) => text === "")) return false;
    // Chinese characters take two places.
    const width = Math.max(...[key, ...cells].map((text) => text.length + (text.match(/[\u2E80-\uFFEF]/g)?.length ?? 0))) + 2;
    left -= width;
    return left >= 0;
  });
}
