import { readLenient } from "./lenient-json.ts";
import { notice, QeasyError, type Report } from "./notice.ts";
import { isMembers, type Members, type Value } from "./value.ts";

export type Side = "source" | "target";

/** A strategy's half found in pasted text. */
export interface Pasted {
  json: Members;
  /** Only where a wrapper names it. */
  side: Side | undefined;
  /** Exactly what was pasted, all of it. */
  original: string;
}

const START = /[{[](?=(?:\s|[\u200B-\u200D\u2060]|\/\/[^\n]*\n|\/\*[\s\S]*?\*\/)*(?:["'“”‘＂{}]|[\w$\u3400-\u9FFF]+\s*[:：]))/g;
const TEXT_OF_JSON = /^[\s\uFEFF]*"\s*(?:\\[nrt]|\s)*[{[]/;
const ENTITIES: Record<string, string> = { quot: '"', "#34": '"', "#x22": '"', "#39": "'", apos: "'", lt: "<", gt: ">", nbsp: " ", amp: "&" };
const WRAPPERS: Record<string, Side | undefined> = {
  source: "source",
  sourceMetadata: "source",
  source_metadata: "source",
  target: "target",
  targetMetadata: "target",
  target_metadata: "target",
  metadata: undefined,
  strategy: undefined,
  data: undefined,
};
const OWN_KEYS: readonly string[] = ["api", "request", "response", "effect", "omissionRemedy", "condition"];

/** All strategies in a text: one or several objects, in prose, a code fence, a wrapper, or as a text of JSON. @throws QeasyError TM_QEASY_JSON */
export function readPaste(original: string, report: Report): Pasted[] {
  const found = valuesIn(original, report).flatMap((value) => unwrap(value, undefined, original, report));
  if (found.length === 0) {
    throw new QeasyError("TM_QEASY_JSON", "there is no strategy in this text: no JSON object with api, request or the like", { fix: "Paste the strategy's metadata as Qeasy shows it." });
  }
  return found;
}

function valuesIn(original: string, report: Report): Value[] {
  let text = original;
  if (/[{[,:]\s*&(?:quot|#34|#x22);/i.test(text)) {
    report(notice("TM_QEASY_REPAIRED", "", "HTML entities"));
    text = text.replaceAll(/&(quot|#34|#x22|#39|apos|lt|gt|nbsp|amp);/gi, (_, name: string) => ENTITIES[name.toLowerCase()]!);
  }
  if (TEXT_OF_JSON.test(text)) return [readLenient(text, text.indexOf('"'), report).value];
  const values: Value[] = [];
  let at = 0;
  for (;;) {
    START.lastIndex = at;
    const start = START.exec(text)?.index;
    const between = text.slice(at, start ?? text.length);
    if (/[^\s\uFEFF\u200B-\u200D\u2060,;，；]/.test(between.replaceAll(/\/\/[^\n]*|\/\*[\s\S]*?\*\//g, "")) && (start !== undefined || values.length > 0)) {
      report(notice("TM_QEASY_WRAPPER", "", "text round the JSON is left out"));
    }
    if (start === undefined) return values;
    const { value, end } = readLenient(text, start, report);
    values.push(value);
    at = end;
  }
}

function unwrap(value: Value, side: Side | undefined, original: string, report: Report): Pasted[] {
  if (typeof value === "string") {
    if (!/^\s*[{[]/.test(value)) return [];
    report(notice("TM_QEASY_WRAPPER", "", "JSON given as a text of JSON"));
    return valuesIn(value, report).flatMap((inner) => unwrap(inner, side, original, report));
  }
  if (Array.isArray(value)) return value.flatMap((inner) => unwrap(inner, side, original, report));
  if (!isMembers(value)) return [];
  const keys = Object.keys(value).filter((key) => Object.hasOwn(WRAPPERS, key) && (isMembers(value[key]) || typeof value[key] === "string"));
  if (keys.length === 0 || OWN_KEYS.some((key) => Object.hasOwn(value, key))) return [{ json: value, side, original }];
  report(notice("TM_QEASY_WRAPPER", "", keys.join(", ")));
  return keys.flatMap((key) => unwrap(value[key]!, WRAPPERS[key] ?? side, original, report));
}
