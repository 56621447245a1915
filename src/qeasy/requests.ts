import type { Context } from "./context.ts";
import { compileEntries, evaluateEntries, memberText, rowScope, sourceScope, type CompiledEntry } from "./entries.ts";
import type { OmissionRemedy, Operation, Strategy } from "./model.ts";
import { notice, RowError, type Report } from "./notice.ts";
import { isMembers, type Members, type Value } from "./value.ts";

export interface CompiledRequest {
  request: CompiledEntry[];
  otherRequest: CompiledEntry[];
  operation: Operation;
  /** The target has no `request`: the row itself is sent. */
  wholeRow: boolean;
}

/** Reads `request` and `otherRequest` of a half; what is odd goes to `report`. */
export function compileRequest(strategy: Strategy, report: Report): CompiledRequest {
  const options = { responseFields: strategy.response.map(({ field }) => field) };
  return {
    request: compileEntries(strategy.request, `${strategy.side}.request`, report, options),
    otherRequest: compileEntries(strategy.otherRequest, `${strategy.side}.otherRequest`, report, options),
    operation: strategy.operation,
    wholeRow: strategy.side === "target" && strategy.request.length === 0,
  };
}

/** The parameters of one request to the source. Bounds come from the context: keep it for all pages of a window. */
export async function sourceRequest(compiled: CompiledRequest, context: Context): Promise<{ request: Members; otherRequest: Members }> {
  const scope = sourceScope(context);
  return { request: await evaluateEntries(compiled.request, scope), otherRequest: await evaluateEntries(compiled.otherRequest, scope) };
}

/** The source's half with the entries of `takeOverRequest` in place of those of the same name, or added. */
export function withRemedy(strategy: Strategy, remedy: OmissionRemedy): Strategy {
  const taken = new Map(remedy.takeOverRequest.map((entry) => [entry.field, entry]));
  const there = new Set(strategy.request.map(({ field }) => field));
  const request = strategy.request.filter((entry, i, all) => !taken.has(entry.field) || all.findIndex(({ field }) => field === entry.field) === i);
  return {
    ...strategy,
    request: [...request.map((entry) => taken.get(entry.field) ?? entry), ...[...taken.values()].filter(({ field }) => !there.has(field))],
  };
}

/** One call to the target. */
export interface TargetCall {
  /** Places of its rows in the given list. */
  rows: number[];
  /** One object; with batchArraySave a list of them, in the order of `rows`. */
  body: Members | Members[];
  otherRequest: Members;
  /** batchArraySave: the name of the list, where the strategy gives one. */
  listKey: string | undefined;
}

export interface TargetCalls {
  calls: TargetCall[];
  /** Rows that cannot be written; the others go on without them. */
  failed: { row: number; error: RowError }[];
}

/** The calls that write these rows. @throws RowError when the operation itself is not supported. */
export async function targetCalls(compiled: CompiledRequest, rows: readonly Value[], context: Context): Promise<TargetCalls> {
  const { method, rows: size = 1 } = compiled.operation;
  if (method !== "none" && method !== "batchArraySave") {
    throw new RowError("TM_QEASY_UNSUPPORTED", `the target's operation ${JSON.stringify(method)} is not supported`, {
      path: "target.operation",
      fix: "Use none or batchArraySave; for splitArray set it in the source's half.",
    });
  }
  const failed: TargetCalls["failed"] = [];
  const written: { row: number; body: Members; otherRequest: Members }[] = [];
  for (const [place, row] of rows.entries()) {
    try {
      const scope = rowScope(context, row);
      const body = compiled.wholeRow && isMembers(row) ? row : await evaluateEntries(compiled.request, scope);
      written.push({ row: place, body, otherRequest: await evaluateEntries(compiled.otherRequest, scope) });
    } catch (error) {
      if (!(error instanceof RowError)) throw error;
      failed.push({ row: place, error });
    }
  }
  if (method === "none") {
    return { calls: written.map(({ row, body, otherRequest }) => ({ rows: [row], body, otherRequest, listKey: undefined })), failed };
  }
  const calls = Array.from({ length: Math.ceil(written.length / size) }, (_, i): TargetCall => {
    const batch = written.slice(i * size, (i + 1) * size);
    const { otherRequest } = batch[0]!;
    return { rows: batch.map(({ row }) => row), body: batch.map(({ body }) => body), otherRequest, listKey: memberText(otherRequest, "key") };
  });
  return { calls, failed };
}

/** Says what is not supported about a half's operation. */
export function checkOperation({ side, operation }: Strategy, report: Report): void {
  const { method, arrayKey } = operation;
  const known = side === "source" ? ["none", "splitArray"] : ["none", "batchArraySave"];
  if (method === "splitArray" && side === "source" && arrayKey === undefined) report(notice("TM_QEASY_OPERATION", "source.operation", "splitArray without arrayKey", "refused"));
  if (!known.includes(method)) {
    report(notice("TM_QEASY_OPERATION", `${side}.operation`, `${JSON.stringify(method)}; ${side === "source" ? "read as none" : `it does not run${method === "merge" ? ", as by what it merges rows is not known; groupCalculate does" : ""}`}`, side === "source" ? "warning" : "refused"));
  }
}
