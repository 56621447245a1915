import { withStringMember } from "../json/raw.ts";
import { exploder } from "./explode.ts";
import { filterReader } from "./expression.ts";
import type { StrategyContext, StrategyMapper } from "./qeasy.ts";
import { recordWriter } from "./record.ts";
import { MappingRefusal } from "./refusal.ts";
import { openScript, type ScriptRunner } from "./script.ts";
import type { MappingConfig, QeasyMapping } from "./types.ts";
import { openObject } from "./view.ts";

/** A row (raw JSON object) that is to become a record of that id. */
export interface RowToMap {
  id: string;
  raw: string;
}

/** What the target gets of a record: its own id there, and the text. */
export interface Document {
  id: string;
  json: string;
}

/** The documents that a record becomes (none: filtered on purpose), or why they cannot be made; reasons hold data of the record. */
export type MappedRow = { documents: Document[] } | { code: string; field: string | null; reason: string };

export interface Mapper {
  /** Every record becomes one document that has the record's id, or none: no two records can have a document in common. */
  readonly oneEach?: boolean;
  /** One outcome a row, in order. @throws ConfigError `TM_MAPPING_LOAD` */
  map(rows: readonly RowToMap[], signal: AbortSignal): Promise<MappedRow[]>;
  close(): Promise<void>;
}

/** What maps a pipeline's rows; null where they pass through but for their id. Close it. @param context of its strategy, if it has one */
export function openMapper(pipeline: { name: string; mapping: MappingConfig }, context: StrategyContext = {}): Mapper | null {
  const { record, script: hook, filter, explode, qeasy } = pipeline.mapping;
  if (qeasy !== undefined) return openStrategy(qeasy, context);
  if (record === undefined && hook === undefined && filter === undefined && explode === undefined) return null;
  const write = record === undefined ? ({ raw, id }: RowToMap) => withStringMember(raw, "id", id) : recordMapper(pipeline.mapping);
  const passes = filter === undefined ? () => true : filterReader(filter);
  const partsOf = explode === undefined ? (row: RowToMap) => [row] : exploder(explode);
  const script = hook === undefined ? null : openScript(hook, pipeline.name);
  const documentsOf = (row: RowToMap) => (filter === undefined || passes(openObject(row.raw)!) ? partsOf(row).map((part) => ({ id: part.id, json: write(part) })) : []);
  return {
    oneEach: explode === undefined && hook === undefined,
    async map(rows, signal) {
      const mapped = rows.map((row) => outcomeOf(() => documentsOf(row)));
      return (script === null ? mapped : await scripted(script, rows, mapped, signal)).map((row) => ("documents" in row ? distinct(row.documents) : row));
    },
    close: async () => script?.close(),
  };
}

function openStrategy(qeasy: QeasyMapping, context: StrategyContext): Mapper {
  // Its parser takes a second to load, which other mappings need not wait for.
  let opened: ReturnType<StrategyMapper> | undefined;
  return {
    oneEach: qeasy.oneEach,
    async map(rows, signal) {
      const documentsOf = (opened ??= (await import("./qeasy.ts")).strategyMapper(qeasy, context));
      const mapped: MappedRow[] = [];
      for (const row of rows) {
        signal.throwIfAborted();
        mapped.push(await documentsOf(row).then(distinct, refusalOf));
      }
      return mapped;
    },
    close: () => Promise.resolve(),
  };
}

/** Runs the script on each document; a record of which it refuses one is refused. */
async function scripted(script: ScriptRunner, rows: readonly RowToMap[], mapped: readonly MappedRow[], signal: AbortSignal): Promise<MappedRow[]> {
  const inputs = mapped.flatMap((row, at) => ("documents" in row ? row.documents.map(({ id, json }) => ({ at, id, record: json, source: rows[at]!.raw })) : []));
  const answers = await script.run(inputs.map(({ at: _at, ...input }) => input), signal);
  const made = mapped.map((row): MappedRow => ("documents" in row ? { documents: [] } : row));
  for (const [i, { at, id: given }] of inputs.entries()) {
    const [row, answer] = [made[at]!, answers[i]!];
    if ("code" in row) continue;
    if ("refused" in answer) made[at] = { code: "TM_MAPPING_SCRIPT", field: null, reason: storable(answer.refused) };
    else row.documents.push(...answer.records.map(({ id, json }) => ({ id: id ?? given, json: withStringMember(json, "id", id ?? given) })));
  }
  return made;
}

/** A record that becomes one document, which has the record's id. */
export function oneDocument(id: string, json: string): { documents: Document[] } {
  return { documents: [{ id, json }] };
}

function outcomeOf(map: () => Document[]): MappedRow {
  try {
    return { documents: map() };
  } catch (error) {
    return refusalOf(error);
  }
}

function refusalOf(error: unknown): MappedRow {
  if (!(error instanceof MappingRefusal)) throw error;
  return { code: error.code, field: error.path ?? null, reason: storable(error.message) };
}

/** One would overwrite the other. */
function distinct(documents: Document[]): MappedRow {
  const seen = new Set<string>();
  for (const { id } of documents) {
    if (id.includes("\0")) return { code: "TM_DOCUMENT_ID", field: null, reason: `a document's id holds NUL: ${storable(id)}` };
    if (seen.has(id)) return { code: "TM_DOCUMENT_ID", field: null, reason: `two documents of the record have the id ${JSON.stringify(id)}; one would overwrite the other` };
    seen.add(id);
  }
  return { documents };
}

/** Postgres's text holds no NUL. */
function storable(text: string): string {
  return text.replaceAll("\0", "");
}

function recordMapper({ record = {}, hashKey = "" }: MappingConfig): (row: RowToMap) => string {
  let id = "";
  const write = recordWriter(record, { rest: "keep", names: undefined, at: "" }, new Map([["id", () => JSON.stringify(id)]]), hashKey);
  return (row) => {
    id = row.id;
    return `{${write(openObject(row.raw)!)}}`;
  };
}
