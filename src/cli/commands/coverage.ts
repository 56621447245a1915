import type { Coverage, CoverageDay, CoverageState } from "../../ops/coverage.ts";
import { defineCommand } from "../command.ts";
import { withStore } from "../connected.ts";
import { requirePipeline } from "../known-pipeline.ts";

const MARKS: Record<CoverageState, string> = { ids: "#", count: "+", loaded: "o", unproven: "?", never: ".", gap: "x", missing: "!" };

export const coverage = defineCommand({
  name: "coverage",
  summary: "what is known of each day: verified, loaded, unproven, never read, an accepted gap, missing",
  description: "Prints a calendar of modified time, by days of Asia/Shanghai, each with the worst that is known of it. Asks the store only. Ends with 1 where an audit found something that is missing still, else with 3 where something is unproven, or was never read.",
  examples: ["tidemark coverage orders", "tidemark coverage orders --json | jq '.days[] | select(.state == \"never\")'"],
  configure: (command) => command.argument("<pipeline>", "name of the pipeline in the config"),
  async run(context, _options, [name = ""]) {
    const config = await context.config("none");
    requirePipeline(config, name);
    const { coverage } = await import("../../ops/coverage.ts");
    return withStore(config, async (services) => {
      const found = await coverage(services, name);
      return { json: found, text: [...(found.notProvable === null ? [] : [`Not provable: ${found.notProvable}`, ""]), found.wholeAt === null ? calendar(found.days) : `All of it was read at ${found.wholeAt}; each run reads all of it.`].join("\n"), exitCode: exitOf(found) };
    });
  },
});

/** As of an audit: 1 missing, 3 not proved. What is loaded and was not audited yet is neither. */
export function exitOf({ days, notProvable, wholeAt }: Coverage): 0 | 1 | 3 {
  const has = (...states: CoverageState[]) => days.some(({ state }) => states.includes(state));
  if (has("missing")) return 1;
  return has("unproven", "never", "gap") || notProvable !== null || (days.length === 0 && wholeAt === null) ? 3 : 0;
}

/** A line a month, a mark a day. */
export function calendar(days: readonly CoverageDay[]): string {
  if (days.length === 0) return "Nothing was loaded yet.";
  const months = [...new Set(days.map(({ date }) => date.slice(0, 7)))].map((month) => [month, days.filter(({ date }) => date.startsWith(month))] as const);
  const lines = months.map(([month, own]) => `${month}  ${" ".repeat(Number(own[0]!.date.slice(8)) - 1)}${own.map(({ state }) => MARKS[state]).join("")}`);
  return [...lines, "", `${MARKS.ids} verified by ids   ${MARKS.count} verified by count   ${MARKS.loaded} loaded, not verified   ${MARKS.unproven} unproven   ${MARKS.never} never read   ${MARKS.gap} accepted gap   ${MARKS.missing} missing`].join("\n");
}
