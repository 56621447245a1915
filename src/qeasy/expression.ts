import type { Scope } from "./context.ts";
import { readFindCollection, readMongoQuery, runLookup, type LookupPlan } from "./lookup.ts";
import { notice, RowError, type Report } from "./notice.ts";
import { compileFunction, type CompiledFunction } from "./sql/compile.ts";
import { runFunction } from "./sql/evaluate.ts";
import { FunctionError } from "./sql/values.ts";
import { readTemplate, templateValue, type Segment } from "./template.ts";
import { isMembers, newMembers, textOf, type Value } from "./value.ts";

/** The value of an entry, read once and evaluated for each row. */
export type Expression = { path: string } & (
  | { kind: "constant"; value: Value }
  | { kind: "template"; segments: Segment[] }
  | { kind: "function"; compiled: CompiledFunction; segments: Segment[] }
  | { kind: "lookup"; plan: LookupPlan | undefined; source: string; mongo: boolean }
  | { kind: "list"; items: Expression[] }
  | { kind: "members"; members: [string, Expression][] }
);

const PREFIX = /^_(function|findCollection|mongoQuery) ([\s\S]*)$/;
const STRIPPED = /^(?:[A-Za-z_][\w.]*\|(?:date|datetime|time|timestamp)|[A-Za-z_]\w*=[A-Za-z_]\w*\.\w+)$/i;

/** Reads a value as it stands in a strategy. It never throws: what cannot be used fails the rows that reach it. */
export function compileExpression(value: Value, path: string, report: Report): Expression {
  if (Array.isArray(value)) return { path, kind: "list", items: value.map((item, i) => compileExpression(item, `${path}[${i}]`, report)) };
  if (isMembers(value)) {
    return { path, kind: "members", members: Object.entries(value).map(([key, held]) => [key, compileExpression(held, `${path}.${key}`, report)]) };
  }
  if (typeof value !== "string") return { path, kind: "constant", value };
  const prefixed = PREFIX.exec(value);
  if (prefixed?.[1] === "function") {
    const source = prefixed[2]!.trim();
    // Oddities of its templates are reported once, by the expression itself.
    return { path, kind: "function", compiled: compileFunction(source, path, report), segments: readTemplate(source, path, () => undefined) };
  }
  if (prefixed?.[1] === "findCollection") {
    return { path, kind: "lookup", plan: readFindCollection(value, path, report), source: value, mongo: false };
  }
  if (prefixed?.[1] === "mongoQuery") {
    report(notice("TM_QEASY_MONGO", path, JSON.stringify(value)));
    return { path, kind: "lookup", plan: readMongoQuery(value, path, report), source: value, mongo: true };
  }
  if (/^\s*_(?:function|findCollection|mongoQuery)/i.test(value)) {
    report(notice("TM_QEASY_EXPRESSION", path, `${JSON.stringify(value)} does not begin with exactly the word and one blank`));
  } else if (STRIPPED.test(value)) {
    report(notice("TM_QEASY_TEMPLATE", path, `${JSON.stringify(value)} may have lost its braces`));
  }
  const segments = readTemplate(value, path, report);
  return segments.every((segment) => "text" in segment)
    ? { path, kind: "constant", value: segments.map((segment) => ("text" in segment ? segment.text : "")).join("") }
    : { path, kind: "template", segments };
}

/** The value for a row; undefined and null alike leave the entry out. @throws RowError when the row cannot be written. */
export async function evaluateExpression(expression: Expression, scope: Scope): Promise<Value | undefined> {
  switch (expression.kind) {
    case "function": {
      const found: Value[] = [];
      for (const plan of expression.compiled.lookups) found.push(await runLookup(plan, scope, expression.path));
      return functionValue(expression, scope, found);
    }
    case "lookup":
      return lookupValue(expression, scope);
    case "list": {
      const items: Value[] = [];
      for (const item of expression.items) items.push((await evaluateExpression(item, scope)) ?? null);
      return items;
    }
    case "members": {
      const members = newMembers();
      for (const [key, held] of expression.members) {
        const value = await evaluateExpression(held, scope);
        if (value !== undefined) members[key] = value;
      }
      return members;
    }
    default:
      return evaluatePlain(expression, scope);
  }
}

/** The value of an expression that asks nobody. */
export function evaluatePlain(expression: Extract<Expression, { kind: "constant" | "template" }>, scope: Scope): Value | undefined {
  return expression.kind === "constant" ? expression.value : templateValue(expression.segments, scope, expression.path);
}

function functionValue(expression: Extract<Expression, { kind: "function" }>, scope: Scope, found: Value[]): Value {
  const { compiled, path, segments } = expression;
  try {
    return runFunction(compiled, scope, found, path);
  } catch (error) {
    if (!(error instanceof FunctionError)) throw error;
    if (scope.context.onFunctionError === "text") return textOf(templateValue(segments, scope, path));
    throw new RowError("TM_QEASY_FUNCTION", `${error.message}, in _function ${compiled.source}`, {
      path,
      fix: "Correct the expression in the strategy, or the row in the source system.",
    });
  }
}

async function lookupValue({ plan, source, mongo, path }: Extract<Expression, { kind: "lookup" }>, scope: Scope): Promise<Value> {
  if (plan !== undefined && (!mongo || scope.context.mongoQuery === true)) return runLookup(plan, scope, path);
  throw new RowError("TM_QEASY_UNSUPPORTED", `${mongo ? "_mongoQuery is not supported" : "the lookup cannot be read"}: ${source}`, {
    path,
    fix: "Write it as: _findCollection find FIELD from UUID where FIELD=VALUE",
  });
}

/** The names of all row fields that an expression reads. */
export function fieldsOf(expression: Expression): string[] {
  const names = (segments: readonly Segment[]): string[] => segments.flatMap((segment) => ("name" in segment ? [segment.name] : []));
  const inPlan = (plan: LookupPlan): string[] => plan.where.flatMap(({ value }) => names(value.flat()));
  switch (expression.kind) {
    case "template":
    case "function":
      return names(expression.segments);
    case "lookup":
      return expression.plan === undefined ? [] : inPlan(expression.plan);
    case "list":
      return expression.items.flatMap(fieldsOf);
    case "members":
      return expression.members.flatMap(([, held]) => fieldsOf(held));
    default:
      return [];
  }
}
