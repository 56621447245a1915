import { parentPort, workerData } from "node:worker_threads";
import type { ScriptRecord, TransformContext } from "../config/user-mapping.ts";
import { readForScript, writeFromScript } from "./script-values.ts";
import type { ScriptAnswer, ScriptInput, ScriptStart } from "./script.ts";

/** The thread that a script hook runs in: one message a record, in order, so that whoever waits knows which one takes too long. */
const { address, pipeline } = workerData as ScriptStart;
const port = parentPort!;
const module = (await import(address)) as { transform?: unknown };
const { transform } = module;
if (typeof transform !== "function") throw new TypeError("it does not export a function transform(record, context)");

port.on("message", (inputs: ScriptInput[]) => {
  void (async () => {
    for (const input of inputs) port.postMessage(await answer(input));
  })();
});
port.postMessage("ready");

async function answer({ record, source, id }: ScriptInput): Promise<ScriptAnswer> {
  try {
    const given = readForScript(record);
    const made: unknown = await (transform as (...values: unknown[]) => unknown)(given, contextOf(id, source));
    if (typeof made !== "object" || made === null || Array.isArray(made)) throw new TypeError(`transform returned ${Array.isArray(made) ? "a list" : String(made)}, where a record is expected`);
    return { json: writeFromScript(made, given)! };
  } catch (error) {
    return { refused: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  }
}

/** The row is read only where a script looks at it. */
function contextOf(id: string, source: string): TransformContext {
  let row: ScriptRecord | undefined;
  return {
    pipeline, id,
    get source() {
      return (row ??= readForScript(source) as ScriptRecord);
    },
  };
}
