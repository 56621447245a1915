import { type Kysely, sql } from "kysely";

/** Audits: windows whose counts or ids were compared with the source, and what was found. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(TABLES).execute(db);
}

const TABLES = `
create table audit (
  id bigint generated always as identity primary key,
  stream_id bigint not null references stream (id),
  request_id text not null unique,
  from_at timestamptz not null,
  to_at timestamptz not null check (to_at > from_at),
  by_ids boolean not null,
  repair boolean not null,
  -- the target's own list was compared too
  target boolean not null default false,
  state text not null default 'open' check (state in ('open', 'done', 'left')),
  -- counts asked of the source; comparisons are in the ledger
  requests integer not null default 0,
  started_at timestamptz not null default clock_timestamp(),
  ended_at timestamptz
);

-- Both ends included; neighbours share their border second, which counts for the later one.
create table audit_window (
  id bigint generated always as identity primary key,
  audit_id bigint not null references audit (id) on delete cascade,
  from_at timestamptz not null,
  to_at timestamptz not null,
  -- what the source announced, before and after forward runs had caught up; what the index holds
  source integer,
  source_again integer,
  indexed integer,
  range_id bigint references load_range (id),
  state text not null default 'open' check (state in ('open', 'comparing', 'count', 'ids', 'differs', 'unproven')),
  verified_at timestamptz,
  check ((state in ('count', 'ids')) = (verified_at is not null)),
  -- "verified by count" takes equal counts
  check (state <> 'count' or (source = source_again and source = indexed))
);
create index audit_window_audit on audit_window (audit_id, from_at);
create index audit_window_range on audit_window (range_id) where range_id is not null;

create table audit_finding (
  window_id bigint not null references audit_window (id) on delete cascade,
  source_id text not null,
  target_id text not null,
  -- extra: in the index, and no longer reported by the source; target-…: in the index, and not so in the target
  kind text not null check (kind in ('missing', 'stale', 'extra', 'target-missing', 'target-stale')),
  version numeric(20),
  modified bigint,
  hash text,
  read_no bigint,
  found_at timestamptz not null default clock_timestamp(),
  repaired_at timestamptz,
  primary key (window_id, source_id)
);

-- What the index says that the target holds, while the target's own list is compared with it: ids of documents.
create table audit_held (
  audit_id bigint not null references audit (id) on delete cascade,
  id text not null,
  record_id text not null,
  version numeric(20),
  modified bigint,
  hash text,
  read_no bigint,
  found boolean not null default false,
  -- -1: older than what the index holds, where versions are no numbers
  found_version numeric(20),
  primary key (audit_id, id)
);
`;
