import { sql } from "kysely";
import type { Db, Store } from "./db.ts";
import { fingerprint, open, seal } from "./secrets.ts";
import { epochMs, timestamp } from "./streams.ts";

/** A token as stored; `version` grows with each change. */
export interface StoredToken {
  version: number;
  accessToken: string;
  refreshToken: string | null;
  obtainedAt: number | null;
  /** null: unknown, as for a token given in the config. */
  expiresAt: number | null;
}

export interface NewToken {
  accessToken: string;
  refreshToken: string | null;
  /** ms; null when unknown. */
  expiresAt: number | null;
}

interface TokenRow {
  version: number;
  access: Buffer | null;
  refresh: Buffer | null;
  obtainedAt: number | null;
  expiresAt: number | null;
}

/** The account's token, decrypted; null when there is none yet. */
export async function readToken(db: Db, key: Buffer, account: string): Promise<StoredToken | null> {
  const { rows } = await sql<TokenRow>`
    select token_version::int as version, access_token as access, refresh_token as refresh,
      ${epochMs("obtained_at")} as "obtainedAt", ${epochMs("expires_at")} as "expiresAt"
    from account where name = ${account}
  `.execute(db);
  const row = rows[0];
  if (row?.access == null) return null;
  return {
    version: row.version, accessToken: open(key, row.access), refreshToken: row.refresh === null ? null : open(key, row.refresh),
    obtainedAt: row.obtainedAt, expiresAt: row.expiresAt,
  };
}

/**
 * Replaces the token if it is still the one of `expectedVersion` (0: none yet): two renewals cannot overwrite each other.
 * @returns false when somebody else was faster
 */
export async function replaceToken(store: Store, key: Buffer, account: string, expectedVersion: number, token: NewToken): Promise<boolean> {
  await sql`insert into account (name) values (${account}) on conflict do nothing`.execute(store.db);
  const { rows } = await sql`
    update account set token_version = token_version + 1, access_token = ${seal(key, token.accessToken)},
      refresh_token = ${token.refreshToken === null ? null : seal(key, token.refreshToken)},
      token_fingerprint = ${fingerprint(token.accessToken)}, obtained_at = clock_timestamp(),
      expires_at = ${token.expiresAt === null ? null : timestamp(token.expiresAt)}
    where name = ${account} and token_version = ${expectedVersion} returning name
  `.execute(store.db);
  return rows.length === 1;
}

/**
 * Takes over a token given in the config, once: what was renewed since is kept until a person sets another one there.
 */
export async function seedToken(store: Store, key: Buffer, account: string, accessToken: string, refreshToken: string | null): Promise<void> {
  const seed = fingerprint(accessToken);
  await sql`insert into account (name) values (${account}) on conflict do nothing`.execute(store.db);
  await sql`
    update account set token_version = token_version + 1, access_token = ${seal(key, accessToken)},
      refresh_token = ${refreshToken === null ? null : seal(key, refreshToken)}, token_fingerprint = ${seed},
      seed_fingerprints = seed_fingerprints || ${seed}::text, obtained_at = clock_timestamp(), expires_at = null
    where name = ${account} and not (${seed} = any(seed_fingerprints))
  `.execute(store.db);
}

/** Takes the account's renewal for `owner`, for at most `ttlMs`. One refresher an account, over all workers. */
export async function lockRenewal(store: Store, account: string, owner: string, ttlMs: number): Promise<boolean> {
  await sql`insert into account (name) values (${account}) on conflict do nothing`.execute(store.db);
  const { rows } = await sql`
    update account set renewer = ${owner}, renewer_until = clock_timestamp() + ${ttlMs} * interval '1 ms'
    where name = ${account} and (renewer is null or renewer_until < clock_timestamp()) returning name
  `.execute(store.db);
  return rows.length === 1;
}

/** Keeps the renewal while it takes longer. */
export async function prolongRenewal(store: Store, account: string, owner: string, ttlMs: number): Promise<void> {
  await sql`
    update account set renewer_until = clock_timestamp() + ${ttlMs} * interval '1 ms' where name = ${account} and renewer = ${owner}
  `.execute(store.db);
}

export async function unlockRenewal(store: Store, account: string, owner: string): Promise<void> {
  await sql`update account set renewer = null, renewer_until = null where name = ${account} and renewer = ${owner}`.execute(store.db);
}
