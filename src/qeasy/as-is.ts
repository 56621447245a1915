import { createHash } from "node:crypto";
import type { UserPipeline, UserQeasyTarget, UserSource } from "../config/user-config.ts";
import type { QeasyMapping } from "../mapping/types.ts";
import type { ApiDescription } from "../source/contract.ts";
import { compileConditions } from "./conditions.ts";
import { compileEntries, type CompiledEntry } from "./entries.ts";
import type { ImportedHalf } from "./import.ts";
import { asksOthers, drifts } from "./literal.ts";
import type { Strategy } from "./model.ts";
import { notice, type Report } from "./notice.ts";
import { pipelineAudit, pipelineSchedule, pipelineSource } from "./pipeline-source.ts";
import { pipelineTarget } from "./pipeline-target.ts";
import { holdsSecret } from "./secrets.ts";
import { isEmpty, newMembers, textOf, writeJson, type Value } from "./value.ts";

export interface Halves {
  source: ImportedHalf | undefined;
  target: ImportedHalf | undefined;
}

/** What a pipeline takes from a strategy that runs as it is. */
export interface AsItIs {
  source: Partial<UserSource>;
  schedule: UserPipeline["schedule"];
  audit: UserPipeline["audit"];
  mapping: { id?: string };
  target: Partial<UserQeasyTarget>;
  /** Undefined: rows pass through. */
  qeasy: QeasyMapping | undefined;
}

/** The settings of a pipeline that runs a strategy as it is; what it cannot do goes to `report` as refused. @param given parameters that the config sets by itself */
export async function asItIs({ source, target }: Halves, api: ApiDescription, given: readonly string[], report: Report): Promise<AsItIs> {
  const id = recordId(source?.strategy);
  const halves = [source, target].filter((half) => half !== undefined);
  if (source !== undefined) {
    refuseSplit(source.strategy, report);
    refuseMovingConditions(source.strategy, report);
    refuseFlattened(source.strategy, report);
  }
  if (target !== undefined) checkTarget(target, source?.strategy, api, report);
  const qeasy = mappingOf({ source, target });
  if (api.call === true && qeasy !== undefined) {
    report(notice("TM_QEASY_NOT_YET", qeasy.target === null || target?.strategy.request.length === 0 ? "source.api" : "target.request", `the rows of ${api.path} hold the token, which never leaves the store: only what tells of the exchange is sent, as it is`, "refused"));
  }
  return {
    source: source === undefined ? {} : await pipelineSource(source, api, report, given),
    schedule: pipelineSchedule(halves, report),
    audit: source === undefined ? undefined : pipelineAudit(source, api, report, given),
    mapping: id === undefined ? {} : { id },
    target: pipelineTarget(target?.strategy, source?.strategy.idCheck ?? true, report),
    qeasy,
  };
}

/** The field of a row that its record's id comes from; undefined: the API's own, as the strategy's lies deeper or belongs to what a row is split into. */
export function recordId(strategy: Strategy | undefined): string | undefined {
  return strategy?.id?.includes(".") === true || strategy?.operation.method === "splitArray" ? undefined : strategy?.id;
}

function refuseSplit({ id, operation: { method, arrayKey = "" } }: Strategy, report: Report): void {
  if (method !== "splitArray" || id === arrayKey || id?.startsWith(`${arrayKey}.`) === true) return;
  report(notice("TM_QEASY_NOT_YET", "source.id", `the rows that one is split into would all have the id ${id ?? "of the API"}; name a field of ${arrayKey}, or use beatFlat, which numbers them`, "refused"));
}

/** A row is judged once for each of its versions: what fails because of when it was read would never come. */
function refuseMovingConditions({ condition }: Strategy, report: Report): void {
  for (const [g, group] of compileConditions(condition, "source.condition", () => undefined).entries()) {
    for (const [i, { wanted }] of group.entries()) {
      if (!drifts(wanted) && !asksOthers(wanted)) continue;
      report(notice("TM_QEASY_NOT_YET", wanted.path, `${JSON.stringify(textOf(condition[g]![i]!.value))} judges a row by when it is read, and one that fails is not looked at again until it changes, so that it would be missed; write a fixed value, or take it out: only what has changed is read anyway`, "refused"));
    }
  }
}

/** Conditions and formats come before beatFlat: by a field that only flattened rows have, every row would be dropped, or no copy made. */
function refuseFlattened({ beatFlat, condition, formatResponse }: Strategy, report: Report): void {
  const refuse = (path: string, field: string, fix: (list: string, rest: string) => string): void => {
    const list = beatFlat.find((name) => field.startsWith(`${name}_`));
    if (list !== undefined) report(notice("TM_QEASY_NOT_YET", path, `${field} is there only once beatFlat has made rows of ${list}, which comes after it; ${fix(list, field.slice(list.length + 1))}`, "refused"));
  };
  for (const [g, group] of condition.entries()) for (const [i, { field }] of group.entries()) refuse(`source.condition[${g}][${i}]`, field, (list, rest) => `write ${list}.${rest}`);
  for (const [i, { old }] of formatResponse.entries()) refuse(`source.formatResponse[${i}]`, old, () => "format it in the target's request, by _function");
}

function checkTarget({ strategy }: ImportedHalf, source: Strategy | undefined, api: ApiDescription, report: Report): void {
  const refuse = (key: string, detail: string): void => report(notice("TM_QEASY_NOT_YET", `target.${key}`, detail, "refused"));
  const secrets = strategy.request.filter((entry) => holdsSecret(entry as unknown as Value));
  for (const { field } of secrets) refuse(`request.${field}`, "a credential; take it out of the strategy: those of the config are used");
  const ids = [source?.id, api.idField];
  const { headerGroup = ids } = strategy.groupCalculate ?? {};
  if (!ids.some((field) => field !== undefined && headerGroup.includes(field))) {
    refuse("groupCalculate", `documents would join rows of several records, of which one may change, or come, later; with ${source?.id ?? api.idField} in headerGroup they would not`);
  }
  const entries = compileEntries(strategy.request, "target.request", () => undefined);
  for (const path of entries.flatMap(neverFilled)) report(notice("TM_QEASY_SHAPE", path, "it is required and has no value, so that each row is set aside"));
  const own = entries.find(({ field }) => field === "id");
  const only = own?.expression?.kind === "template" && own.expression.segments.length === 1 ? own.expression.segments[0]! : undefined;
  if (own?.expression !== undefined && (drifts(own.expression) || own.expression.kind === "constant")) {
    refuse("request.id", own.expression.kind === "constant" ? "all records would have this one id" : "a record would have another id each time it is made, and stand in the target as often; take the entry out, and the row's own id goes with it");
  }
  if (own === undefined && strategy.request.length > 0) report(notice("TM_QEASY_RECORD", "target.request", "id goes with each record, since by it every record is followed"));
  const joined = strategy.groupCalculate !== undefined && strategy.groupCalculate.bodyMaxLine === undefined;
  if (source !== undefined && source.beatFlat.length > 0 && !joined && only !== undefined && "name" in only && ids.includes(only.name)) {
    refuse("request.id", `the lines of one row would all have the id ${only.name}; without this entry they are told apart as ${only.name}-1, ${only.name}-2, …`);
  }
}

/** The paths of entries that are required, and that no row can fill. */
function neverFilled({ path, required, expression, children, arrayName }: CompiledEntry): string[] {
  if (children !== undefined) return children.flatMap(neverFilled);
  return required && arrayName === undefined && (expression === undefined || (expression.kind === "constant" && isEmpty(expression.value))) ? [path] : [];
}

const SOURCE_KEYS = ["api", "id", "operation", "condition", "beatFlat", "formatResponse"];
const TARGET_KEYS = ["api", "operation", "request", "response", "groupCalculate"];

/** What makes records in the two halves; undefined: rows pass through. */
function mappingOf({ source, target }: Halves): QeasyMapping | undefined {
  const rows = source === undefined ? [] : [source.strategy.condition, source.strategy.beatFlat, source.strategy.formatResponse];
  const splits = source?.strategy.operation.method === "splitArray";
  const deep = source?.strategy.id?.includes(".") === true;
  const ownId = target?.strategy.request.some(({ field }) => field === "id") === true;
  const records = target === undefined ? [] : [target.strategy.request, target.strategy.groupCalculate ?? []];
  if (!splits && !deep && [...rows, ...records].every((part) => Array.isArray(part) && part.length === 0)) return undefined;
  const made = [rows, source?.strategy.id, source?.strategy.operation, records, target?.strategy.response.map(({ field }) => field)];
  const oneEach = !splits && !deep && !ownId && (source?.strategy.beatFlat ?? []).length === 0 && target?.strategy.groupCalculate === undefined;
  return { changesRows: splits || rows.some((part) => part.length > 0), oneEach, source: kept(source, SOURCE_KEYS), target: kept(target, TARGET_KEYS), hash: createHash("sha256").update(JSON.stringify(made)).digest("hex") };
}

function kept(half: ImportedHalf | undefined, keys: readonly string[]): string | null {
  if (half === undefined) return null;
  return writeJson(Object.assign(newMembers(), Object.fromEntries(Object.entries(half.json).filter(([key]) => keys.includes(key)))));
}
