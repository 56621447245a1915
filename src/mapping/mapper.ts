import { withStringMember } from "../json/raw.ts";
import type { StrategyContext, StrategyMapper } from "./qeasy.ts";
import { recordWriter } from "./record.ts";
import { MappingRefusal } from "./refusal.ts";
import { openScript, type ScriptInput } from "./script.ts";
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
  /** One outcome a row, in order. @throws ConfigError `TM_MAPPING_LOAD` */
  map(rows: readonly RowToMap[], signal: AbortSignal): Promise<MappedRow[]>;
  close(): Promise<void>;
}

/** What maps a pipeline's rows; null where they pass through but for their id. Close it. @param context of its strategy, if it has one */
export function openMapper(pipeline: { name: string; mapping: MappingConfig }, context: StrategyContext = {}): Mapper | null {
  const { record, script: hook, qeasy } = pipeline.mapping;
  if (qeasy !== undefined) return openStrategy(qeasy, context);
  if (record === undefined && hook === undefined) return null;
  const mapRecord = record === undefined ? ({ raw, id }: RowToMap) => withStringMember(raw, "id", id) : recordMapper(pipeline.mapping);
  const script = hook === undefined ? null : openScript(hook, pipeline.name);
  return {
    async map(rows, signal) {
      const mapped = rows.map((row) => outcomeOf(row.id, () => mapRecord(row)));
      if (script === null) return mapped;
      const inputs: (ScriptInput & { at: number })[] = [];
      for (const [at, row] of mapped.entries()) if ("documents" in row) for (const { json, id } of row.documents) inputs.push({ at, record: json, source: rows[at]!.raw, id });
      const answers = await script.run(inputs.map(({ at: _at, ...input }) => input), signal);
      for (const [i, { at, id }] of inputs.entries()) mapped[at] = scripted(answers[i]!, id);
      return mapped;
    },
    close: async () => script?.close(),
  };
}

function openStrategy(qeasy: QeasyMapping, context: StrategyContext): Mapper {
  // Its parser takes a second to load, which other mappings need not wait for.
  let opened: ReturnType<StrategyMapper> | undefined;
  return {
    async map(rows, signal) {
      const documentsOf = (opened ??= (await import("./qeasy.ts")).strategyMapper(qeasy, context));
      const mapped: MappedRow[] = [];
      for (const row of rows) {
        signal.throwIfAborted();
        mapped.push(await documentsOf(row).then((documents) => ({ documents }), refusalOf));
      }
      return mapped;
    },
    close: () => Promise.resolve(),
  };
}

function scripted(answer: { json: string } | { refused: string }, id: string): MappedRow {
  if ("json" in answer) return oneDocument(id, withStringMember(answer.json, "id", id));
  return { code: "TM_MAPPING_SCRIPT", field: null, reason: storable(answer.refused) };
}

/** A record that becomes one document, which has the record's id. */
export function oneDocument(id: string, json: string): MappedRow & { documents: Document[] } {
  return { documents: [{ id, json }] };
}

function outcomeOf(id: string, map: () => string): MappedRow {
  try {
    return oneDocument(id, map());
  } catch (error) {
    return refusalOf(error);
  }
}

function refusalOf(error: unknown): MappedRow {
  if (!(error instanceof MappingRefusal)) throw error;
  return { code: error.code, field: error.path ?? null, reason: storable(error.message) };
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
