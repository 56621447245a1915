import type { QuarantineEntry } from "../../store/quarantine-entries.ts";
import { defineCommand } from "../command.ts";
import { withStore } from "../connected.ts";
import { UsageError } from "../failure.ts";
import { requirePipeline } from "../known-pipeline.ts";
import { formatSpan, list, say, table } from "../output.ts";
import { type FilterOptions, filterOf, withFilter } from "./quarantine.ts";
import { wholeNumber } from "./simulate.ts";

const STATES = ["open", "resolved", "discarded", "all"];
const LONGEST_REASON = 60;

interface ListOptions extends FilterOptions {
  state: string;
  limit: number;
}

export const quarantineList = defineCommand<ListOptions>({
  name: "quarantine list",
  summary: "records that were set aside, and why",
  examples: ["tidemark quarantine list", "tidemark quarantine list orders --code TM_NO_ID", 'tidemark quarantine list orders --reason "invalid phone" --from 2026-01-31', "tidemark quarantine list --state all --json"],
  configure: (command) =>
    withFilter(command.argument("[pipeline]", "only of this pipeline"))
      .option("--state <state>", STATES.join(", "), "open")
      .option("--limit <number>", "at most so many", wholeNumber, 100)
      .option("--all", "all of them, however many"),
  async run(context, { state, limit, all, ...options }, [pipeline]) {
    if (!STATES.includes(state)) throw new UsageError("TM_USAGE", `--state is ${JSON.stringify(state)}`, { path: "--state", fix: `Give one of ${STATES.join(", ")}.` });
    const config = await context.config("none");
    if (pipeline !== undefined) requirePipeline(config, pipeline);
    const filter = { ...filterOf(options, pipeline), state: state === "all" ? undefined : (state as QuarantineEntry["state"]) };
    const { listEntries } = await import("../../store/quarantine-entries.ts");
    return withStore(config, async ({ store }) => {
      const { entries, total } = await listEntries(store.db, filter, all === true ? Number.MAX_SAFE_INTEGER : limit);
      if (entries.length < total) say(`${entries.length} of ${total}; --limit or --all shows more.`);
      return { json: { entries: entries.map(told), total }, text: total === 0 ? "Nothing is in quarantine." : printed(entries) };
    });
  },
});

export const quarantineShow = defineCommand({
  name: "quarantine show",
  summary: "one entry with the record as the source sent it (personal data)",
  examples: ["tidemark quarantine show 17", "tidemark quarantine show 17 --json | jq .record"],
  configure: (command) => command.argument("<entry>", "number of the entry, as listed"),
  async run(context, _options, [entry = ""]) {
    if (!/^\d{1,18}$/.test(entry)) throw new UsageError("TM_USAGE", `${JSON.stringify(entry)} is no number of an entry`, { path: "entry", fix: 'Take one from "tidemark quarantine list".' });
    const config = await context.config("none");
    const { showEntry } = await import("../../store/quarantine-entries.ts");
    return withStore(config, async ({ store }) => {
      const found = await showEntry(store.db, entry);
      if (found === null) throw new UsageError("TM_ENTRY_UNKNOWN", `there is no entry ${entry} in quarantine`, { path: "entry", fix: 'See "tidemark quarantine list --state all".' });
      const { raw, ...rest } = found;
      const shown = told(rest);
      // The record byte for byte: parsed and written again, long numbers would be rounded.
      return { json: `${JSON.stringify(shown).slice(0, -1)},"record":${raw ?? "null"}}`, text: `${list(Object.entries(shown).map(([key, value]) => [key, String(value ?? "-")]))}\n\n${raw ?? "(its text is not kept)"}` };
    });
  },
});

function told({ modified, discardedAt, setAsideAt, updatedAt, ...entry }: QuarantineEntry) {
  const iso = (ms: number) => new Date(ms).toISOString();
  return { ...entry, discardedAt: discardedAt === null ? null : iso(discardedAt), modified: modified === null ? null : iso(modified), setAsideAt: iso(setAsideAt), updatedAt: iso(updatedAt) };
}

function printed(entries: readonly QuarantineEntry[]): string {
  return table(
    ["entry", "pipeline", "id", "code", "attempts", "slice", "age", "state", "reason"],
    entries.map(({ entry, pipeline, id, code, attempts, slice, setAsideAt, state, note, reason }) => [
      entry, pipeline, id.length > 24 ? `${id.slice(0, 23)}…` : id, code, attempts, slice ?? "-", formatSpan(Date.now() - setAsideAt), state === "discarded" && note !== null ? `${state}: ${note}` : state,
      reason.length > LONGEST_REASON ? `${reason.slice(0, LONGEST_REASON - 1)}…` : reason,
    ]),
  );
}
