import path from "node:path";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { bundleConfig } from "../config/bundle.ts";
import { ConfigError } from "../errors.ts";
import type { MappingScript } from "./types.ts";

/** A record for a script: as mapped so far, as the source sent it, its id in the target. */
export interface ScriptInput {
  record: string;
  source: string;
  id: string;
}

/** What a script made of a record: none, one or several; `id` null: the record's own stays. */
export type ScriptAnswer = { records: { id: string | null; json: string }[] } | { refused: string };

/** What a thread is started with. */
export interface ScriptStart {
  /** The script as a module. */
  address: string;
  pipeline: string;
}

/** Runs a script hook on records, in a thread of its own that starts with the first of them. */
export interface ScriptRunner {
  /**
   * One answer a record, in order. A record that takes longer than the time limit, or ends the thread, is refused; a new
   * thread goes on with the rest.
   * @throws ConfigError `TM_MAPPING_LOAD`
   */
  run(inputs: readonly ScriptInput[], signal: AbortSignal): Promise<ScriptAnswer[]>;
  close(): Promise<void>;
}

/** The limit is told by that many ticks: a process that was frozen or busy has missed ticks, and blames no record. */
const TICKS = 10;
const LOAD_MS = 10_000;
const HEAP_MB = 256;

let threadCode: Promise<string> | undefined;

export function openScript(script: MappingScript, pipeline: string): ScriptRunner {
  let thread: Worker | null = null;

  async function start(signal: AbortSignal): Promise<Worker> {
    threadCode ??= bundleConfig(fileURLToPath(new URL("./script-thread.ts", import.meta.url))).then(({ code }) => code);
    const worker = new Worker(new URL(addressOf(await threadCode)), {
      workerData: { address: addressOf(script.code), pipeline } satisfies ScriptStart,
      execArgv: [], stdout: true, resourceLimits: { maxOldGenerationSizeMb: HEAP_MB },
    });
    thread = worker;
    // Standard output belongs to the command's answer.
    worker.stdout.on("data", (text) => process.stderr.write(text as Buffer));
    // Also while nobody waits for an answer.
    worker.on("error", () => undefined);
    worker.on("exit", () => {
      if (thread === worker) thread = null;
    });
    const failed = await listen(worker, LOAD_MS, signal, () => true);
    if (failed === null) return worker;
    await worker.terminate();
    throw new ConfigError("TM_MAPPING_LOAD", `${script.file} cannot be used as a mapping's script: ${failed}`, {
      path: `pipelines.${pipeline}.mapping.script`, fix: "Correct the script: export function transform(record, context) { return record; }",
    });
  }

  return {
    async run(inputs, signal) {
      const answers: ScriptAnswer[] = [];
      while (answers.length < inputs.length) {
        const worker = thread ?? (await start(signal));
        // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread, not a window
        worker.postMessage(inputs.slice(answers.length));
        const failed = await listen(worker, script.timeoutMs, signal, (answer) => answers.push(answer as ScriptAnswer) === inputs.length);
        if (failed === null) break;
        await worker.terminate();
        answers.push({ refused: failed });
      }
      return answers.map((answer) => ("records" in answer ? answer : { refused: `${path.basename(script.file)}: ${answer.refused}` }));
    },
    async close() {
      await thread?.terminate();
    },
  };
}

/** Waits until `take` has had enough messages. @param limitMs for each message @returns why it ended before, or null */
async function listen(worker: Worker, limitMs: number, signal: AbortSignal, take: (message: unknown) => boolean): Promise<string | null> {
  const stop = new AbortController();
  const ended = new Promise<string | null>((resolve) => {
    let ticks = 0;
    const timer = setInterval(() => {
      if (++ticks > TICKS) resolve(`no answer within ${limitMs} ms`);
    }, Math.max(1, limitMs / TICKS));
    const onMessage = (message: unknown) => {
      ticks = 0;
      if (take(message)) resolve(null);
    };
    const onError = (error: unknown) => resolve(error instanceof Error ? `${error.name}: ${error.message}` : String(error));
    const onExit = (code: number) => resolve(`it ended its thread (exit code ${code})`);
    const onAbort = () => resolve("interrupted");
    worker.on("message", onMessage);
    worker.on("error", onError);
    worker.on("exit", onExit);
    signal.addEventListener("abort", onAbort);
    stop.signal.addEventListener("abort", () => {
      clearInterval(timer);
      worker.off("message", onMessage);
      worker.off("error", onError);
      worker.off("exit", onExit);
      signal.removeEventListener("abort", onAbort);
    });
  });
  const failed = await ended;
  stop.abort();
  signal.throwIfAborted();
  return failed;
}

/** A data: address needs no file, nor a loader, in any version of Node. */
function addressOf(code: string): string {
  return `data:text/javascript;base64,${Buffer.from(code).toString("base64")}`;
}
