import type { FieldType } from "../../config/types.ts";
import { TargetError } from "../../errors.ts";
import { limited } from "../limit.ts";
import type { Database, Query, Table } from "./database.ts";
import type { Column } from "./values.ts";

/** A change of a big table's column writes it anew. */
const CHANGE_MS = 3_600_000;

type Ask = <T>(signal: AbortSignal, work: (query: Query) => Promise<T>) => Promise<T>;

/** What a table has to have. */
export interface Layout {
  table: string;
  /** Tidemark's own columns and their types. */
  own: ReadonlyMap<string, string>;
  /** The primary key. */
  key: readonly string[];
  /** Types of fields that the mapping promises. Unlike declared ones they change no column. */
  mapped: ReadonlyMap<string, FieldType>;
}

/** How the tables of a target grow. */
export interface Schema {
  /** The table as it is now; null: there is none. @throws TargetError */
  look(layout: Layout, signal: AbortSignal): Promise<Table | null>;
  /** The table with at least these columns: made, or widened; a declared type that is another one changes the column. @throws TargetError */
  ensure(layout: Layout, seen: Table | null, wanted: ReadonlyMap<string, FieldType>, signal: AbortSignal): Promise<Table>;
}

/** @param declared types of columns that a person declared: the consent to change them */
export function createSchema(database: Database, declared: ReadonlyMap<string, FieldType>, place: string, ask: Ask): Schema {
  // One change at a time in this process; those of others are met by looking again.
  let last: Promise<unknown> = Promise.resolve();

  async function look(layout: Layout, signal: AbortSignal): Promise<Table | null> {
    const found = await ask(signal, (query) => database.look(query, layout.table));
    const obstacle = found === null ? null : obstacleOf(database, layout, found);
    if (obstacle === null) return found;
    throw tableUnfit(layout.table, place, obstacle);
  }

  async function change(layout: Layout, wanted: ReadonlyMap<string, FieldType>, signal: AbortSignal): Promise<Table> {
    // Another worker may change the table at the same time: what is left is seen by looking again.
    for (let attempt = 0; attempt < 5; attempt++) {
      const found = await look(layout, signal);
      const statement = changeOf(database, layout, found, wanted, declared);
      if (statement === null) return found!;
      await limited({ signal, beforeWrite: () => undefined }, CHANGE_MS, { name: database.name, place }, (guard) => database.change(guard.signal, statement));
    }
    throw tableUnfit(layout.table, place, "its columns are not those that were just made");
  }

  return {
    look,
    ensure(layout, seen, wanted, signal) {
      if (seen !== null && changeOf(database, layout, seen, wanted, declared) === null) return Promise.resolve(seen);
      const next = last.then(() => change(layout, wanted, signal));
      last = next.catch(() => undefined);
      return next;
    },
  };
}

/** The statement that brings a table to what is wanted; null: it has everything. */
function changeOf(database: Database, { table, own, key }: Layout, found: Table | null, wanted: ReadonlyMap<string, FieldType>, declared: ReadonlyMap<string, FieldType>): string | null {
  const { quote, types } = database;
  const columns = [...own, ...[...wanted].map(([name, kind]) => [name, types[declared.get(name) ?? kind]] as const)];
  if (found === null) {
    const list = columns.map(([name, type]) => `${quote(name)} ${type}`);
    return `create table if not exists ${database.place(table)} (${list.join(", ")}, primary key (${key.map(quote).join(", ")}))`;
  }
  const clauses = columns.flatMap(([name, type]) => {
    const column = found.columns.get(name);
    if (column === undefined) return [`add column ${quote(name)} ${type}`];
    const kind = own.has(name) ? undefined : declared.get(name);
    return kind === undefined || column.kind === database.foundAs(kind) ? [] : [database.retype(name, type)];
  });
  return clauses.length === 0 ? null : `alter table ${database.place(table)} ${clauses.join(", ")}`;
}

/** Why rows cannot be written safely to a table that somebody else made. */
function obstacleOf(database: Database, { key }: Layout, { columns, unique }: Table): string | null {
  const names = key.join(", ");
  const others = unique.filter((index) => index.toSorted().join() !== key.toSorted().join());
  if (others.length === unique.length) return `${names} has to be its primary key`;
  if (database.replacesByAnyKey && others.length > 0) return `it has a unique index on ${others[0]!.join(", ")} too, by which an order could replace another one`;
  const loose = key.find((name) => !tellsApart(columns.get(name)!));
  return loose === undefined ? null : `to its column ${loose} (${columns.get(loose)!.type}) two ids can be the same: it has to be a text that tells upper and lower case apart (in MySQL a collation that ends in _bin), or a whole number`;
}

function tellsApart({ kind, exact, digits }: Column): boolean {
  return kind === "text" ? exact : kind === "integer" || (kind === "decimal" && (digits === null || digits.fraction === 0));
}

export function tableUnfit(table: string, place: string, reason: string): TargetError {
  return new TargetError("misconfigured", "TM_TARGET_TABLE", `the table ${table} cannot be written to: ${reason}`, {
    path: `${place}.table`, fix: "Correct the table, or name another one, which Tidemark makes. The records wait, nothing was set aside.",
  });
}
