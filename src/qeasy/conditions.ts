import { fieldValue, type Context, type Scope } from "./context.ts";
import { instantOf } from "./dates.ts";
import { rowScope } from "./entries.ts";
import { compileExpression, evaluateExpression, type Expression } from "./expression.ts";
import { compareTexts } from "./lookup.ts";
import type { Condition } from "./model.ts";
import { notice, RowError, type Report } from "./notice.ts";
import { isEmpty, isMembers, newMembers, textOf, valueAt, type Value } from "./value.ts";

interface CompiledCondition {
  field: string;
  logic: string;
  strict: boolean;
  wanted: Expression;
}

export type CompiledConditions = CompiledCondition[][];

/** A row that passed, perhaps with fewer lines in a list; or why it was dropped. Hash the row before, not after. */
export type Filtered = { kept: true; row: Value; removedLines: number } | { kept: false; reason: string };

type Test = (held: string, wanted: string, order: (bound: string) => number) => boolean;

const TESTS: Record<string, Test> = {
  eq: (_, wanted, order) => order(wanted) === 0,
  neq: (_, wanted, order) => order(wanted) !== 0,
  gt: (_, wanted, order) => order(wanted) > 0,
  egt: (_, wanted, order) => order(wanted) >= 0,
  lt: (_, wanted, order) => order(wanted) < 0,
  elt: (_, wanted, order) => order(wanted) <= 0,
  like: (held, wanted) => held.includes(wanted),
  notlike: (held, wanted) => !held.includes(wanted),
  between: (_, wanted, order) => {
    const [low = "", high = ""] = wanted.split(",").map((part) => part.trim());
    return order(low) >= 0 && order(wanted.startsWith("timestamp:") && !high.startsWith("timestamp:") ? `timestamp:${high}` : high) <= 0;
  },
};

export const LOGICS: readonly string[] = [...Object.keys(TESTS), "notnull", "isnull"];

/** Reads conditions: the outer list is OR, the inner ones AND. A comparison that is not known is refused. */
export function compileConditions(groups: readonly (readonly Condition[])[], path: string, report: Report): CompiledConditions {
  return groups.map((group, g) =>
    group.map(({ field, logic, value = null, strictMode }, i) => {
      const at = `${path}[${g}][${i}]`;
      if (!LOGICS.includes(logic)) report(notice("TM_QEASY_CONDITION_LOGIC", at, JSON.stringify(logic), "refused"));
      const wanted = compileExpression(value, at, report);
      const wrong = logic === "isnull" || logic === "notnull" ? undefined : problemOf(logic, wanted);
      if (wrong !== undefined) report(notice("TM_QEASY_SHAPE", at, wrong, "refused"));
      return { field, logic, strict: strictMode, wanted };
    }),
  );
}

/** Why nothing can be compared with a value, so that every row would pass or fail; undefined: it can. */
function problemOf(logic: string, wanted: Expression): string | undefined {
  if (wanted.kind === "list" || wanted.kind === "members") return `${logic} compares with a text or a number, no list or object`;
  if (wanted.kind !== "constant") return undefined;
  const bounds = logic === "between" ? textOf(wanted.value).split(",") : [textOf(wanted.value)];
  if (logic === "between" && (bounds.length !== 2 || bounds.some((bound) => bound.trim() === ""))) return `between wants two bounds such as "100,500", not ${JSON.stringify(textOf(wanted.value))}`;
  const times = bounds.some((bound) => TIME.test(bound.trim()));
  const unreadable = times ? bounds.find((bound) => timeIn(bound.trim(), "UTC") === null) : undefined;
  return unreadable === undefined ? undefined : `${JSON.stringify(unreadable)} is no time: Unix seconds are wanted, such as timestamp:1710432000`;
}

/** Passes a row through the conditions; the first group that holds decides which lines stay. No group at all lets everything pass. */
export async function filterRow(groups: CompiledConditions, row: Value, context: Context): Promise<Filtered> {
  if (groups.length === 0) return { kept: true, row, removedLines: 0 };
  const reasons: string[] = [];
  for (const group of groups) {
    const outcome = await filterByGroup(group, row, context);
    if (typeof outcome !== "string") return outcome;
    reasons.push(outcome);
  }
  return { kept: false, reason: reasons.join("; ") };
}

async function filterByGroup(group: readonly CompiledCondition[], row: Value, context: Context): Promise<Filtered | string> {
  let current = row;
  let removedLines = 0;
  for (const condition of group) {
    const wanted = textOf(await evaluateExpression(condition.wanted, rowScope(context, row)));
    const scope = rowScope(context, current);
    const list = listOn(scope, condition.field);
    const failed = `${condition.field} ${condition.logic}`;
    if (list === undefined) {
      if (!passes(fieldValue(scope, condition.field), condition, wanted, context)) return failed;
      continue;
    }
    const left = list.lines.filter((line) => passes(valueAt(line, list.rest), condition, wanted, context));
    const removed = list.lines.length - left.length;
    if (left.length === 0 || (condition.strict && removed > 0)) return failed;
    if (removed > 0) current = replaceAt(current, list.path, left);
    removedLines += removed;
  }
  return { kept: true, row: current, removedLines };
}

/** The first list on a path, and the path below it. */
function listOn(scope: Scope, field: string): { path: string[]; lines: Value[]; rest: string } | undefined {
  const segments = field.split(".");
  for (let length = 1; length <= segments.length; length++) {
    const path = segments.slice(0, length);
    const value = fieldValue(scope, path.join("."));
    if (Array.isArray(value)) return { path, lines: value, rest: segments.slice(length).join(".") };
  }
  return undefined;
}

function replaceAt(value: Value, path: readonly string[], replacement: Value): Value {
  const [key, ...rest] = path;
  if (key === undefined) return replacement;
  if (!isMembers(value)) return value;
  const literal = path.join(".");
  if (Object.hasOwn(value, literal)) return Object.assign(newMembers(value), { [literal]: replacement });
  return Object.assign(newMembers(value), { [key]: replaceAt(value[key] ?? null, rest, replacement) });
}

function passes(held: Value | undefined, { field, logic }: CompiledCondition, wanted: string, context: Context): boolean {
  if (logic === "isnull" || logic === "notnull") return isEmpty(held) === (logic === "isnull");
  const test = TESTS[logic];
  if (test === undefined) throw new RowError("TM_QEASY_UNSUPPORTED", `an unknown comparison: ${logic}`, { path: field, fix: `Use one of ${LOGICS.join(", ")}.` });
  if (held === undefined || held === null) return logic === "neq" || logic === "notlike";
  const text = textOf(held);
  return test(text, wanted, (bound) => compareWith(text, bound, context.zone));
}

/** Below, at or above 0, and NaN when the row has no time to compare with `timestamp:…`. */
function compareWith(held: string, bound: string, zone: string): number {
  if (!TIME.test(bound)) return compareTexts(held, bound);
  const [instant, wanted] = [instantOf(held, zone), timeIn(bound, zone)];
  return instant === null || wanted === null ? Number.NaN : Math.floor(instant / 1000) - Math.floor(wanted / 1000);
}

const TIME = /^timestamp:/;

/** Epoch ms of `timestamp:…`: seconds, or what else a row's time can be; null: none of them. */
function timeIn(bound: string, zone: string): number | null {
  return instantOf(bound.replace(TIME, "").trim(), zone);
}
