import { hostname, userInfo } from "node:os";
import type { ReplayReport } from "../../ops/quarantine.ts";
import type { EntryFilter } from "../../store/quarantine-entries.ts";
import { defineCommand } from "../command.ts";
import { withStore, withTemporal } from "../connected.ts";
import { UsageError } from "../failure.ts";
import { untilInterrupted } from "../interrupt.ts";
import { list, say } from "../output.ts";
import { chosen, type FilterOptions, withFilter } from "./quarantine.ts";

export const quarantineReplay = defineCommand<FilterOptions & { discarded?: true; wait?: true }>({
  name: "quarantine replay",
  summary: "try quarantined records again, by the ordinary way",
  description: "Tries entries again, open ones, and discarded ones that --id names or --discarded asks for: sorted against what was loaded since, mapped, sent, and written to the ledger like any other record. What the target refuses again goes back to quarantine. A worker has to be running.",
  examples: ["tidemark quarantine replay orders --all --wait", "tidemark quarantine replay orders --id 880003 880017", 'tidemark quarantine replay orders --reason "invalid phone" --wait --json'],
  configure: (command) =>
    withFilter(command.argument("<pipeline>", "name of the pipeline in the config"))
      .option("--all", "every open entry of the pipeline")
      .option("--discarded", "what was discarded as well")
      .option("--wait", "return when they have ended, with the counts"),
  async run(context, { discarded = false, wait = false, ...options }, [name = ""]) {
    const config = await context.config("none");
    const filter: EntryFilter = { ...chosen(config, options, name), state: discarded || options.id !== undefined ? ["open", "discarded"] : "open" };
    const { replayQuarantine } = await import("../../ops/quarantine.ts");
    const signal = untilInterrupted();
    return withTemporal(config, async (services, temporal) => {
      const report = await replayQuarantine(services, temporal, name, filter, { wait, signal, onNote: say });
      return { json: report, text: printed(report) };
    });
  },
});

export const quarantineDiscard = defineCommand<FilterOptions & { because: string }>({
  name: "quarantine discard",
  summary: "give entries up, with a reason that is kept",
  description: "Gives open entries up: their versions are not tried again until quarantine replay names them. A newer version of such a record is tried as usual. The entries, the reason, who gave it and when stay in the store.",
  examples: ['tidemark quarantine discard orders --id 880003 --because "test order"', 'tidemark quarantine discard orders --code TM_NO_ID --because "rows of the trial shop"'],
  configure: (command) =>
    withFilter(command.argument("<pipeline>", "name of the pipeline in the config"))
      .requiredOption("--because <text>", "why; kept with the entries")
      .option("--all", "every open entry of the pipeline"),
  async run(context, { because, ...options }, [name = ""]) {
    const note = because.trim();
    if (note === "") throw new UsageError("TM_USAGE", "--because is empty", { path: "--because", fix: "Say why these records are given up." });
    const config = await context.config("none");
    const filter = chosen(config, options, name);
    const { discardEntries, requireEntries } = await import("../../store/quarantine-entries.ts");
    return withStore(config, async ({ store }) => {
      await requireEntries(store.db, { ...filter, state: "open" });
      const discarded = await discardEntries(store, filter, note, whoever());
      return { json: { pipeline: name, discarded }, text: discarded === 0 ? "No open entry was meant." : `${discarded} discarded.` };
    });
  },
});

function whoever(): string {
  try {
    return `${userInfo().username}@${hostname()}`;
  } catch {
    // A container's user may have no name.
    return `uid ${process.getuid?.() ?? "?"}@${hostname()}`;
  }
}

function printed({ pipeline, status, replayed, newer, reread, unreachable, counts, link }: ReplayReport): string {
  if (link !== null) say(`See it in Temporal's UI: ${link}`);
  return list([
    ["pipeline", pipeline], ["status", status === "nothing" ? "nothing to replay" : status], ["replayed", String(replayed)],
    ...(newer === 0 ? [] : [["newer version loaded since", String(newer)] as const]),
    ...(reread === 0 ? [] : [["read again by the next run", String(reread)] as const]),
    ...(unreachable === 0 ? [] : [["only a change at the source brings them", String(unreachable)] as const]),
    ...Object.entries(counts ?? {}).map(([what, count]) => [what, String(count)] as const),
  ]);
}
