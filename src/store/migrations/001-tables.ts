import { type Kysely, sql } from "kysely";

/** The first schema. Words as in docs/how-it-works.md; versions are compared by `newer`. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(TABLES).execute(db);
}

const TABLES = `
-- Fencing tokens: who owns a lease, a slice or a batch now. They only grow.
create sequence fence;
-- One number for each request to the source, taken before it is sent: the order of reading.
create sequence read_number;

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
  forward_until timestamptz
);

-- The shared budget: one row for each granted request of the last minutes.
create table request_grant (
  account text not null references account (name) on delete cascade,
  at timestamptz not null
);
create index request_grant_newest on request_grant (account, at desc);

-- A pipeline bound to one source and one target. Another target is another stream.
create table stream (
  id bigint generated always as identity primary key,
  pipeline text not null,
  active boolean not null default true,
  source_fingerprint text not null,
  target_fingerprint text not null,
  cursor text not null check (cursor in ('version', 'window')),
  created_at timestamptz not null default clock_timestamp(),
  started_at timestamptz,
  first_version numeric(20),
  checkpoint_version numeric(20),
  -- modified time (ms) of the row at checkpoint_version
  checkpoint_modified bigint,
  checkpoint_at timestamptz,
  proven_at timestamptz,
  head_read_at timestamptz,
  newest_commit_at timestamptz
);
create unique index stream_active on stream (pipeline) where active;

-- One run a lane at a time. 'forward': sync runs; 'backfill': the backfill workflow.
create table lease (
  stream_id bigint not null references stream (id),
  lane text not null check (lane in ('forward', 'backfill')),
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
  completed_at timestamptz
);
create unique index sweep_open on sweep (stream_id, archive) where completed_at is null;

-- A stretch of modified time to be read by windows.
create table load_range (
  id bigint generated always as identity primary key,
  stream_id bigint not null references stream (id),
  purpose text not null check (purpose in ('initial', 'reread', 'resend', 'sweep', 'backfill')),
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

-- What a person asked for. It is read by ranges, which requests share where they overlap.
create table backfill_request (
  id bigint generated always as identity primary key,
  stream_id bigint not null references stream (id),
  -- made by the caller: the same request twice is one
  request_id text not null,
  asked tstzrange not null,
  -- of that, what was settled
  from_at timestamptz not null,
  to_at timestamptz not null,
  -- verified by an audit, and not read again
  skipped tstzmultirange not null default '{}',
  -- lower ones are read first
  position double precision not null,
  state text not null default 'open' check (state in ('open', 'done', 'cancelled')),
  created_at timestamptz not null default clock_timestamp(),
  done_at timestamptz,
  unique (stream_id, request_id)
);

create table backfill_part (
  request bigint not null references backfill_request (id),
  range_id bigint not null references load_range (id),
  primary key (request, range_id)
);
create index backfill_part_range on backfill_part (range_id);

-- The ranges of a request, archives included.
create view backfill_range as
  select p.request, r.* from backfill_part p join load_range r on r.id = p.range_id
  union all
  select p.request, r.* from backfill_part p join load_range r on r.archive_of = p.range_id;

-- The ledger: one row a slice.
create table slice (
  id bigint generated always as identity primary key,
  stream_id bigint not null references stream (id),
  lane text not null check (lane in ('forward', 'backfill')),
  purpose text not null check (purpose in ('forward', 'initial', 'reread', 'resend', 'sweep', 'backfill')),
  kind text not null check (kind in ('version', 'window')),
  token bigint not null,
  range_id bigint references load_range (id),
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
  loaded bigint not null default 0,
  created_at timestamptz not null default clock_timestamp(),
  committed_at timestamptz,
  check ((kind = 'version') = (from_version is not null)),
  check ((kind = 'window') = (from_at is not null and to_at is not null)),
  constraint ledger_balances check
    (state <> 'committed' or read = duplicate + unchanged + superseded + quarantined + loaded),
  check (state <> 'committed' or unproven_by is null)
);
create index slice_open on slice (stream_id, lane, id) where state in ('open', 'extracted', 'classified');
create index slice_range on slice (range_id);

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
  read_at timestamptz not null default clock_timestamp(),
  primary key (slice_id, pass, seq)
);

-- The record index: the newest version of each id that is loaded or quarantined, and the one in flight.
create table record (
  stream_id bigint not null,
  id text not null,
  source_id text not null,
  held text check (held in ('loaded', 'quarantined')),
  version numeric(20),
  modified bigint,
  hash text,
  read_no bigint,
  -- the version held is to be sent once more: an older request may have come after it
  resend boolean not null default false,
  batch_id bigint,
  claim_until timestamptz,
  primary key (stream_id, id),
  check ((batch_id is null) = (claim_until is null))
) with (fillfactor = 80);
create index record_claimed on record (batch_id) where batch_id is not null;

-- The rows of a slice that need work, one an id.
create table item (
  slice_id bigint not null,
  source_id text not null,
  id text,
  version numeric(20),
  modified bigint,
  hash text,
  read_no bigint not null,
  pass integer not null,
  seq integer not null,
  ord integer not null,
  -- another source id of the slice maps to the same id
  collides boolean not null default false,
  outcome text not null default 'pending'
    check (outcome in ('pending', 'batched', 'loaded', 'quarantined', 'unchanged', 'superseded')),
  batch_id bigint,
  primary key (slice_id, source_id)
);
create index item_batch on item (batch_id) where batch_id is not null;

-- What one request to the target carries; membership is stored before the first send.
create table batch (
  id bigint generated always as identity primary key,
  stream_id bigint not null references stream (id),
  slice_id bigint not null references slice (id) on delete cascade,
  state text not null default 'ready' check (state in ('ready', 'sending', 'done')),
  owner text,
  lease_until timestamptz,
  payload text,
  record_count integer not null,
  created_at timestamptz not null default clock_timestamp()
);
create index batch_slice on batch (slice_id, id) where state <> 'done';

-- Ids whose last request may still be answered by a frozen worker: their newest version is sent again.
create table doubt (
  stream_id bigint not null references stream (id),
  id text not null,
  version numeric(20),
  modified bigint,
  hash text,
  read_no bigint,
  due_at timestamptz not null,
  range_id bigint references load_range (id),
  created_at timestamptz not null default clock_timestamp(),
  primary key (stream_id, id)
);

create table quarantine (
  id bigint generated always as identity primary key,
  stream_id bigint not null references stream (id),
  source_id text not null,
  target_id text,
  code text not null,
  reason text not null,
  raw text,
  version numeric(20),
  modified bigint,
  hash text,
  slice_id bigint,
  attempts integer not null default 1,
  state text not null default 'open' check (state in ('open', 'resolved', 'discarded')),
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp()
);
create unique index quarantine_open on quarantine (stream_id, source_id) where state = 'open';
create index quarantine_collision on quarantine (stream_id, target_id) where state = 'open' and code = 'TM_ID_COLLISION';

-- Shops seen in the data, to name those that never delivered a record.
create table shop_seen (
  stream_id bigint not null references stream (id),
  shop_id text not null,
  primary key (stream_id, shop_id)
);

create table worker (
  id text primary key,
  host text not null,
  pid integer not null,
  task_queue text not null,
  -- Empty: without a version.
  build_id text not null,
  started_at timestamptz not null default clock_timestamp(),
  seen_at timestamptz not null default clock_timestamp()
);

-- Is version a newer than version b? A row version decides where both have one; else the modified time;
-- else, with another content, the later reading.
create function newer(
  a_version numeric, a_modified bigint, a_hash text, a_read bigint,
  b_version numeric, b_modified bigint, b_hash text, b_read bigint
) returns boolean language sql immutable as $$
  select case
    when a_version is not null and b_version is not null then a_version > b_version
    when a_modified is not null and b_modified is not null and a_modified <> b_modified then a_modified > b_modified
    when a_hash is distinct from b_hash then coalesce(a_read > b_read, true)
    else false
  end
$$;
`;
