import type { JsonValue } from "../config/types.ts";
import { evaluateEntries, sourceScope, type CompiledEntry } from "./entries.ts";
import type { Expression } from "./expression.ts";
import { notice, RowError, type Report } from "./notice.ts";
import { holdsSecret } from "./secrets.ts";
import { isMembers, type Value } from "./value.ts";

/** Functions whose result is another one each time, or each day. */
const MOVING = /\b(?:NOW|SYSDATE|LOCALTIME|CURDATE|CURTIME|CURRENT_\w+|UNIX_TIMESTAMP|RAND|UUID)\b/i;

/** Whether the entry is the same for every request and row. */
export function isLiteral({ expression, children, arrayName }: CompiledEntry): boolean {
  if (arrayName !== undefined) return false;
  return children === undefined ? expression === undefined || isFixed(expression) : children.every(isLiteral);
}

function isFixed(expression: Expression): boolean {
  if (expression.kind === "list" || expression.kind === "members") return partsOf(expression).every(isFixed);
  if (expression.kind !== "function") return expression.kind === "constant";
  const { compiled: { source, lookups, problem }, segments } = expression;
  return problem === undefined && lookups.length === 0 && segments.every((segment) => "text" in segment) && !MOVING.test(source);
}

/** Whether an expression may give another value for the same row later: by the clock, or by chance. */
export function drifts(expression: Expression): boolean {
  if (expression.kind === "template") return expression.segments.some((segment) => "name" in segment && segment.variable);
  if (expression.kind === "function") return expression.segments.some((segment) => ("name" in segment ? segment.variable : MOVING.test(segment.text)));
  return partsOf(expression).some(drifts);
}

/** Whether an expression depends on what other strategies have stored. */
export function asksOthers(expression: Expression): boolean {
  return expression.kind === "lookup" || (expression.kind === "function" && expression.compiled.lookups.length > 0) || partsOf(expression).some(asksOthers);
}

function partsOf(expression: Expression): Expression[] {
  return expression.kind === "list" ? expression.items : expression.kind === "members" ? expression.members.map(([, held]) => held) : [];
}

/** What such an entry sends, as the config holds it; undefined: nothing, or what is said to be refused. */
export async function literalValue(entry: CompiledEntry, report: Report): Promise<JsonValue | undefined> {
  try {
    const sent = await evaluateEntries([entry], sourceScope({ now: 0, lastSyncTime: 0, zone: "Asia/Shanghai", page: 1, pageSize: 1, random: () => 0, report }));
    if (holdsSecret(sent)) report(notice("TM_QEASY_NOT_YET", entry.path, "a credential; take it out of the strategy: those of the config are used", "refused"));
    else if (Object.hasOwn(sent, entry.field)) return plainValue(sent[entry.field]!, entry.path, report);
  } catch (error) {
    if (!(error instanceof RowError)) throw error;
    report(notice("TM_QEASY_NOT_YET", entry.path, error.message, "refused"));
  }
  return undefined;
}

function plainValue(value: Value, path: string, report: Report): JsonValue {
  if (Array.isArray(value)) return value.map((item) => plainValue(item, path, report));
  if (isMembers(value)) return Object.fromEntries(Object.entries(value).map(([key, held]) => [key, plainValue(held, path, report)]));
  if (typeof value !== "object" || value === null) return value;
  report(notice("TM_QEASY_NOT_YET", path, `the config would not keep every digit of ${value.text}`, "refused"));
  return value.text;
}
