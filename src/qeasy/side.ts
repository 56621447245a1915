import { NO_OP } from "./model.ts";
import { notice, type Report } from "./notice.ts";
import type { Side } from "./paste.ts";
import { textOf, type Members, type Value } from "./value.ts";

const EFFECTS: Record<string, Side> = { query: "source", execute: "target", write: "target", create: "target" };
const SOURCE_KEYS = ["pagination", "omissionRemedy", "condition", "beatFlat", "formatResponse"];
const TARGET_KEYS = ["groupCalculate", "callBackStrategy", "autoCheck", "distributionOrg"];

/** Which half a strategy is: by effect, else type, else what its API and keys speak for. Undefined: nothing does. */
export function sideOf(json: Members, report: Report): Side | undefined {
  const [effect, type] = [sideNamed(json.effect), sideNamed(json.type)];
  if (effect !== undefined && type !== undefined && effect !== type) report(notice("TM_QEASY_EFFECT", "effect", `${textOf(json.effect)} and ${textOf(json.type)}`));
  return effect ?? type ?? byApi(textOf(json.api).trim()) ?? byKeys(json);
}

function sideNamed(value: Value | undefined): Side | undefined {
  return typeof value === "string" ? EFFECTS[value.trim().toLowerCase()] : undefined;
}

function byApi(api: string): Side | undefined {
  if (api === NO_OP || /(?:save|upload|write|create|add|update|push|写入|新增|保存)/i.test(api)) return "target";
  return /(?:query|get|list|search|refresh\.token|查询)/i.test(api) ? "source" : undefined;
}

function byKeys(json: Members): Side | undefined {
  if (TARGET_KEYS.some((key) => Object.hasOwn(json, key)) || JSON.stringify(json.response ?? "").includes('"primaryWriteback"')) return "target";
  return SOURCE_KEYS.some((key) => Object.hasOwn(json, key)) || Object.hasOwn(json, "id") || Object.hasOwn(json, "otherResponse") ? "source" : undefined;
}
