import type { Context } from "./context.ts";
import { compileEntries, evaluateEntries, rowScope, type CompiledEntry } from "./entries.ts";
import { compileExpression, evaluateExpression, type Expression } from "./expression.ts";
import type { Entry, Strategy } from "./model.ts";
import type { Report } from "./notice.ts";
import { withMember } from "./rows.ts";
import { isMembers, newMembers, type Members, type Value } from "./value.ts";

/** What a target's answer gives back to the row, and to another strategy. */
export interface CompiledWriteBack {
  primary: CompiledEntry[];
  callBack: { strategyId: string; fields: [string, Expression][] } | undefined;
}

export interface WriteBack {
  /** Stored on the row; undefined: the strategy asks for nothing. */
  primaryWriteback: Members | undefined;
  /** A row for another strategy. */
  callBack: { strategyId: string; row: Members } | undefined;
}

export function compileWriteBack(strategy: Pick<Strategy, "response" | "callBackStrategy">, path: string, report: Report): CompiledWriteBack {
  const primary = strategy.response.find((entry) => entry.field === "primaryWriteback")?.children ?? [];
  const wanted = strategy.callBackStrategy ?? callBackEntry(strategy.response.find((entry) => entry.field === "callBackStrategy"));
  const { strategyId, ...fields } = wanted ?? {};
  return {
    primary: compileEntries(primary, `${path}.response.primaryWriteback`, report),
    callBack:
      typeof strategyId === "string"
        ? { strategyId, fields: Object.entries(fields).map(([field, value]) => [field, compileExpression(value, `${path}.callBackStrategy.${field}`, report)]) }
        : undefined,
  };
}

/** The same thing, written as an entry: an object as its value, or children. */
function callBackEntry(entry: Entry | undefined): Record<string, Value> | undefined {
  if (entry === undefined) return undefined;
  if (isMembers(entry.value)) return entry.value;
  return Object.fromEntries((entry.children ?? []).flatMap((child) => (child.value === undefined ? [] : [[child.field, child.value]])));
}

/** Reads a target's answer (parsed JSON) to the row that was written. Names match exactly, or else without regard to case. */
export async function writeBack(compiled: CompiledWriteBack, row: Value, answer: Value, context: Context): Promise<WriteBack> {
  const primary = compiled.primary.length === 0 ? undefined : await evaluateEntries(compiled.primary, { ...rowScope(context, answer), anyCase: true });
  if (compiled.callBack === undefined) return { primaryWriteback: primary, callBack: undefined };
  const scope = { ...rowScope(context, withMember(row, "primaryWriteback", primary ?? null)), anyCase: true };
  const result = newMembers();
  for (const [field, expression] of compiled.callBack.fields) {
    const value = await evaluateExpression(expression, scope);
    if (value !== undefined && value !== null) result[field] = value;
  }
  return { primaryWriteback: primary, callBack: { strategyId: compiled.callBack.strategyId, row: result } };
}
