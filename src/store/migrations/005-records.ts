import { type Kysely, sql } from "kysely";

/** The record index, what is on its way to the target, and the raw rows that stay. Versions are compared by `newer`. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(TABLES).execute(db);
}

/** What JavaScript's `trim` takes off. */
const BLANKS = " \t\n\v\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff";

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

-- The record index: the newest version of each id that is loaded, left out by the mapping or quarantined, and the one in flight.
create table record (
  stream_id bigint not null,
  id text not null,
  source_id text not null,
  held text check (held in ('loaded', 'quarantined', 'filtered')),
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
  -- ids of the documents that were loaded; null: one, which has the record's id
  documents text[],
  primary key (stream_id, id),
  check ((batch_id is null) = (claim_until is null))
) with (fillfactor = 80);
create index record_claimed on record (batch_id) where batch_id is not null;

-- Whose document an id of the target is, where a record may become others than one with its own id.
create table document (
  stream_id bigint not null,
  id text not null,
  record_id text not null,
  primary key (stream_id, id)
);

-- What one request to the target carries; membership is stored before the first send.
create table batch (
  id bigint generated always as identity primary key,
  stream_id bigint not null references stream (id),
  slice_id bigint not null references slice (id) on delete cascade,
  state text not null default 'ready' check (state in ('ready', 'sending', 'done')),
  owner text,
  lease_until timestamptz,
  payload text,
  -- the stream's target fingerprint whose mapping made the payload
  form text not null default '',
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
    check (outcome in ('pending', 'batched', 'loaded', 'quarantined', 'filtered', 'unchanged', 'superseded')),
  batch_id bigint,
  -- likewise, of what is sent
  documents text[],
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

-- The newest raw row of each record.
create table kept (
  stream_id bigint not null references stream (id),
  source_id text not null,
  id text not null,
  -- in the order of first keeping
  no bigint generated always as identity,
  version numeric(20),
  modified bigint,
  hash text,
  read_no bigint not null,
  raw text not null,
  first_at timestamptz not null default clock_timestamp(),
  -- when it was read last, give or take a day
  last_at timestamptz not null default clock_timestamp(),
  primary key (stream_id, source_id),
  unique (stream_id, no)
);
create index kept_age on kept (stream_id, last_at);
do $$ begin
  alter table kept alter column raw set compression lz4;
exception when feature_not_supported then null; -- a server without it takes its own
end $$;

-- One mark for each top-level field with its value, for lookups; 0 where Postgres cannot read the text.
create function kept_marks(stream_id bigint, raw text) returns bigint[] language sql immutable parallel safe cost 10000 as $$
  select case when raw !~ '^\\{' or raw ~ '\\\\u(0000|[dD][89a-fA-F])' then array[0::bigint] else (
    select coalesce(array_agg(hashtextextended(key || '=' || btrim(value, '${BLANKS}'), stream_id)), '{}')
    from json_each_text(raw::json) where value <> '' and length(btrim(value, '${BLANKS}')) <= 200) end
$$;
create index kept_search on kept using gin (kept_marks(stream_id, raw)) with (fastupdate = off);
`;
