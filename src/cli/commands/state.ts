import { readFile } from "node:fs/promises";
import { text as readAll } from "node:stream/consumers";
import type { StateWish } from "../../ops/state.ts";
import type { Services } from "../../sync/services.ts";
import type { StateDocument } from "../../store/state-document.ts";
import { type CommandResult, defineCommand } from "../command.ts";
import { confirmed } from "../confirm.ts";
import { withStore } from "../connected.ts";
import { UsageError } from "../failure.ts";
import { requirePipeline } from "../known-pipeline.ts";
import { say } from "../output.ts";
import { effectJson, effectText, stateText } from "./state-text.ts";

interface StateOptions {
  checkpoint?: string;
  acceptGap?: true;
  because?: string;
  yes?: true;
}

const ACTIONS = ["get", "set", "export", "import"] as const;
type Action = (typeof ACTIONS)[number];

export const state = defineCommand<StateOptions>({
  name: "state",
  summary: "what a pipeline counts as read: get, set, export, import",
  description: "get: the checkpoint, saved pairs, the sweep, ranges and gaps. set: moves the checkpoint, or takes a document as get --json prints it; tells first what is read again or skipped. export: the same document, to be kept. import: gives it to a pipeline that has not begun in this store. The record index does not go along. set and import want the pipeline at rest: pause its schedule before.",
  examples: [
    "tidemark state orders get",
    'tidemark state orders set --checkpoint "2026-01-31 08:00"                 # read again what was modified since',
    'tidemark state orders set --checkpoint 20260131000000455 --accept-gap --because "loaded by hand" --yes',
    "tidemark state orders get --json > state.json; tidemark state orders set state.json",
    "tidemark state orders export > orders.json; tidemark state orders import orders.json",
  ],
  configure: (command) =>
    command
      .argument("<pipeline>", "name of the pipeline in the config")
      .argument("<action>", "get, set, export or import")
      .argument("[file]", "set, import: the document; - for standard input")
      .option("--checkpoint <version|time>", "set: up to where everything counts as read; a time without zone is Asia/Shanghai")
      .option("--accept-gap", "set: skip time that was not read; it is shown as a gap until it was read or verified")
      .option("--because <text>", "set: why the gap is accepted; kept with it")
      .option("--yes", "set: do not ask"),
  async run(context, options, [name = "", action = "", file]) {
    const wanted = await checked(options, action, file);
    const config = await context.config("none");
    requirePipeline(config, name);
    const { exportState, importInto, pipelineState, stillUnread } = await import("../../ops/state.ts");
    return withStore(config, async (services) => {
      if (action === "get") {
        const found = await pipelineState(services, name);
        return { json: found, text: stateText(found, await stillUnread(services, name)) };
      }
      if (action === "export") {
        const found = await exportState(services, name);
        return { json: found, text: JSON.stringify(found, null, 2) };
      }
      if (action === "set") return set(services, name, options, wanted!);
      const { document } = wanted as { document: StateDocument };
      await importInto(services, name, document);
      const { pairs, ranges, quarantine } = document;
      const json = { pipeline: name, checkpoint: document.checkpoint, pairs: pairs.length, ranges: ranges.length, quarantined: quarantine.length };
      return { json, text: "Imported. The record index is empty: what is read again counts as new, and is loaded again." };
    });
  },
});

/** Looks at the command line before anything is connected, and reads the document. @throws UsageError, StoreError `TM_STATE_DOCUMENT` */
async function checked({ checkpoint, acceptGap, because, yes }: StateOptions, given: string, file: string | undefined): Promise<StateWish | null> {
  const action = ACTIONS.find((known) => known === given);
  if (action === undefined) throw usage("action", `there is no "state … ${given}"`, `One of ${ACTIONS.join(", ")}.`);
  if (action !== "set" && (checkpoint ?? acceptGap ?? because ?? yes) !== undefined) throw usage("action", `--checkpoint, --accept-gap, --because and --yes belong to set, not to ${action}`, "Leave them out.");
  if ((acceptGap === true) !== (because !== undefined) || because?.trim() === "") throw usage("--because", "--accept-gap and --because belong together", "Say why the time that is skipped does not have to be read.");
  if (takesDocument(action, checkpoint) !== (file !== undefined)) {
    throw action === "set" ? usage("file", "set takes a document or --checkpoint", "Give one of them.")
      : usage("file", `${action} takes ${file === undefined ? "a document" : "no file: it prints"}`, 'See "tidemark state --help".');
  }
  if (file !== undefined) return { document: await readDocument(file) };
  if (checkpoint === undefined) return null;
  if (/^\d{1,20}$/.test(checkpoint)) return { checkpoint: BigInt(checkpoint).toString() };
  if (/^\d+$/.test(checkpoint)) throw usage("--checkpoint", `--checkpoint is ${checkpoint}: of ${checkpoint.length} digits, and a version has at most 20`, "Take the version as the source or tidemark state get shows it; or give a time.");
  const { parseDate } = await import("../../config/dates.ts");
  return { checkpoint: parseDate(checkpoint, "--checkpoint") };
}

function takesDocument(action: Action, checkpoint: string | undefined): boolean {
  return action === "import" || (action === "set" && checkpoint === undefined);
}

async function readDocument(file: string): Promise<StateDocument> {
  const { parseState } = await import("../../store/state-document.ts");
  if (file === "-") return parseState(await readAll(process.stdin), "standard input");
  const content = await readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw usage("file", `${file} cannot be read: ${error.code}`, "Give the document's file, or - for standard input.");
  });
  return parseState(content, file);
}

async function set(services: Services, name: string, { because, yes }: StateOptions, wish: StateWish): Promise<CommandResult> {
  const { planChange, requireAccepted } = await import("../../ops/state.ts");
  const { effect, changes, apply } = await planChange(services, name, wish);
  const json = { pipeline: name, changed: changes, ...effectJson(effect) };
  if (!changes) return { json, text: "Nothing changes." };
  say(effectText(effect));
  requireAccepted(effect, because ?? null);
  if (yes !== true) {
    if (!process.stdin.isTTY) throw new UsageError("TM_STATE_CONFIRM", "this changes what counts as read, and there is no terminal to ask on", { path: "--yes", fix: "Look at what it does, above, and give --yes." });
    if (!(await confirmed("Do it?"))) return { json: { ...json, changed: false }, text: "Nothing was changed.", exitCode: 1 };
  }
  await apply(because?.trim() ?? null);
  return { json, text: "Done. The next run goes on from there." };
}

function usage(path: string, message: string, fix: string): UsageError {
  return new UsageError("TM_USAGE", message, { path, fix });
}
