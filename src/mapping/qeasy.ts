import { createHash } from "node:crypto";
import { withStringMember } from "../json/raw.ts";
import {
  compileConditions, compileFormats, compileRequest, evaluateEntries, filterRow, flattenRow, formatRow, groupRows, readJson, rowKey, RowError, rowScope, splitRows, writeJson,
  type Context, type Lookup, type Members, type Strategy, type Value,
} from "../qeasy/index.ts";
import { compileEntries } from "../qeasy/entries.ts";
import { normalise } from "../qeasy/normalise.ts";
import type { Report } from "../qeasy/notice.ts";
import type { Side } from "../qeasy/paste.ts";
import { isEmpty, isMembers, textOf } from "../qeasy/value.ts";
import type { Document, RowToMap } from "./mapper.ts";
import { MappingRefusal } from "./refusal.ts";
import type { FieldMapping, QeasyMapping } from "./types.ts";

/** What a strategy's expressions depend on besides the row. */
export interface StrategyContext {
  /** Dispatch time (epoch ms). Default: now. */
  now?: number;
  /** When the pipeline last got through (epoch ms). Default: `now`. */
  lastSyncTime?: number;
  /** Reads rows that other strategies have stored; without it a lookup sets its record aside. */
  lookup?: Lookup;
  /** Gets what is noticed while rows are mapped, again for each row. */
  report?: Report;
}

/** A row as it is to be written, and its id. */
interface Line {
  id: string;
  row: Value;
}

export type StrategyMapper = typeof strategyMapper;

const quiet = (): void => undefined;

/**
 * What makes the documents of a row as a strategy says: formatted copies, then the condition (none: it is dropped), then one
 * row for each element, then groups, then the target's request. @throws MappingRefusal when called
 */
export function strategyMapper({ source: sourceText, target: targetText, hash }: QeasyMapping, { now = Date.now(), lastSyncTime = now, lookup, report }: StrategyContext): (row: RowToMap) => Promise<Document[]> {
  const [source, target] = [half(sourceText, "source"), half(targetText, "target")];
  const formats = compileFormats(source?.formatResponse ?? [], "source.formatResponse", quiet);
  const conditions = compileConditions(source?.condition ?? [], "source.condition", quiet);
  const request = target === undefined ? undefined : compileRequest(target, quiet);
  const hasOwnId = request?.request.some(({ field, expression }) => field === "id" && expression !== undefined) === true;
  const around = { now, lastSyncTime, zone: "Asia/Shanghai", page: 1, pageSize: source?.pageSize ?? 1, ...(lookup === undefined ? {} : { lookup }), ...(report === undefined ? {} : { report }) };
  return async ({ id, raw }) => {
    const context: Context = { ...around, random: drawnFrom(`${hash}\0${id}\0${raw}`) };
    try {
      const read = readJson(raw);
      const filtered = await filterRow(conditions, formatRow(read, formats, context.zone), context);
      if (!filtered.kept) return [];
      const documents: Document[] = [];
      for (const line of grouped(linesOf(filtered.row, id, source), id, source, target)) {
        const body = request === undefined || request.wholeRow ? line.row : await evaluateEntries(request.request, rowScope(context, line.row));
        const own = request === undefined || request.wholeRow || !isMembers(body) ? undefined : body["id"];
        if (own === undefined && hasOwnId) throw emptyId();
        documents.push(own === undefined ? { id: line.id, json: withStringMember(body === read ? raw : writeJson(body), "id", line.id) } : { id: idOf(own), json: writeJson(body) });
      }
      return documents;
    } catch (error) {
      if (error instanceof RowError) throw new MappingRefusal(error.code, error.message, error.path === undefined ? {} : { path: error.path });
      throw error;
    }
  };
}

/** Numbers that are the same whenever the row is mapped: what is sent again, even after a crash between batches, is what was sent. */
function drawnFrom(text: string): () => number {
  let drawn = 0;
  return () => createHash("sha256").update(`${drawn++}\0${text}`).digest().readUIntBE(0, 6) / 2 ** 48;
}

/** The fields of a strategy's records, as one looks at a mapping: where each comes from. */
export function strategyFields({ target }: QeasyMapping): Record<string, FieldMapping> {
  const strategy = half(target, "target");
  const entries = compileEntries(strategy?.request ?? [], "", quiet);
  return Object.fromEntries(entries.map(({ field, expression, arrayName }): [string, FieldMapping] => {
    const only = expression?.kind === "template" && expression.segments.length === 1 ? expression.segments[0]! : undefined;
    if (arrayName !== undefined) return [field, { each: arrayName }];
    if (only !== undefined && "name" in only && !only.variable) return [field, { from: only.name }];
    const written = strategy!.request.findLast((entry) => entry.field === field && !isEmpty(entry.value ?? entry.default));
    return [field, { template: textOf(written?.value ?? written?.default ?? null) }];
  }));
}

function half(text: string | null, side: Side): Strategy | undefined {
  return text === null ? undefined : normalise(readJson(text) as Members, side, quiet);
}

/** @param id of the record */
function linesOf(row: Value, id: string, source: Strategy | undefined): Line[] {
  if (source === undefined) return [{ id, row }];
  const inside = source.operation.method === "splitArray" || source.id?.includes(".") === true ? source.id : undefined;
  return splitRows([row], source.operation).flatMap((part) => flattenRow(part, source.beatFlat)).map((line) => ({ id: inside === undefined ? id + line.suffix : rowKey(line, inside), row: line.row }));
}

/** The config is checked: groups never join rows of two records. */
function grouped(lines: Line[], id: string, source: Strategy | undefined, target: Strategy | undefined): Line[] {
  const group = target?.groupCalculate;
  if (group === undefined) return lines;
  const documents = groupRows(lines.map(({ row }) => row), group, "Asia/Shanghai");
  // Where there can be several, one is numbered too: else a second one would leave the first behind under the plain id.
  const numbered = documents.length > 1 || (group.bodyMaxLine !== undefined && group.bodyGroup.length > 0) || group.headerGroup.some((field) => isOfLine(field, source));
  return documents.map(({ document }, i) => ({ id: numbered ? `${id}-${i + 1}` : id, row: document }));
}

/** Whether a field differs between the rows that one row is made into. */
function isOfLine(field: string, source: Strategy | undefined): boolean {
  const split = source?.operation.method === "splitArray" ? source.operation.arrayKey : undefined;
  return field === split || (split !== undefined && field.startsWith(`${split}.`)) || (source?.beatFlat ?? []).some((name) => field === name || field.startsWith(`${name}_`));
}

function idOf(own: Value): string {
  if (isEmpty(own) || Array.isArray(own) || isMembers(own)) throw emptyId();
  return textOf(own);
}

function emptyId(): RowError {
  return new RowError("TM_QEASY_ID", "the entry id came out empty, or as a list or an object", { path: "target.request.id" });
}
