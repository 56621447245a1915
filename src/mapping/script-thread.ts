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
    if (made === null) return { records: [] };
    if (Array.isArray(made)) return { records: made.map((one: unknown, i) => ({ id: ownId(one, i), json: writeFromScript(one, given)! })) };
    if (typeof made !== "object") throw new TypeError(`transform returned ${typeof made}, where a record, a list of records or null is expected`);
    return { records: [{ id: null, json: writeFromScript(made, given)! }] };
  } catch (error) {
    return { refused: error instanceof Error ? `${error.name}: ${error.message}` : String(error) };
  }
}

/** @throws TypeError */
function ownId(one: unknown, i: number): string {
  const id = typeof one === "object" && one !== null && "id" in one ? one.id : undefined;
  if ((typeof id === "string" && id !== "") || typeof id === "bigint" || Number.isSafeInteger(id)) return String(id);
  throw new TypeError(`transform returned a list whose element ${i + 1} has no id: text or a whole number`);
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
