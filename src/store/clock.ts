import { sql } from "kysely";
import type { Db, Store, Tx } from "./db.ts";

/** An offset above this (ms) widens the lookback by itself, and warns. */
export const CLOCK_WARNING_MS = 60_000;

/** Now (ms), by the earlier of Postgres's and the source's clock: a window that ends before it is closed for both. */
export function earlierNow(account: string) {
  return sql<number>`(extract(epoch from clock_timestamp()) * 1000 + least(0,
    coalesce((select clock_offset_ms from account where name = ${account}), 0)))::float8`;
}

export async function readEarlierNow(db: Db | Tx, account: string): Promise<number> {
  const { rows } = await sql<{ now: number }>`select ${earlierNow(account)} as now`.execute(db);
  return rows[0]!.now;
}

/** The source's clock less Postgres's (ms), as last learned from an answer. */
export async function sourceOffset(db: Db | Tx, account: string): Promise<number> {
  const { rows } = await sql<{ ms: number }>`select clock_offset_ms::float8 as ms from account where name = ${account}`.execute(db);
  return rows[0]?.ms ?? 0;
}

/** The source's now (ms), and how far it is from Postgres's. */
export async function readSourceClock(db: Db | Tx, account: string): Promise<{ now: number; offset: number }> {
  const { rows } = await sql<{ now: number; offset: number }>`
    select extract(epoch from clock_timestamp())::float8 * 1000 + c.offset as now, c.offset
    from (select coalesce((select clock_offset_ms from account where name = ${account}), 0)::float8 as offset) c
  `.execute(db);
  return rows[0]!;
}

/** The lookback (ms) with what a source's clock that is far off adds to it. */
export async function effectiveLookback(db: Db | Tx, account: string, lookbackMs: number): Promise<number> {
  const offset = Math.abs(await sourceOffset(db, account));
  return offset > CLOCK_WARNING_MS ? lookbackMs + offset : lookbackMs;
}

/** How long before Postgres's now the lookback begins (ms): by the earlier of both clocks. */
export async function lookbackAge(db: Db | Tx, account: string, lookbackMs: number): Promise<number> {
  return (await effectiveLookback(db, account, lookbackMs)) + Math.max(0, -(await sourceOffset(db, account)));
}

/** The source's clock less this process's (ms), for signing. Workers' own clocks may differ; the store's is the common one. */
export async function localOffset(store: Store, account: string): Promise<number> {
  const { rows } = await sql<{ ms: number }>`
    select (clock_offset_ms + extract(epoch from clock_timestamp()) * 1000 - ${Date.now()}::float8)::float8 as ms
    from account where name = ${account} and clock_offset_ms <> 0
  `.execute(store.db);
  return rows[0]?.ms ?? 0;
}

/** Keeps a measured offset. @param localMs the source's clock less this process's */
export async function saveOffset(store: Store, account: string, localMs: number): Promise<void> {
  await sql`
    insert into account as a (name, clock_offset_ms)
    values (${account}, round(${Date.now() + localMs}::float8 - extract(epoch from clock_timestamp()) * 1000)::bigint)
    on conflict (name) do update set clock_offset_ms = excluded.clock_offset_ms
  `.execute(store.db);
}
