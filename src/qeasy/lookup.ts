import { Decimal } from "decimal.js";
import { reportIn, type Scope } from "./context.ts";
import { notice, RowError, type Report } from "./notice.ts";
import { readTemplate, templateValue, type Segment } from "./template.ts";
import { isEmpty, isMembers, readJson, textOf, type Value, valueAt } from "./value.ts";

export type LookupOperator = "eq" | "ne" | "in" | "gt" | "gte" | "lt" | "lte";

export interface LookupCondition {
  /** A path in the stored row's content. */
  field: string;
  operator: LookupOperator;
  /** A list with `in`; compared as text without surrounding blanks, numbers as numbers with the ordering operators. */
  value: Value;
}

export interface LookupQuery {
  /** Uuid of the strategy whose stored rows are searched. */
  strategy: string;
  /** The path whose value is wanted. */
  field: string;
  /** All of them must hold. */
  where: LookupCondition[];
}

/**
 * Searches rows that a strategy has stored. The answer has the field's value of each match, the oldest row first (two
 * matches suffice: the second only tells whether the first was the only one); null where a match lacks the field.
 * Undefined: no such strategy is known.
 */
export type Lookup = (query: LookupQuery) => Promise<Value[] | undefined>;

/** A lookup as it stands in a strategy. */
export interface LookupPlan {
  strategy: string;
  field: string;
  where: { field: string; operator: LookupOperator; value: Segment[] | Segment[][] }[];
  /** As written, for messages. */
  source: string;
}

const SHAPE = /^_findCollection\s+find\s+(\S+)\s+from\s+(\S+)\s+where\s+([\s\S]+)$/i;
const CONDITION = /^\s*([^\s='"{}]+)(\s*)=(\s*)('(?:[^'])*'|"(?:[^"])*"|(?:\{\{[^{}]*\}\}|[^\s])+)/;

/** Reads a `_findCollection`; undefined, with a notice, when it cannot be read. */
export function readFindCollection(text: string, path: string, report: Report): LookupPlan | undefined {
  const fail = (why: string): undefined => {
    report(notice("TM_QEASY_LOOKUP_SYNTAX", path, `${why} in ${JSON.stringify(text)}`));
  };
  const shape = SHAPE.exec(text.trim());
  if (shape === null) return fail("expected: _findCollection find FIELD from UUID where FIELD=VALUE …");
  const where: LookupPlan["where"] = [];
  for (let rest = shape[3]!; rest.trim() !== ""; ) {
    const match = CONDITION.exec(rest);
    if (match === null) return fail(`${JSON.stringify(rest.trim())} is no FIELD=VALUE`);
    const [whole, field, before, after, written] = match as unknown as [string, string, string, string, string];
    if (before + after !== "") report(notice("TM_QEASY_LOOKUP_SYNTAX", path, `blanks round = in ${JSON.stringify(whole.trim())}; read without them`));
    const value = /^['"]/.test(written) ? written.slice(1, -1) : written;
    where.push({ field, operator: "eq", value: readTemplate(value, path, report) });
    rest = rest.slice(whole.length);
  }
  return { field: shape[1]!, strategy: shape[2]!, where, source: text.trim() };
}

const MONGO = /^_mongoQuery\s+(\S+)\s+findField=(?:content\.)?(\S+)\s+where=([\s\S]+)$/;
const OPERATORS: readonly string[] = ["eq", "ne", "in", "gt", "gte", "lt", "lte"];

/** Reads a `_mongoQuery` of the shape that is generally known, else undefined. */
export function readMongoQuery(text: string, path: string, report: Report): LookupPlan | undefined {
  const shape = MONGO.exec(text.trim());
  if (shape === null) return undefined;
  let conditions: Value;
  try {
    conditions = readJson(shape[3]!);
  } catch {
    return undefined;
  }
  if (!isMembers(conditions)) return undefined;
  const template = (value: Value): Segment[] => readTemplate(textOf(value), path, report);
  const where: LookupPlan["where"] = [];
  for (const [field, condition] of Object.entries(conditions)) {
    for (const [name, value] of Object.entries(isMembers(condition) ? condition : { $eq: condition })) {
      const operator = name.slice(1);
      if (!name.startsWith("$") || !OPERATORS.includes(operator) || (operator === "in") !== Array.isArray(value)) return undefined;
      where.push({
        field: field.replace(/^content\./, ""),
        operator: operator as LookupOperator,
        value: Array.isArray(value) ? value.map(template) : template(value),
      });
    }
  }
  return where.length === 0 ? undefined : { strategy: shape[1]!, field: shape[2]!, where, source: text.trim() };
}

/** Runs a lookup. Null: nothing was found. @throws RowError when the strategy is not known. */
export async function runLookup(plan: LookupPlan, scope: Scope, path: string): Promise<Value> {
  const { lookup } = scope.context;
  const read = (segments: Segment[]): Value => templateValue(segments, scope, path) ?? null;
  const where = plan.where.map(({ field, operator, value }) => ({
    field,
    operator,
    value: operator === "in" ? (value as Segment[][]).map(read) : read(value as Segment[]),
  }));
  if (where.some(({ value }) => isEmpty(value))) return null; // an empty condition matches nothing
  const found = await lookup?.({ strategy: plan.strategy, field: plan.field, where });
  if (found === undefined) {
    throw new RowError("TM_QEASY_LOOKUP_UNKNOWN", `no rows of the strategy ${plan.strategy} are known here`, {
      path,
      fix: `Import the strategy ${plan.strategy}, give its pipeline strategy: ${JSON.stringify(plan.strategy)} and let it run, or take out ${JSON.stringify(plan.source)}.`,
    });
  }
  const first = found[0] ?? null;
  if (found.some((other) => textOf(other) !== textOf(first))) reportIn(scope, "TM_QEASY_LOOKUP_AMBIGUOUS", path, plan.source);
  return first;
}

/** A lookup in rows held in memory, by strategy, the oldest first: the meaning that every other one must have. */
export function lookupInRows(rows: ReadonlyMap<string, readonly Value[]>): Lookup {
  return (query) => {
    const matches = rows.get(query.strategy)?.filter((row) => matchesAll(row, query.where));
    return Promise.resolve(matches?.map((row) => valueAt(row, query.field) ?? null));
  };
}

/** Whether all of the conditions hold for a row. */
export function matchesAll(row: Value, where: readonly LookupCondition[]): boolean {
  return where.every((condition) => holds(valueAt(row, condition.field), condition));
}

function holds(held: Value | undefined, { operator, value }: LookupCondition): boolean {
  if (operator === "in") return (value as Value[]).some((each) => holds(held, { field: "", operator: "eq", value: each }));
  const [left, right] = [textOf(held).trim(), textOf(value).trim()];
  if (operator === "eq") return !isEmpty(held) && left === right;
  if (operator === "ne") return left !== right;
  if (isEmpty(held)) return false;
  const order = compareTexts(left, right);
  return operator === "gt" ? order > 0 : operator === "gte" ? order >= 0 : operator === "lt" ? order < 0 : order <= 0;
}

const NUMERIC = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?$/i;

/** Below, at or above 0: as numbers where both are, digit for digit; else as texts, letter case counts. */
export function compareTexts(left: string, right: string): number {
  if (NUMERIC.test(left) && NUMERIC.test(right)) return new Decimal(left).comparedTo(new Decimal(right));
  return left === right ? 0 : left < right ? -1 : 1;
}
