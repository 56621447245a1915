import { type Kysely, sql } from "kysely";

/** Doubts by batch and sender: two late requests for one id are two doubts. Audits: windows whose counts or ids were compared with the source, and what was found. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(CHANGES).execute(db);
}

const CHANGES = `
alter table lease drop constraint lease_lane_check, add constraint lease_lane_check check (lane in ('forward', 'backfill', 'audit'));
alter table slice drop constraint slice_lane_check, drop constraint slice_purpose_check,
  add constraint slice_lane_check check (lane in ('forward', 'backfill', 'audit')),
  add constraint slice_purpose_check check (purpose in ('forward', 'initial', 'reread', 'resend', 'sweep', 'backfill', 'replay', 'audit'));
alter table load_range drop constraint load_range_purpose_check,
  add constraint load_range_purpose_check check (purpose in ('initial', 'reread', 'resend', 'sweep', 'backfill', 'audit'));
-- the audit that met this id last in the source
alter table record add column seen_by bigint;
alter table doubt add column batch_id bigint not null default 0, add column sender text not null default '';
alter table doubt drop constraint doubt_pkey, add primary key (stream_id, id, batch_id, sender);

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

-- What the index says that the target holds, while the target's own list is compared with it.
create table audit_held (
  audit_id bigint not null references audit (id) on delete cascade,
  id text not null,
  version numeric(20),
  modified bigint,
  hash text,
  read_no bigint,
  found boolean not null default false,
  found_version numeric(20),
  primary key (audit_id, id)
);
`;
