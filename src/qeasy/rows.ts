import { RowError } from "./notice.ts";
import type { Operation } from "./model.ts";
import { isMembers, newMembers, textOf, valueAt, type Value } from "./value.ts";

/** A row as it is stored; `suffix` tells lines of one document apart (`-1`, `-2`, …) and belongs behind the id. */
export interface SourceRow {
  row: Value;
  suffix: string;
}

/** The key of a row: the text at its id path. @throws RowError when there is none, so that no two rows share `""` or `null`. */
export function rowKey({ row, suffix }: SourceRow, idPath: string): string {
  const value = valueAt(row, idPath);
  if (value === undefined || value === null || value === "" || Array.isArray(value) || isMembers(value)) {
    throw new RowError("TM_QEASY_ID", `the row has no usable id at ${idPath}`, { path: "source.id", fix: "Name a field that every row has as id." });
  }
  return textOf(value) + suffix;
}

/** The display code of a row; undefined where it has none. */
export function rowNumber({ row }: SourceRow, numberPath: string): string | undefined {
  const value = valueAt(row, numberPath);
  return value === undefined || value === null || typeof value === "object" && (Array.isArray(value) || isMembers(value)) ? undefined : textOf(value);
}

/** `splitArray`: one row for each element; the array's field then holds that element alone. A row without elements stays. */
export function splitRows(rows: readonly Value[], { method, arrayKey }: Operation): Value[] {
  if (method !== "splitArray" || arrayKey === undefined) return [...rows];
  return rows.flatMap((row) => {
    const elements = valueAt(row, arrayKey);
    if (!isMembers(row) || !Array.isArray(elements) || elements.length === 0) return [row];
    return elements.map((element) => Object.assign(newMembers(row), { [arrayKey]: element }));
  });
}

/** `beatFlat`: one row for each element, its fields as `items_<key>`. Lines are counted from `firstLine`. A row without elements stays whole. */
export function flattenRow(row: Value, names: readonly string[], firstLine = 1): SourceRow[] {
  return names.reduce<SourceRow[]>((rows, name) => rows.flatMap((each) => flattenBy(each, name, firstLine)), [{ row, suffix: "" }]);
}

function flattenBy({ row, suffix }: SourceRow, name: string, firstLine: number): SourceRow[] {
  const elements = isMembers(row) ? row[name] : undefined;
  if (!isMembers(row) || !Array.isArray(elements) || elements.length === 0) return [{ row, suffix }];
  return elements.map((element, i) => {
    const line = newMembers();
    for (const [key, value] of Object.entries(row)) if (key !== name) line[key] = value;
    if (isMembers(element)) for (const [key, value] of Object.entries(element)) line[`${name}_${key}`] = value;
    else line[name] = element;
    return { row: line, suffix: `${suffix}-${i + firstLine}` };
  });
}

/** An object with one more member; values that are no objects stay as they are. */
export function withMember(row: Value, key: string, value: Value): Value {
  return isMembers(row) ? Object.assign(newMembers(row), { [key]: value }) : row;
}
