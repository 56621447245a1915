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
    const { getApi, UNREADABLE } = await import("../../source/jushuitan/index.ts");
    const described = await describedIn(context);
    const found = listApis(described);
    const rows = found.map((one) => [one.path, one.title, one.method ?? "-", one.pageSize, cursorWords(getApi(one.path, described))]);
    return {
      json: { apis: found, notReadable: UNREADABLE },
      text: [table(["api", "what", "old method", "page", "read"], rows), "", "Not readable:", table(["name", "why"], UNREADABLE.map(({ name, why }) => [name, why]))].join("\n"),
    };
  },
});

export const apisShow = defineCommand({
  name: "apis show",
  summary: "fields, limits, oddities and cursor of one API, and what it never returns",
  description: "Says how one API is read, why so, and how an audit compares it; its fields, limits, parameters and oddities; and what it never returns. Asks nobody.",
  examples: ["tidemark apis show /open/orders/single/query", "tidemark apis show inventory.query --json | jq .why"],
  configure: (command) => command.argument("<api>", "path of the API, or its name on the old platform"),
  async run(context, _options, [path = ""]) {
    const { findApi, getApi } = await import("../../source/jushuitan/index.ts");
    const { auditWords, cursorReason, cursorWords } = await import("../../ops/apis.ts");
    const api = getApi(findApi(path)?.path ?? path, await describedIn(context));
    const words = { read: cursorWords(api), why: cursorReason(api), audit: auditWords(api) };
    return { json: { ...api, ...words }, text: printed(api, words) };
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

function printed(api: ApiDescription, { read, why, audit }: Record<"read" | "why" | "audit", string>): string {
  const json = (value: object) => (Object.keys(value).length === 0 ? null : JSON.stringify(value));
  const facts: (readonly [string, string | null])[] = [
    ["api", api.path], ["what", api.title], ["old method", api.method ?? "none: the new platform only"],
    ["read", read], ["why", why], ["not provable", api.notProvable], ["audit", audit],
    ["list", `${api.listFields.join(" or ")}${api.flat ? " (flat answer)" : ""}`], ["id", api.idField],
    ["modified", api.modifiedField?.replace(/^(.*)\+/, "the later of $1 and ") ?? "none"], ["version", api.versionField ?? "none"],
    ...(api.call === true ? [] : queries(api, json)),
  ];
  const points = (title: string, lines: readonly string[]) => (lines.length === 0 ? [] : ["", title, ...lines.map((line) => `  - ${line}`)]);
  return [
    list(facts.flatMap(([label, value]) => (value === null ? [] : [[label, value] as const]))),
    ...points("Parameters:", api.parameters), ...points("Oddities:", api.oddities), ...points("It never returns:", api.neverReturns),
  ].join("\n");
}

/** How it is asked, and its limits. */
function queries(api: ApiDescription, json: (value: object) => string | null): (readonly [string, string | null])[] {
  const keys = [api.windowKeys, api.otherWindowKeys].flatMap((pair) => (pair === null ? [] : [pair.join(" to ")]));
  return [
    ["version query", api.versionParam === null ? null : `${api.versionParam}${api.versionAlone ? ", with paging alone" : ""}`],
    ["window", api.windowKeys === null ? "none" : `${keys.join(", then ")}; at most ${formatSpan(api.windowMs)}`],
    ["totals", api.windowKeys === null ? null : api.totals ? "yes" : "no"],
    ["time selectors", api.dateTypes === null ? null : `${api.dateTypes}; Tidemark asks by modified time`],
    ["always sent", json(api.windowParams)], ["sent unless set", json(api.params)],
    ["page", `${api.pageSize.min} to ${api.pageSize.max} rows${api.maxPages === null ? "" : `, page ${api.maxPages} at most`}`],
    ["archived", api.archive ? `asked for as well, by ${api.archiveParam}${api.historyMethod === null ? "" : `; on the old platform by ${api.historyMethod}`}` : null],
  ];
}
