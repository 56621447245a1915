import { type Kysely, sql } from "kysely";

/** The record index, and what is on its way to the target. Versions are compared by `newer`. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(TABLES).execute(db);
}

const TABLES = `
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
  -- the audit that met this id last in the source
  seen_by bigint,
  primary key (stream_id, id),
  check ((batch_id is null) = (claim_until is null))
) with (fillfactor = 80);
create index record_claimed on record (batch_id) where batch_id is not null;

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
  created_at timestamptz not null default clock_timestamp(),
  constraint batch_has_members check (record_count > 0),
  constraint batch_has_sender check (state <> 'sending' or (owner is not null and lease_until is not null)),
  constraint batch_has_payload check ((state = 'done') = (payload is null))
);
create index batch_slice on batch (slice_id, id) where state <> 'done';

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
  primary key (slice_id, source_id),
  constraint item_batch check ((outcome in ('batched', 'loaded')) = (batch_id is not null)),
  constraint item_batch_exists foreign key (batch_id) references batch (id)
);
create index item_batch on item (batch_id) where batch_id is not null;

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
  -- by batch and sender: two late requests for one id are two doubts
  batch_id bigint not null default 0,
  sender text not null default '',
  primary key (stream_id, id, batch_id, sender)
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
  -- of the reading that brought it: replayed, it is no older and no newer than it was
  read_no bigint not null default 0,
  slice_id bigint,
  attempts integer not null default 1,
  state text not null default 'open' check (state in ('open', 'resolved', 'discarded')),
  created_at timestamptz not null default clock_timestamp(),
  updated_at timestamptz not null default clock_timestamp(),
  -- why, by whom and when it was given up; kept when it is replayed
  note text,
  discarded_by text,
  discarded_at timestamptz,
  constraint quarantine_discard_has_reason check (state <> 'discarded' or note is not null)
);
create unique index quarantine_open on quarantine (stream_id, source_id) where state = 'open';
create index quarantine_collision on quarantine (stream_id, target_id) where state = 'open' and code = 'TM_ID_COLLISION';
`;
