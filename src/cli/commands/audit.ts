import type { AuditAnswer, AuditCost } from "../../ops/audit.ts";
import { countOf } from "../../sync/labels.ts";
import { defineCommand } from "../command.ts";
import { withTemporal } from "../connected.ts";
import { untilInterrupted } from "../interrupt.ts";
import { requirePipeline } from "../known-pipeline.ts";
import { formatCount, formatSpan, list, say, table } from "../output.ts";
import { noteOtherConfig } from "./run-pipeline.ts";

interface AuditOptions {
  from?: string;
  to?: string;
  ids?: true;
  repair?: true;
  target?: true;
  wait?: true;
}

const EXIT = { complete: 0, incomplete: 1, unproven: 3 } as const;

export const audit = defineCommand<AuditOptions>({
  name: "audit",
  summary: "ask the source whether everything that it reports is there",
  description: "Compares every closed window of modified time with the source: the source's count, a catch-up, the same count again, and the index. Where they differ (everywhere with --ids, or where the API has no counts) the window is read, and ids and versions are compared. Takes the requests that scheduled runs leave over. Ends with 1 when something is missing or stale, with 3 when something could not be proved.",
  examples: [
    "tidemark audit orders --wait                                        # everything, by counts",
    "tidemark audit orders --from 2026-01-01 --to 2026-02-01 --ids --wait",
    "tidemark audit orders --repair --wait --json | jq .verdict",
  ],
  configure: (command) =>
    command
      .argument("<pipeline>", "name of the pipeline in the config")
      .option("--from <time>", "first modified time (default: the pipeline's first)")
      .option("--to <time>", "end, not included (default: what is settled now)")
      .option("--ids", "compare ids and versions even where counts agree; costs as much as reading everything")
      .option("--repair", "load what is missing or stale")
      .option("--target", "compare what the target holds as well (Qeasy: by target.heldUrl)")
      .option("--wait", "return with the verdict"),
  async run(context, { from, to, ids = false, repair = false, target = false, wait = false }, [name = ""]) {
    const { parseDate, parseDateRange, parsePast } = await import("../../config/dates.ts");
    if (from !== undefined && to !== undefined) parseDateRange({ from, to });
    const range = { ...(from === undefined ? {} : { from: parsePast(from, "--from") }), ...(to === undefined ? {} : { to: parseDate(to, "--to") }) };
    const config = await context.config("none");
    requirePipeline(config, name);
    const { runAudit } = await import("../../ops/audit.ts");
    const { perMinute } = config.accounts[config.pipelines[name]!.source.account]!.limits;
    const signal = untilInterrupted();
    return withTemporal(config, async (services, temporal) => {
      const otherConfig = await noteOtherConfig(services, config, name);
      const answer = await runAudit(services, temporal, name, { ...range, byIds: ids, repair, target }, { wait, signal, onNote: say, onCost: (cost) => say(costLine(cost, perMinute)) });
      return { json: { ...answer, otherConfig }, text: printed(answer), exitCode: answer.verdict === undefined ? 0 : EXIT[answer.verdict] };
    });
  },
});

export function costLine({ from, to, windows, requests, idRequests, allIds }: AuditCost, perMinute: number): string {
  const span = formatSpan(Math.max(1, (requests + (allIds ? idRequests : 0)) / perMinute) * 60_000);
  const time = `(about ${span} at ${formatCount(perMinute)} a minute)`;
  const ids = `about ${countOf(idRequests, "request")}`;
  const cost = requests === 0 ? `There are no counts to compare, so ids are compared: ${ids} ${time}.`
    : allIds ? `${countOf(requests, "request")} for the counts, and ${ids} for the ids ${time}.`
      : `${countOf(requests, "request")} for the counts ${time}; for the ids where counts differ, ${ids} more if all of them do.`;
  return `Modified from ${from} to ${to}: ${countOf(windows, "window")}. ${cost}`;
}

function printed({ pipeline, status, verdict, requests, windows = [], quarantined, discarded = 0, gaps = [], neverReturns, notProvable, link, workflowId }: AuditAnswer): string {
  if (link !== null) say(`See it in Temporal's UI: ${link}`);
  if (verdict === undefined) return list([["pipeline", pipeline], ["status", status], ["workflow", workflowId]]);
  const odd = windows.filter(({ state, source, index, missing, stale, extra }) => {
    const usual = notProvable === null ? ["count", "ids"] : ["unproven"];
    return !usual.includes(state) || missing + stale + extra > 0 || (source !== null && index !== null && source !== index);
  });
  const inState = (state: string) => windows.filter((window) => window.state === state).length;
  return [
    ...(odd.length === 0 ? [] : [
      table(["from", "to", "source", "index", "missing", "stale", "repaired", "no longer reported", "state"],
        odd.map((one) => [one.from, one.to, one.source ?? "-", one.index ?? "-", one.missing, one.stale, one.repaired, one.extra, one.state])),
      "",
    ]),
    list([
      ["pipeline", pipeline], ["verdict", verdict], ...(notProvable === null ? [] : [["not provable", notProvable] as const]),
      ["windows", `${windows.length}: ${inState("count")} verified by count, ${inState("ids")} by ids, ${inState("differs")} ${inState("differs") === 1 ? "differs" : "differ"}, ${inState("unproven")} unproven`],
      ["requests", formatCount(requests ?? 0)], ["in quarantine", formatCount(quarantined ?? 0)], ...(discarded === 0 ? [] : [["discarded by a person", formatCount(discarded)] as const]),
      ...gaps.map(({ from, to, because }) => ["accepted gap", `${from} to ${to}, still open: ${because}`] as const),
    ]),
    ...(neverReturns.length === 0 ? [] : ["", `"Everything" means all that the API returns. It never returns:`, ...neverReturns.map((gap) => `  - ${gap}`)]),
  ].join("\n");
}
