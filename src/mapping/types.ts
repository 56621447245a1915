import type { JsonValue } from "../config/types.ts";

/** What is written where the source has no value: absent, `null` and `""` alike; but `omit-null` keeps `""`. */
export type MissingRule = "null" | "omit" | "omit-null" | "required" | { default: JsonValue };

/** A record, or an item of a list, of the target: how its fields are made. */
export interface RecordMapping {
  /** Whether fields that nothing names stay, byte for byte. Default: as around it; `keep` at the top. */
  rest?: "keep" | "drop" | undefined;
  /** How the names of those fields are written. Default: as around it; unchanged at the top. */
  names?: "camel" | "snake" | undefined;
  /** Paths of fields that go. */
  drop?: string[] | undefined;
  /** Objects whose members become fields of the record: `receiver` gives `receiver_city`. */
  flatten?: string[] | undefined;
  /** By name in the target; a dot makes an object. */
  fields?: Record<string, FieldMapping> | undefined;
}

export type Mask = "hash" | "all" | "name" | "phone" | { start: number; end: number };

/** One field of the target. Exactly one of `from`, `value`, `template`, `expression`, `each` is set. */
export interface FieldMapping extends RecordMapping {
  from?: string | undefined;
  value?: JsonValue | undefined;
  template?: string | undefined;
  expression?: string | undefined;
  each?: string | undefined;
  type?: "text" | "integer" | "decimal" | "boolean" | "datetime" | undefined;
  /** Digits behind the point (decimal). */
  scale?: number | undefined;
  /** How the source writes it, and in which zone (datetime). */
  format?: string | undefined;
  zone?: string | undefined;
  /** How the target wants it, and in which zone (datetime). */
  to?: string | undefined;
  toZone?: string | undefined;
  values?: Record<string, JsonValue> | undefined;
  /** A value that `values` does not name. Default: refused. */
  others?: "refuse" | "keep" | { default: JsonValue } | undefined;
  missing?: MissingRule | undefined;
  mask?: Mask | undefined;
}

/** A script hook, bundled. */
export interface MappingScript {
  /** Absolute path. */
  file: string;
  /** The file and its local imports as one module. */
  code: string;
  /** Of the texts that it was made of: part of what identifies the mapping. */
  hash: string;
  /** One record's time limit (ms). */
  timeoutMs: number;
}

/** A strategy of Qeasy that makes the records. */
export interface QeasyMapping {
  /** Its halves as JSON text; null: not given. */
  source: string | null;
  target: string | null;
  /** Whether the source's half makes other rows of those that are read. */
  changesRows: boolean;
  /** Every row becomes one document that has its record's id, or none. */
  oneEach: boolean;
  /** Of what makes records in them: part of what identifies the mapping. */
  hash: string;
}

/** One document for each element of a list. */
export interface ExplodeMapping {
  /** The list's path. */
  list: string;
  /** The element's field that its document's id ends in. Not there: its place in the list, from 1. */
  id?: string | undefined;
}

/** How a record is made from a row. */
export interface MappingConfig {
  /** The field whose value becomes the record's `id`. */
  id: string;
  /** CEL over the source's row: true for what is sent. Not there: everything. */
  filter?: string;
  explode?: ExplodeMapping;
  /** null or not there: every field passes through byte for byte. */
  record?: RecordMapping;
  /** Key of `mask: "hash"`. Secret. */
  hashKey?: string;
  script?: MappingScript;
  /** Instead of `record` and `script`. */
  qeasy?: QeasyMapping;
}
