import type { FieldType } from "../../config/types.ts";
import type { FieldMapping, MappingConfig, RecordMapping } from "../../mapping/types.ts";
import { valueFor } from "./values.ts";

/** Types of columns by field. */
export interface MappedTypes {
  fields: ReadonlyMap<string, FieldType>;
  /** Of the lists' own tables, by the list's field. */
  lists: ReadonlyMap<string, ReadonlyMap<string, FieldType>>;
}

const TYPES = { text: "text", integer: "integer", decimal: "decimal", boolean: "boolean", datetime: "timestamp" } as const;

/** The types that a mapping promises; of all other fields the values decide. A script makes of them what it likes. */
export function mappedTypes({ record, script }: MappingConfig): MappedTypes {
  const fields = script === undefined ? fieldsOf(record) : [];
  return {
    fields: new Map(typed(fields)),
    lists: new Map(fields.flatMap(([name, field]) => (field.each === undefined ? [] : [[name, new Map(typed(fieldsOf(field)))] as const]))),
  };
}

/** Those that become a column each; a dot makes an object. */
function fieldsOf(mapping: RecordMapping | undefined): [string, FieldMapping][] {
  return Object.entries(mapping?.fields ?? {}).filter(([name]) => !name.includes("."));
}

function typed(fields: readonly [string, FieldMapping][]): [string, FieldType][] {
  return fields.flatMap(([name, field]) => {
    const kind = typeOf(field);
    return kind === null ? [] : [[name, kind] as [string, FieldType]];
  });
}

function typeOf({ type, mask, to, missing }: FieldMapping): FieldType | null {
  // A time of a chosen form is what the mapping says it is: a text, or a number.
  if (type === undefined || mask !== undefined || to !== undefined) return null;
  const kind = TYPES[type];
  if (typeof missing !== "object") return kind;
  const column = { kind, type: "", digits: null, filled: false, exact: true };
  return valueFor(column, JSON.stringify(missing.default), String) === undefined ? null : kind;
}
