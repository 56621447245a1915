import type { UserQeasyTarget } from "../config/user-config.ts";
import type { UserField, UserMapping } from "../config/user-mapping.ts";
import { compileEntries, type CompiledEntry } from "./entries.ts";
import { isLiteral, literalValue } from "./literal.ts";
import { NO_OP, type Strategy } from "./model.ts";
import { notice, type Report } from "./notice.ts";
import type { Segment } from "./template.ts";
import { compileWriteBack } from "./write-back.ts";

type Fields = Record<string, UserField>;

/** `target` of a pipeline but for its address; what it cannot do goes to `report` as refused. Without a half it is 写入空操作. */
export function pipelineTarget(strategy: Strategy | undefined, idCheck: boolean, report: Report): Omit<UserQeasyTarget, "baseUrl"> {
  const target = { use: "qeasy" as const, api: strategy?.api ?? NO_OP, idCheck };
  if (strategy === undefined) return target;
  const { callBack } = compileWriteBack(strategy, "target", () => undefined);
  if (callBack !== undefined) {
    const at = strategy.callBackStrategy === undefined ? "target.response.callBackStrategy" : "target.callBackStrategy";
    report(notice("TM_QEASY_NOT_YET", at, `the strategy ${callBack.strategyId} would get nothing: what ${NO_OP} answers is not known, so that there is nothing certain to pass on; take it out, and let a pipeline of its own send that strategy the fields of the row`, "refused"));
  }
  for (const { field } of strategy.otherRequest) report(notice("TM_QEASY_UNUSED", `target.otherRequest.${field}`, `no effect on ${NO_OP} is known`));
  return strategy.operation.method === "batchArraySave" ? { ...target, batchSize: strategy.operation.rows ?? 1 } : target;
}

/** The mapping that makes of a row what the target's `request` makes of it. @param id the source's field that the record's id comes from */
export async function pipelineMapping(strategy: Strategy | undefined, id: string, report: Report): Promise<UserMapping> {
  if (strategy?.groupCalculate !== undefined) report(notice("TM_QEASY_NOT_YET", "target.groupCalculate", "rows would not be grouped", "refused"));
  if (strategy === undefined || strategy.request.length === 0) return {};
  const entries = compileEntries(strategy.request, "target.request", () => undefined);
  const own = entries.find(({ field }) => field === "id");
  if (own === undefined) report(notice("TM_QEASY_RECORD", "target.request", `id, the text of ${id}, goes with it, since by it every record is followed`));
  else if (own.type !== "string" || own.parsers.length > 0 || onlyPath(own) !== id) refuse(own, `the record's id is the text of ${id}`, report);
  return { rest: "drop", fields: await fieldsOf(entries.filter((entry) => entry !== own), undefined, report) };
}

/** @param list the list of the row whose elements the fields are made of; undefined: the row itself */
async function fieldsOf(entries: readonly CompiledEntry[], list: string | undefined, report: Report): Promise<Fields> {
  const fields: Fields = {};
  for (const entry of entries) {
    const name = entry.field.replaceAll(".", "\\.");
    if (name === "__proto__") refuse(entry, "no config holds a field of this name", report);
    else if (isLiteral(entry)) {
      const value = await literalValue(entry, report);
      if (value !== undefined) fields[name] = { value };
    } else if (entry.parsers.length > 0) refuse(entry, "parser", report);
    else if (entry.type === "object" && entry.children !== undefined) {
      const inner = await fieldsOf(entry.children, list, report);
      if (!Object.values(inner).some((field) => typeof field === "object" && "value" in field)) refuse(entry, "the object has to be left out where all of its fields are", report);
      for (const [below, field] of Object.entries(inner)) fields[`${name}.${below}`] = field;
    } else if (entry.type === "array" || entry.type === "object") {
      const field = list === undefined ? await listField(entry, report) : undefined;
      if (field === undefined) refuse(entry, "only a list of the row itself, named by the entry's value, with children", report);
      else fields[name] = field;
    } else fields[name] = plainField(entry, list, report);
  }
  return fields;
}

async function listField({ arrayName, children, required }: CompiledEntry, report: Report): Promise<UserField | undefined> {
  if (arrayName === undefined || children === undefined || required || arrayName.includes(".")) return undefined;
  return { each: arrayName, fields: await fieldsOf(children, arrayName, report) };
}

/** A text of fields. What the mapping would write otherwise than the strategy is refused: numbers, booleans, formatted times, expressions. */
function plainField(entry: CompiledEntry, list: string | undefined, report: Report): UserField {
  const { expression, type, required } = entry;
  if (["int", "float", "double", "boolean"].includes(type)) return refuse(entry, `a field as ${type}`, report);
  if (expression?.kind !== "template") return refuse(entry, expression?.kind === "function" ? "_function" : "a lookup, a list or an object", report);
  const parts = expression.segments.map((segment) => partOf(segment, list));
  if (!parts.every((part) => part !== undefined)) return refuse(entry, "a variable, a filter, or a path that may lead through a list", report);
  if (type === "" && required) return refuse(entry, "a required field without a type: an empty list is missing", report);
  const [only] = parts;
  if (parts.length === 1 && only !== undefined && "from" in only) return { from: only.from, ...(type === "" ? {} : { type: "text" as const }), missing: required ? "required" : "omit-null" };
  // A mapping's template of which every field is empty is null.
  if (!parts.some((part) => "text" in part && part.text !== "")) return refuse(entry, "a text of several fields and nothing between them: it is empty text where all of them are empty", report);
  return { template: parts.map((part) => ("text" in part ? part.text.replaceAll(/[{}]/g, "$&$&") : `{${part.from}}`)).join("") };
}

/** A piece of a text as the mapping names it; undefined: it cannot. */
function partOf(segment: Segment, list: string | undefined): { text: string } | { from: string } | undefined {
  if ("text" in segment) return segment;
  const { name, variable, filter } = segment;
  if (variable || filter !== undefined || /[{}$\\]/.test(name)) return undefined;
  const own = list !== undefined && name.startsWith(`${list}.`);
  const path = own ? name.slice(list.length + 1) : name;
  if (path.includes(".") || path === list) return undefined;
  return { from: list === undefined || own ? path : `$.${path}` };
}

function onlyPath({ expression }: CompiledEntry): string | undefined {
  if (expression?.kind !== "template" || expression.segments.length !== 1) return undefined;
  const part = partOf(expression.segments[0]!, undefined);
  return part !== undefined && "from" in part ? part.from : undefined;
}

function refuse({ path }: CompiledEntry, detail: string, report: Report): UserField {
  report(notice("TM_QEASY_NOT_YET", path, detail, "refused"));
  return { value: null };
}
