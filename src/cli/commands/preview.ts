import type { Preview, PreviewMapping } from "../../ops/preview.ts";
import { defineCommand } from "../command.ts";
import { withStore } from "../connected.ts";
import { untilInterrupted } from "../interrupt.ts";
import { requirePipeline } from "../known-pipeline.ts";
import { say, table } from "../output.ts";
import { pairsOf } from "./preview-pairs.ts";

const LONGEST_CELL = 24;
const MOST_RECORDS = 3;
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
      return { json: asJson(found), text: asText(found, memberText) };
    }, { orEmbedded: true });
  },
});

/** Records byte for byte: parsed and written again, long numbers would be rounded. */
function asJson({ pipeline, api, mapping, records, notices }: Preview): string {
  const written = records.map(({ id, version, problem, source, documents }) => {
    // Without a mapping the row stands in the record.
    const before = mapping === null && documents.length === 1 ? "" : `,"source":${source}`;
    const several = documents.length > 1 ? `,"documents":[${documents.map(({ json }) => json).join(",")}]` : "";
    const filtered = problem === null && documents.length === 0;
    return `${JSON.stringify({ id, version, problem, filtered }).slice(0, -1)},"record":${documents.length === 1 ? documents[0]!.json : "null"}${several}${before}}`;
  });
  return `${JSON.stringify({ pipeline, api }).slice(0, -1)},"records":[${written.join(",")}],"notices":${JSON.stringify(notices)}}`;
}

function asText(found: Preview, memberText: (raw: string, name: string) => string | null): string {
  const { api, mapping, records, notices } = found;
  if (records.length === 0) return `${api} returned no record of the last days.`;
  const problems = records.flatMap(({ problem, documents }) => problem ?? (documents.length === 0 ? ["filtered out"] : []));
  return [
    ...(mapping === null ? asTable(found, memberText) : sideBySide(found, mapping)),
    ...[...new Set(problems)].map((problem) => `${problems.filter((one) => one === problem).length} of ${records.length} records: ${problem}`),
    ...notices.map(({ path, text, times }) => `${path}: ${text} (${times === 1 ? "once" : `${times} times`})`),
  ].join("\n");
}

function asTable({ api, records }: Preview, memberText: (raw: string, name: string) => string | null): string[] {
  const rows = records.map(({ id, source, documents }) => ({ id, raw: documents[0]?.json ?? source }));
  const columns = fitting(Object.keys(JSON.parse(rows[0]!.raw) as object).filter((key) => key !== "id"), (key) => rows.map(({ raw }) => cell(memberText(raw, key))));
  say(`${records.length} records of ${api}, ${columns.length} of their fields; --json prints all.`);
  return [table(["id", ...columns], rows.map(({ id, raw }) => [id ?? "(none)", ...columns.map((key) => cell(memberText(raw, key)))]))];
}

/** The first records, a field a line: as the source sent it, and as the target would get it. */
function sideBySide({ api, records }: Preview, mapping: PreviewMapping): string[] {
  const sent = records.filter(({ documents }) => documents.length > 0).slice(0, MOST_RECORDS);
  say(`${sent.length} of ${records.length} records of ${api}, before and after the mapping; --json prints all.`);
  return sent.flatMap(({ source, documents }) => documents.map((document) => ({ source, ...document }))).flatMap(({ id, source, json }) => [
    id,
    table(["source", "before", "target", "after"], pairsOf(source, json, mapping).map((pair) => [cell(pair.source), cell(pair.before), cell(pair.target === "" ? "(not sent)" : pair.target), cell(pair.after)])),
    "",
  ]);
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
