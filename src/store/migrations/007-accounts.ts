import { type Kysely, sql } from "kysely";

/** Kinds of account: how an expiry is known, and tokens by id. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(CHANGES).execute(db);
}

const CHANGES = `
alter table account
  -- answered: by the platform; given: by a person; counted: from the last refresh that took effect
  add column expiry_known text check (expiry_known in ('answered', 'given', 'counted')),
  -- the expiry of the config that was taken over last
  add column expiry_given timestamptz,
  -- the id of the token in use, where tokens have ids
  add column token_id text,
  add column refresh_tried_at timestamptz;
update account set expiry_known = 'answered' where expires_at is not null;
alter table account add constraint account_expiry_known check ((expires_at is null) = (expiry_known is null));

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
`;
