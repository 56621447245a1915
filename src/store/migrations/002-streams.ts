import { type Kysely, sql } from "kysely";

/** Pipelines: cursor and checkpoint, who reads, and what is still to be read. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(TABLES).execute(db);
}

const TABLES = `
-- Fencing tokens: who owns a lease, a slice or a batch now. They only grow.
create sequence fence;
-- One number for each request to the source, taken before it is sent: the order of reading.
create sequence read_number;

-- A pipeline bound to one source and one target. Another target is another stream.
create table stream (
  id bigint generated always as identity primary key,
  pipeline text not null,
  active boolean not null default true,
  source_fingerprint text not null,
  target_fingerprint text not null,
  cursor text not null check (cursor in ('version', 'window', 'snapshot')),
  created_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  first_version numeric(20),
  checkpoint_version numeric(20),
  -- modified time (ms) of the row at checkpoint_version
  checkpoint_modified bigint,
  checkpoint_at timestamptz,
  proven_at timestamptz,
  head_read_at timestamptz,
  newest_commit_at timestamptz,
  -- how long raw rows are kept after they were read last (ms), by the latest worker that keeps any; null: for ever
  keep_ms bigint,
  -- when a worker last had a config that keeps them, give or take an hour
  keep_wanted_at timestamptz not null default clock_timestamp()
);
create unique index stream_active on stream (pipeline) where active;

-- One run a lane at a time. 'forward': sync runs; 'backfill': the backfill workflow; 'audit': audits.
create table lease (
  stream_id bigint not null references stream (id),
  lane text not null check (lane in ('forward', 'backfill', 'audit')),
  token bigint not null,
  owner text not null,
  until timestamptz not null,
  started_at timestamptz not null,
  -- the highest version seen before the run began: a run need not read past it
  head_version numeric(20),
  primary key (stream_id, lane)
);

-- At this moment (Postgres's clock) this was the highest version seen.
create table pair (
  stream_id bigint not null references stream (id),
  at timestamptz not null,
  version numeric(20) not null,
  primary key (stream_id, at)
);

-- A sweep walks once more over what the lookback covers.
create table sweep (
  id bigint generated always as identity primary key,
  stream_id bigint not null references stream (id),
  started_at timestamptz not null default clock_timestamp(),
  from_version numeric(20) not null,
  to_version numeric(20) not null,
  next_version numeric(20) not null,
  -- the one walk over all archived records
  archive boolean not null default false,
  completed_at timestamptz,
  constraint sweep_advances check (next_version >= from_version)
);
create unique index sweep_open on sweep (stream_id, archive) where completed_at is null;

-- A stretch of modified time to be read by windows.
create table load_range (
  id bigint generated always as identity primary key,
  stream_id bigint not null references stream (id),
  purpose text not null check (purpose in ('initial', 'reread', 'resend', 'sweep', 'backfill', 'audit')),
  from_at timestamptz not null,
  to_at timestamptz not null check (to_at >= from_at),
  next_at timestamptz not null,
  archive boolean not null default false,
  -- the range of current records whose archive this one is: read after it, so that what is archived meanwhile is met here
  archive_of bigint references load_range (id),
  not_before timestamptz not null default clock_timestamp(),
  state text not null default 'open' check (state in ('open', 'planned', 'done', 'cancelled')),
  created_at timestamptz not null default clock_timestamp(),
  done_at timestamptz
);
create index load_range_open on load_range (stream_id, purpose) where state in ('open', 'planned');
create index load_range_archive on load_range (archive_of) where archive_of is not null;

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

-- Shops seen in the data, to name those that never delivered a record.
create table shop_seen (
  stream_id bigint not null references stream (id),
  shop_id text not null,
  primary key (stream_id, shop_id)
);
`;
