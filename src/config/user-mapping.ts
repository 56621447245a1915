import type { Duration, Text } from "./user-config.ts";
import type { JsonValue } from "./types.ts";

/** How a record is made from a row of the source (docs/mapping.md). */
export interface UserMapping extends UserRecordMapping {
  /** The field whose value becomes the record's `id`, as text. Default: the API's own id. */
  id?: Text;
  /** CEL over `record`, the row as the source sent it: only records for which it is true are sent. Default: all. */
  filter?: string;
  /**
   * A list: each of its elements becomes a document of its own in the target, with the element in the list's place. `id`: the
   * element's field that the document's id ends in, after the record's; default its place in the list, from 1.
   */
  explode?: string | { list: string; id?: string };
  /** Key of `mask: "hash"`: equal texts have equal hashes under one key. Secret. */
  hashKey?: Text;
  /** A file beside the config that exports `transform(record, context)`; it gets what the fields made. */
  script?: Text;
  /** One record's time limit. Default `5s`. */
  scriptTimeout?: Duration;
}

/** The fields of a record, or of an item of a list. */
export interface UserRecordMapping {
  /** Whether fields that nothing names stay, byte for byte. Default `keep`; in lists as around them. */
  rest?: "keep" | "drop";
  /** How the names of those fields are written. Default: as they are; in lists as around them. */
  names?: "camel" | "snake";
  /** Paths of fields that go. */
  drop?: string[];
  /** Objects whose members become fields of the record: `receiver` gives `receiver_city`. */
  flatten?: string[];
  /** By name in the target; a dot makes an object. A text is a path: the field moves. */
  fields?: Record<string, UserField>;
}

/** What is written for a missing value: absent, `null` and `""` alike; but `omit-null` keeps `""`. */
export type UserMissing = "null" | "omit" | "omit-null" | "required" | { default: JsonValue };

interface UserSettings {
  missing?: UserMissing;
  /** Personal text: `hash` (needs `hashKey`), `all` (`***`), `name` (张**), `phone` (138****5678), or how many characters stay. */
  mask?: "hash" | "all" | "name" | "phone" | { start: number; end: number };
}

type UserType =
  | { type?: "text" | "integer" | "boolean" }
  /** As text; `scale`: digits behind the point. */
  | { type: "decimal"; scale?: number }
  /** `format` and `zone`: as the source writes it (default 2026-01-31 08:30:00, Asia/Shanghai); `to` and `toZone`: as the target wants it (default ISO 8601, UTC). */
  | { type: "datetime"; format?: string; zone?: string; to?: string; toZone?: string }
  /** The target's values by the source's; `others`: those that are not named, default `refuse`. */
  | { values: Record<string, JsonValue>; others?: "refuse" | "keep" | { default: JsonValue } };

type UserOrigin =
  /** The path of a value: `receiver.city`, `items.0.sku_id`; in a list `$.o_id` is the record's. */
  | { from: string }
  /** `{path}` stands for a value. */
  | { template: string }
  /** CEL over `record`; in a list also over `item`. */
  | { expression: string };

export type UserField =
  | string
  | (UserOrigin & UserSettings & UserType)
  /** Always this. */
  | { value: JsonValue }
  /** A list of the source, item by item. */
  | ({ each: string; missing?: UserMissing } & UserRecordMapping);

/** What a script's `transform` gets beside the record. */
export interface TransformContext {
  pipeline: string;
  /** The record's id in the target, or the document's where the mapping explodes; what a record that the script returns alone has for one counts for nothing. */
  id: string;
  /** The row as the source sent it. */
  source: ScriptRecord;
}

/**
 * A record as a script gets it: whole numbers that JavaScript holds exactly are numbers, all others (`206.00`,
 * `20260101000000455`) text. What is left as it was is written with the bytes it came with.
 */
export type ScriptRecord = Record<string, unknown>;

/** The type of a script's `transform`. */
export type Transform = (record: ScriptRecord, context: TransformContext) => ScriptResult | Promise<ScriptResult>;

/** A record; several, each with an `id` of its own; or null: nothing is sent. */
export type ScriptResult = ScriptRecord | ScriptRecord[] | null;

/** Returns its argument; lets an editor check and complete a mapping in a file of its own. */
export function defineMapping(mapping: UserMapping): UserMapping {
  return mapping;
}
