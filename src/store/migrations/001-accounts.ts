import { type Kysely, sql } from "kysely";

/** Accounts of the source: their tokens, and the shared budget of requests. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(TABLES).execute(db);
}

const TABLES = `
create table account (
  name text primary key,
  token_version bigint not null default 0,
  access_token bytea,
  refresh_token bytea,
  token_fingerprint text,
  -- tokens of the config that were taken over: one that is not among them was set by a person since
  seed_fingerprints text[] not null default '{}',
  obtained_at timestamptz,
  expires_at timestamptz,
  renewer text,
  renewer_until timestamptz,
  -- the source's clock less Postgres's
  clock_offset_ms bigint not null default 0,
  paused_until timestamptz,
  forward_until timestamptz,
  -- answered: by the platform; given: by a person; counted: from the last refresh that took effect
  expiry_known text check (expiry_known in ('answered', 'given', 'counted')),
  -- the expiry of the config that was taken over last
  expiry_given timestamptz,
  -- the id of the token in use, where tokens have ids
  token_id text,
  refresh_tried_at timestamptz,
  constraint account_expiry_known check ((expires_at is null) = (expiry_known is null))
);

-- Every token that a refresh handed out, by its id; entry: all that came with it. Both encrypted.
create table account_token (
  account text not null references account (name) on delete cascade,
  id text not null,
  token bytea not null,
  entry bytea not null,
  fingerprint text not null,
  refreshes integer not null default 1,
  obtained_at timestamptz not null default now(),
  primary key (account, id)
);

-- The shared budget: one row for each granted request of the last minutes.
create table request_grant (
  account text not null references account (name) on delete cascade,
  at timestamptz not null
);
create index request_grant_newest on request_grant (account, at desc);
`;
