import { withStringMember } from "../json/raw.ts";
import { recordWriter } from "./record.ts";
import { MappingRefusal } from "./refusal.ts";
import { openScript, type ScriptInput } from "./script.ts";
import type { MappingConfig } from "./types.ts";
import { openObject } from "./view.ts";

/** A row (raw JSON object) that is to become a record of that id. */
export interface RowToMap {
  id: string;
  raw: string;
}

/** A record as the target gets it, or why it cannot be made; reasons hold data of the record. */
export type MappedRow = { json: string } | { code: string; field: string | null; reason: string };

export interface Mapper {
  /** One outcome a row, in order. @throws ConfigError `TM_MAPPING_LOAD` */
  map(rows: readonly RowToMap[], signal: AbortSignal): Promise<MappedRow[]>;
  close(): Promise<void>;
}

/** What maps a pipeline's rows; null where they pass through but for their id. Close it. */
export function openMapper(pipeline: { name: string; mapping: MappingConfig }): Mapper | null {
  const { record, script: hook } = pipeline.mapping;
  if (record === undefined && hook === undefined) return null;
  const mapRecord = record === undefined ? ({ raw, id }: RowToMap) => withStringMember(raw, "id", id) : recordMapper(pipeline.mapping);
  const script = hook === undefined ? null : openScript(hook, pipeline.name);
  return {
    async map(rows, signal) {
      const mapped = rows.map((row) => outcomeOf(() => mapRecord(row)));
      if (script === null) return mapped;
      const inputs: (ScriptInput & { at: number })[] = [];
      for (const [at, row] of mapped.entries()) if ("json" in row) inputs.push({ at, record: row.json, source: rows[at]!.raw, id: rows[at]!.id });
      const answers = await script.run(inputs.map(({ at: _at, ...input }) => input), signal);
      for (const [i, { at, id }] of inputs.entries()) mapped[at] = scripted(answers[i]!, id);
      return mapped;
    },
    close: async () => script?.close(),
  };
}

function scripted(answer: { json: string } | { refused: string }, id: string): MappedRow {
  if ("json" in answer) return { json: withStringMember(answer.json, "id", id) };
  return { code: "TM_MAPPING_SCRIPT", field: null, reason: storable(answer.refused) };
}

function outcomeOf(map: () => string): MappedRow {
  try {
    return { json: map() };
  } catch (error) {
    if (!(error instanceof MappingRefusal)) throw error;
    return { code: error.code, field: error.path ?? null, reason: storable(error.message) };
  }
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
