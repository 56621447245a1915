import { type Kysely, sql } from "kysely";

/** Stretches that a person accepted as unread. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(CHANGES).execute(db);
}

const CHANGES = `
-- Modified time that was skipped on a person's word; both ends included.
create table gap (
  id bigint generated always as identity primary key,
  stream_id bigint not null references stream (id),
  from_at timestamptz not null,
  to_at timestamptz not null check (to_at > from_at),
  -- version cursor: sweeps begin here or later
  to_version numeric(20),
  because text not null check (because <> ''),
  accepted_at timestamptz not null default clock_timestamp()
);
create index gap_stream on gap (stream_id);
`;
