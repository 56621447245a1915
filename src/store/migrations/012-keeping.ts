import { type Kysely, sql } from "kysely";

/** Remaps can be cancelled and tell how far they are; rows that nobody wants kept any more go away. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(CHANGES).execute(db);
}

const CHANGES = `
alter table remap drop constraint remap_state_check, add constraint remap_state_check check (state in ('open', 'planned', 'cancelled')),
  -- records that it was for when it was asked for
  add column asked integer not null default 0;
alter table stream
  -- how long rows are kept after they were read last (ms), by the latest worker that keeps any; null: for ever
  add column keep_ms bigint,
  -- when a worker last had a config that keeps them, give or take an hour
  add column keep_wanted_at timestamptz not null default clock_timestamp();
`;
