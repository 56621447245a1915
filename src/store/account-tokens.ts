import { sql } from "kysely";
import type { Db, Tx } from "./db.ts";
import { fingerprint, seal } from "./secrets.ts";
import { epochMs } from "./streams.ts";

/** A token that came with an id. */
export interface TokenEntry {
  id: string;
  token: string;
  /** The whole entry as received. */
  raw: string;
}

/** What may be shown of a token with an id. */
export interface ShownToken {
  id: string;
  fingerprint: string;
  /** Refreshes that handed out a token of this id. */
  refreshes: number;
  /** ms. */
  obtainedAt: number | null;
}

/** Stores tokens under their ids; of an id that comes twice the last one stands. */
export async function saveAccountTokens(tx: Tx, key: Buffer, account: string, entries: readonly TokenEntry[]): Promise<void> {
  const newest = [...new Map(entries.map((entry) => [entry.id, entry])).values()];
  await sql`
    insert into account_token as t (account, id, token, entry, fingerprint)
    select ${account}, * from unnest(${newest.map(({ id }) => id)}::text[], ${newest.map(({ token }) => seal(key, token))}::bytea[],
      ${newest.map(({ raw }) => seal(key, raw))}::bytea[], ${newest.map(({ token }) => fingerprint(token))}::text[])
    on conflict (account, id) do update set token = excluded.token, entry = excluded.entry, fingerprint = excluded.fingerprint,
      refreshes = t.refreshes + 1, obtained_at = excluded.obtained_at
  `.execute(tx);
}

/** The account's tokens by id, newest first. */
export async function accountTokens(db: Db, account: string): Promise<ShownToken[]> {
  const { rows } = await sql<ShownToken>`
    select id, fingerprint, refreshes, ${epochMs("obtained_at")} as "obtainedAt" from account_token where account = ${account} order by obtained_at desc, id
  `.execute(db);
  return rows;
}
