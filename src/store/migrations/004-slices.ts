import { type Kysely, sql } from "kysely";

/** The ledger, and the pages of slices that are not committed yet. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(TABLES).execute(db);
}

const TABLES = `
-- The ledger: one row a slice.
create table slice (
  id bigint generated always as identity primary key,
  stream_id bigint not null references stream (id),
  lane text not null check (lane in ('forward', 'backfill', 'audit')),
  purpose text not null check (purpose in ('forward', 'initial', 'reread', 'resend', 'sweep', 'backfill', 'replay', 'audit', 'remap')),
  kind text not null check (kind in ('version', 'window', 'rows', 'snapshot')),
  token bigint not null,
  range_id bigint references load_range (id),
  remap_id bigint references remap (id),
  sweep_id bigint references sweep (id),
  parent_id bigint references slice (id),
  from_version numeric(20),
  to_version numeric(20),
  end_version numeric(20),
  from_at timestamptz,
  to_at timestamptz,
  page_size integer not null check (page_size >= 2),
  params jsonb not null default '{}',
  archive boolean not null default false,
  max_records integer not null,
  state text not null default 'open'
    check (state in ('open', 'extracted', 'classified', 'committed', 'split', 'dropped')),
  -- the run that could not prove this window; another run tries again
  unproven_by bigint,
  reached_end boolean not null default false,
  requests integer not null default 0,
  pages integer not null default 0,
  read bigint not null default 0,
  duplicate bigint not null default 0,
  unchanged bigint not null default 0,
  superseded bigint not null default 0,
  quarantined bigint not null default 0,
  filtered bigint not null default 0,
  loaded bigint not null default 0,
  -- what the loaded records of a committed slice became
  documents bigint check (documents >= loaded),
  created_at timestamptz not null default clock_timestamp(),
  committed_at timestamptz,
  check ((kind = 'version') = (from_version is not null)),
  check ((kind = 'window') = (from_at is not null and to_at is not null)),
  constraint ledger_balances check
    (state <> 'committed' or read = duplicate + unchanged + superseded + quarantined + filtered + loaded),
  constraint ledger_counts check
    (least(read, duplicate, unchanged, superseded, quarantined, filtered, loaded, requests, pages) >= 0),
  check (state <> 'committed' or unproven_by is null)
);
create index slice_open on slice (stream_id, lane, id) where state in ('open', 'extracted', 'classified');
create index slice_range on slice (range_id);
create index slice_remap on slice (remap_id) where remap_id is not null;

-- One answer of the source, kept until its slice is committed. Arrays run parallel, one entry a row.
create table page (
  slice_id bigint not null references slice (id) on delete cascade,
  pass integer not null,
  seq integer not null,
  page_no integer not null,
  from_version numeric(20),
  last_version numeric(20),
  total integer,
  row_count integer not null,
  source_ids text[] not null,
  target_ids text[],
  versions numeric(20)[] not null,
  modified bigint[] not null,
  hashes text[] not null,
  shops text[] not null,
  body text,
  is_last boolean not null,
  read_no bigint not null,
  -- rows that were not read with their page have a number each
  read_nos bigint[],
  read_at timestamptz not null default clock_timestamp(),
  primary key (slice_id, pass, seq)
);
`;
