import type { FieldType } from "../../config/types.ts";
import type { Column } from "./values.ts";

/** A table as it is in the database. */
export interface Table {
  columns: Map<string, Column>;
  /** The columns of each unique index, the primary key among them. */
  unique: string[][];
}

export type Row = Record<string, string | number | boolean | null | string[]>;
export type Query = (text: string, values?: readonly unknown[]) => Promise<Row[]>;

/** A kind of database: what differs between them. */
export interface Database {
  readonly name: string;
  /** Longest name of a column or a table, as `lengthOf` counts. */
  readonly longestName: number;
  lengthOf: (name: string) => number;
  /** Most columns that a table has. */
  readonly mostColumns: number;
  /** What names of columns are made of. */
  readonly names: RegExp;
  /** Names that are the same to the database give the same text. */
  fold: (name: string) => string;
  /** Whether a statement that replaces the row of one key may hit a row by another unique index. */
  readonly replacesByAnyKey: boolean;
  /** Types of the columns that Tidemark makes. `key`: ids, compared byte for byte. */
  readonly types: Readonly<Record<FieldType | "key" | "order", string>>;
  /** The type by which a column that was made as this one is found again. */
  foundAs: (type: FieldType) => FieldType;
  quote: (name: string) => string;
  /** The table's name in a statement. */
  place: (table: string) => string;
  /** What stands in a statement for its nth value, from 1. */
  parameter: (n: number) => string;
  /** A condition that a column's value is one of these, however many they are. */
  among: (column: string, values: readonly string[]) => { text: string; values: unknown[] };
  /** How an instant (ms) is written for a column. */
  instant: (ms: number) => string;
  /** The clause of `alter table` that changes a column's type. */
  retype(column: string, type: string): string;
  insert(table: string, columns: readonly string[], found: Table, rows: readonly (string | null)[][]): { text: string; values: unknown[] };
  /** What follows an insert: a row whose `id` is there is replaced, unless it is newer. */
  replace(columns: readonly string[]): string;
  /** The table, or null where there is none. */
  look(query: Query, table: string): Promise<Table | null>;
  /** The tables of a table's lists: `<table>_…` with a column `_parent`, those of a longer named table `<table>_…` left out. */
  children(query: Query, table: string): Promise<string[]>;
  /** Server and user, and which rights are missing on the table, or for making it. */
  rights(query: Query, table: string, exists: boolean): Promise<{ where: string; missing: string[] }>;
  /**
   * Runs `work` on a connection of its own. One that failed, or whose signal aborted, is given up.
   * @throws TargetError; the signal's reason
   */
  session<T>(signal: AbortSignal, work: (query: Query) => Promise<T>): Promise<T>;
  /** Changes the schema, with no time limit of the database's; what is there already is no error. @throws TargetError */
  change(signal: AbortSignal, statement: string): Promise<void>;
  close(): Promise<void>;
}

/**
 * Whether a row's next version may replace the one that is there. Versions of different kinds (a row version, or a modified
 * time with a hash behind a colon) and those without an order (a hash alone) cannot be compared: the later one stands.
 * @param now how a statement names a column of the row that is there; `next`: of the one to be written
 * @param colon the place of a colon in a text, 0 where there is none
 */
export function mayReplace(now: (column: string) => string, next: (column: string) => string, colon: (text: string) => string): string {
  const kind = (text: string) => `(${colon(text)} > 0)`;
  return `(${now("_order")} is null or ${next("_order")} is null or ${next("_order")} >= ${now("_order")} or ${kind(now("_version"))} <> ${kind(next("_version"))})`;
}

/** What of a version can be compared; null: nothing. */
export function orderOf(version: string): string | null {
  return /^(\d{1,25})(?::|$)/.exec(version)?.[1] ?? null;
}
