import { type Kysely, sql } from "kysely";

/** Workers that live. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(TABLES).execute(db);
}

const TABLES = `
create table worker (
  id text primary key,
  host text not null,
  pid integer not null,
  task_queue text not null,
  -- Empty: without a version.
  build_id text not null,
  started_at timestamptz not null default clock_timestamp(),
  seen_at timestamptz not null default clock_timestamp(),
  -- digests of its config's parts, by pipeline and part; no secrets can be read from them
  config jsonb not null default '{}'
);
`;
