import { createHash } from "node:crypto";
import { TargetError } from "../../errors.ts";
import type { Database } from "./database.ts";

/** A field's column, or a list's table: its own name, shortened and with a hash where the database has no such long ones. */
export function databaseName(database: Database, name: string): string {
  if (database.lengthOf(name) <= database.longestName) return name;
  const ending = `_${createHash("sha256").update(name).digest("hex").slice(0, 8)}`;
  const head = Array.from(name);
  while (database.lengthOf(head.join("") + ending) > database.longestName) head.pop();
  return head.join("") + ending;
}

/** @throws TargetError `refused`, `TM_TARGET_COLUMN`: the field cannot have the column @param others columns that are there, or about to be */
export function checkName(database: Database, place: string, field: string, column: string, own: Iterable<string>, others: Iterable<string>): void {
  const same = (names: Iterable<string>) => [...names].find((name) => database.fold(name) === database.fold(column));
  const other = same(others);
  const reason = column !== column.trimEnd() || !database.names.test(column) ? "it is empty, ends in a blank, or has characters that names cannot have"
    : same(own) !== undefined ? "Tidemark has a column of that name"
    : other !== undefined && other !== column ? `the column ${other} has the same name to ${database.name}` : null;
  if (reason !== null) throw noColumn(`the field ${JSON.stringify(field.slice(0, 80))} can have no column in ${database.name}: ${reason}`, place);
}

export function noColumn(message: string, place: string): TargetError {
  return new TargetError("refused", "TM_TARGET_COLUMN", message, {
    path: `${place}.columns`, fix: "List the fields that are wanted in target.columns, or rename the field in the mapping; then replay the record.",
  });
}
