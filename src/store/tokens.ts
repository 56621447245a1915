import { sql } from "kysely";
import type { Db, Store, Tx } from "./db.ts";
import { fingerprint, open, seal } from "./secrets.ts";
import { epochMs, timestamp } from "./streams.ts";

/** How an expiry is known: the platform's answer, a person's word, or counted from the last refresh that took effect. */
export type ExpiryKnown = "answered" | "given" | "counted";

/** A token as stored; `version` grows with each change. */
export interface StoredToken {
  version: number;
  accessToken: string;
  refreshToken: string | null;
  obtainedAt: number | null;
  /** null: unknown, as for a token given in the config. */
  expiresAt: number | null;
  expiryKnown: ExpiryKnown | null;
  /** null where tokens have no ids. */
  tokenId: string | null;
  /** When a refresh was asked for last (ms). */
  refreshTriedAt: number | null;
}

export interface NewToken {
  accessToken: string;
  refreshToken: string | null;
  /** ms; null when unknown. */
  expiresAt: number | null;
  /** Default: `answered`. */
  expiryKnown?: ExpiryKnown;
  tokenId?: string | null;
}

interface TokenRow {
  version: number;
  access: Buffer | null;
  refresh: Buffer | null;
  obtainedAt: number | null;
  expiresAt: number | null;
  expiryKnown: ExpiryKnown | null;
  tokenId: string | null;
  refreshTriedAt: number | null;
}

/** The account's token, decrypted; null when there is none yet. */
export async function readToken(db: Db | Tx, key: Buffer, account: string): Promise<StoredToken | null> {
  const { rows } = await sql<TokenRow>`
    select token_version::int as version, access_token as access, refresh_token as refresh,
      ${epochMs("obtained_at")} as "obtainedAt", ${epochMs("expires_at")} as "expiresAt", expiry_known as "expiryKnown", token_id as "tokenId",
      ${epochMs("refresh_tried_at")} as "refreshTriedAt"
    from account where name = ${account}
  `.execute(db);
  const row = rows[0];
  if (row?.access == null) return null;
  const { access, refresh, ...other } = row;
  return { ...other, accessToken: open(key, access), refreshToken: refresh === null ? null : open(key, refresh) };
}

/** What tells the account's token from its others, without decrypting it; null when there is none yet. */
export async function tokenVersion(db: Db, account: string): Promise<Pick<StoredToken, "version" | "tokenId"> | null> {
  const { rows } = await sql<Pick<StoredToken, "version" | "tokenId">>`select token_version::int as version, token_id as "tokenId" from account where name = ${account}`.execute(db);
  return rows[0] ?? null;
}

/** When the stored tokens expire, by account. */
export async function expiries(db: Db): Promise<Map<string, Pick<StoredToken, "expiresAt" | "expiryKnown">>> {
  const { rows } = await sql<{ name: string } & Pick<StoredToken, "expiresAt" | "expiryKnown">>`
    select name, ${epochMs("expires_at")} as "expiresAt", expiry_known as "expiryKnown" from account where access_token is not null
  `.execute(db);
  return new Map(rows.map(({ name, ...expiry }) => [name, expiry]));
}

/**
 * Replaces the token if it is still the one of `expectedVersion` (0: none yet): two renewals cannot overwrite each other.
 * @returns false when somebody else was faster
 */
export async function replaceToken(db: Db | Tx, key: Buffer, account: string, expectedVersion: number, token: NewToken): Promise<boolean> {
  await sql`insert into account (name) values (${account}) on conflict do nothing`.execute(db);
  const { rows } = await sql`
    update account set token_version = token_version + 1, access_token = ${seal(key, token.accessToken)},
      refresh_token = ${token.refreshToken === null ? null : seal(key, token.refreshToken)},
      token_fingerprint = ${fingerprint(token.accessToken)}, obtained_at = clock_timestamp(),
      expires_at = ${token.expiresAt === null ? null : timestamp(token.expiresAt)},
      expiry_known = ${token.expiresAt === null ? null : (token.expiryKnown ?? "answered")}, token_id = ${token.tokenId ?? null}
    where name = ${account} and token_version = ${expectedVersion} returning name
  `.execute(db);
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
      seed_fingerprints = seed_fingerprints || ${seed}::text, obtained_at = clock_timestamp(), expires_at = null,
      expiry_known = null, expiry_given = null, token_id = null, refresh_tried_at = null
    where name = ${account} and not (${seed} = any(seed_fingerprints))
  `.execute(store.db);
}

/** Takes over an expiry given in the config, once: what the platform answered, or is known since, stays until a person gives another one there. @param at ms */
export async function giveExpiry(store: Store, account: string, at: number): Promise<void> {
  await sql`
    update account set expiry_given = ${timestamp(at)},
      expires_at = case when answered then expires_at else ${timestamp(at)} end, expiry_known = case when answered then expiry_known else 'given' end
    from (select expiry_known is not distinct from 'answered' and expiry_given is null as answered from account where name = ${account}) as known
    where name = ${account} and access_token is not null and expiry_given is distinct from ${timestamp(at)}
  `.execute(store.db);
}

/** Notes a try to refresh, unless there was one within `everyMs`. @returns whether it is to be made */
export async function noteTry(store: Store, account: string, everyMs: number): Promise<boolean> {
  const { rows } = await sql`
    update account set refresh_tried_at = clock_timestamp()
    where name = ${account} and (refresh_tried_at is null or refresh_tried_at < clock_timestamp() - ${everyMs} * interval '1 ms') returning name
  `.execute(store.db);
  return rows.length === 1;
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
