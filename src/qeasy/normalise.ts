import { DEFAULT_PAGE_SIZE, strategySchema, type Strategy } from "./model.ts";
import { isTrue, normaliseEntries } from "./normalise-entries.ts";
import { notice, type Report } from "./notice.ts";
import type { Side } from "./paste.ts";
import { isMembers, isNumber, textOf, type Members, type Value } from "./value.ts";

export interface NormaliseOptions {
  /** Larger page sizes are cut down to it. */
  maxPageSize?: number;
}

/** A half of a strategy in its usual spelling. What does not fit is reported as refused and read as if it were not there. */
export function normalise(json: Members, side: Side, report: Report, options: NormaliseOptions = {}): Strategy {
  const text = (key: string): string | undefined => {
    const value = json[key];
    return value === undefined || value === null || value === "" ? undefined : textOf(value).trim();
  };
  const named = text("api") ?? "";
  const api = named === "(not printed)" ? "" : named;
  if (api === "") report(notice("TM_QEASY_SHAPE", `${side}.api`, "api is missing: this is a piece of a strategy, and nothing says what it calls; give all of it", "refused"));
  else if (api !== json.api) report(notice("TM_QEASY_NORMALISED", `${side}.api`, JSON.stringify(api)));
  const request = normaliseEntries(json.request, `${side}.request`, report);
  const id = text("id");
  const candidate = {
    side,
    api,
    method: readMethod(json.method, `${side}.method`, report),
    id,
    number: text("number") ?? id,
    name: text("name"),
    idCheck: json.idCheck === undefined || json.idCheck === null || isTrue(json.idCheck),
    pageSize: readPageSize(json, request, side, report, options.maxPageSize),
    operation: readOperation(json.operation, side, report),
    request,
    otherRequest: normaliseEntries(json.otherRequest, `${side}.otherRequest`, report),
    response: normaliseEntries(json.response, `${side}.response`, report),
    otherResponse: normaliseEntries(json.otherResponse, `${side}.otherResponse`, report),
    condition: readConditions(json.condition, side, report),
    omissionRemedy: readRemedy(json.omissionRemedy, side, report),
    beatFlat: json.beatFlat ?? [],
    formatResponse: json.formatResponse ?? [],
    groupCalculate: readGroup(json.groupCalculate),
    callBackStrategy: isNothing(json.callBackStrategy) ? undefined : json.callBackStrategy,
  };
  const parsed = strategySchema.safeParse(candidate);
  if (parsed.success) return parsed.data;
  const broken = new Set(parsed.error.issues.map(({ path }) => String(path[0])));
  for (const { path, message } of parsed.error.issues) report(notice("TM_QEASY_SHAPE", `${side}.${path.join(".")}`, message, "refused"));
  const empty: Record<string, unknown> = { beatFlat: [], formatResponse: [], condition: [], operation: { method: "none" }, pageSize: DEFAULT_PAGE_SIZE };
  return strategySchema.parse({ ...candidate, ...Object.fromEntries([...broken].map((key) => [key, empty[key]])) });
}

/** Absent, null, or empty: PHP writes an object without members as `[]`. */
function isNothing(given: Value | undefined): given is undefined | null {
  return given === undefined || given === null || given === "" || (typeof given === "object" && Object.keys(given).length === 0);
}

function readMethod(given: Value | undefined, path: string, report: Report): string {
  if (given === undefined || given === null || given === "") return "POST";
  const method = textOf(given).replaceAll(/[\s|]+$/g, "").trim().toUpperCase();
  if (method !== given) report(notice("TM_QEASY_NORMALISED", path, `${JSON.stringify(textOf(given))} as ${method}`));
  return method === "" ? "POST" : method;
}

const SIZE_FIELD = /^(?:page_?size|limit)$/i;

function readPageSize(json: Members, request: Strategy["request"], side: Side, report: Report, most = Infinity): number {
  const given = isMembers(json.pagination) ? json.pagination.pageSize : undefined;
  const literal = request.find(({ field, value }) => SIZE_FIELD.test(field) && /^\d+$/.test(textOf(value)))?.value;
  const written = given ?? literal;
  if (written === undefined || written === null) return DEFAULT_PAGE_SIZE;
  const size = Number(textOf(written));
  const usable = Number.isInteger(size) && size > 0;
  if (!usable || size > most || (given !== undefined && !isNumber(given))) {
    report(notice("TM_QEASY_PAGE_SIZE", `${side}.pagination`, `${JSON.stringify(textOf(written))}, read as ${usable ? Math.min(size, most) : DEFAULT_PAGE_SIZE}`));
  }
  return usable ? Math.min(size, most) : DEFAULT_PAGE_SIZE;
}

function readOperation(given: Value | undefined, side: Side, report: Report): unknown {
  let operation = given;
  while (isMembers(operation) && isMembers(operation.operation)) {
    report(notice("TM_QEASY_WRAPPER", `${side}.operation`, "operation inside operation"));
    operation = operation.operation;
  }
  if (isNothing(operation)) return { method: "none" };
  if (!isMembers(operation)) return { method: textOf(operation).trim() };
  const rows = operation.rows === undefined ? undefined : Number(textOf(operation.rows));
  return { method: textOf(operation.method) || "none", rows, arrayKey: operation.arrayKey };
}

function readConditions(given: Value | undefined, side: Side, report: Report): unknown {
  if (given === undefined || given === null) return [];
  if (!Array.isArray(given)) return given;
  const groups = given.some(isMembers) ? [given] : given;
  if (groups !== given) report(notice("TM_QEASY_CONDITION_SHAPE", `${side}.condition`));
  return groups.map((group) =>
    Array.isArray(group)
      ? group.map((line) => (isMembers(line) ? { field: line.field, logic: textOf(line.logic).trim(), value: line.value, strictMode: isTrue(line.strictMode) } : line))
      : group,
  );
}

function readRemedy(given: Value | undefined, side: Side, report: Report): unknown {
  if (isNothing(given)) return undefined;
  if (!isMembers(given)) return given;
  return {
    crontab: textOf(given.crontab).trim(),
    adapter: given.adapter ?? undefined,
    takeOverRequest: normaliseEntries(given.takeOverRequest, `${side}.omissionRemedy.takeOverRequest`, report),
  };
}

function readGroup(given: Value | undefined): unknown {
  if (isNothing(given)) return undefined;
  if (!isMembers(given)) return given;
  const most = given.bodyMaxLine;
  return { ...given, headerGroup: given.headerGroup ?? [], bodyGroup: given.bodyGroup ?? [], bodyMaxLine: most === undefined || most === null ? undefined : Number(textOf(most)) };
}
