import type { LoadedConfig } from "../../config/load.ts";
import type { ApiDescription } from "../../source/contract.ts";
import { ConfigError } from "../../errors.ts";
import { type CommandContext, defineCommand } from "../command.ts";
import { formatSpan, list, table } from "../output.ts";

export const apis = defineCommand({
  name: "apis",
  summary: "the APIs of the source that Tidemark knows, and how each is read",
  description: "Lists the catalogue, and what the config describes beside it: path, method of the old platform, cursor, largest page. Asks nobody.",
  examples: ["tidemark apis", "tidemark apis --json | jq '.apis[] | select(.provable | not)'", "tidemark apis show /open/inventory/query"],
  async run(context) {
    const { cursorWords, listApis } = await import("../../ops/apis.ts");
    const { getApi } = await import("../../source/jushuitan/index.ts");
    const described = await describedIn(context);
    const found = listApis(described);
    const rows = found.map((one) => [one.path, one.title, one.method ?? "-", one.pageSize, cursorWords(getApi(one.path, described))]);
    return { json: { apis: found }, text: table(["api", "what", "old method", "page", "read"], rows) };
  },
});

export const apisShow = defineCommand({
  name: "apis show",
  summary: "fields, limits, oddities and cursor of one API, and what it never returns",
  examples: ["tidemark apis show /open/orders/single/query", "tidemark apis show /open/inventory/query --json"],
  configure: (command) => command.argument("<api>", "path of the API"),
  async run(context, _options, [path = ""]) {
    const { getApi } = await import("../../source/jushuitan/index.ts");
    const { cursorWords } = await import("../../ops/apis.ts");
    const api = getApi(path, await describedIn(context));
    return { json: api, text: printed(api, cursorWords(api)) };
  },
});

/** What the config describes; the catalogue can be read without a config. */
async function describedIn(context: CommandContext): Promise<LoadedConfig["apis"]> {
  try {
    return (await context.config("none")).apis;
  } catch (error) {
    if (error instanceof ConfigError && error.code === "TM_CONFIG_MISSING" && error.path === process.cwd()) return [];
    throw error;
  }
}

function printed(api: ApiDescription, read: string): string {
  const json = (value: object) => (Object.keys(value).length === 0 ? [] : [JSON.stringify(value)]);
  const facts: (readonly [string, string | null | undefined])[] = [
    ["api", api.path], ["what", api.title], ["old method", api.method], ["archived, old", api.historyMethod],
    ["list", `${api.listFields.join(" or ")}${api.flat ? " (flat answer)" : ""}`], ["id", api.idField], ["modified", api.modifiedField], ["version", api.versionField],
    ["read", read], ["not provable", api.notProvable],
    ["version query", api.versionParam === null ? null : `${api.versionParam}${api.versionAlone ? ", with paging alone" : ""}`],
    ["window", api.windowKeys === null ? "none: all of it is read" : `${api.windowKeys.join(", ")}; at most ${formatSpan(api.windowMs)}; totals: ${api.totals ? "yes" : "no"}`],
    ["always sent", json(api.windowParams)[0]], ["sent unless set", json(api.params)[0]],
    ["page", `${api.pageSize.min} to ${api.pageSize.max} rows${api.maxPages === null ? "" : `, page ${api.maxPages} at most`}`],
    ["archived", api.archive ? `asked for separately, by ${api.archiveParam}` : null], ["time selectors", api.dateTypes],
  ];
  const points = (title: string, lines: readonly string[]) => (lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  - ${line}`)]);
  return [
    list(facts.flatMap(([label, value]) => (value == null ? [] : [[label, value] as const]))),
    ...points("Parameters:", api.parameters), ...points("Oddities:", api.oddities), ...points("It never returns:", api.neverReturns),
  ].join("\n");
}
