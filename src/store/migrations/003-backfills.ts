import { type Kysely, sql } from "kysely";

/** What people asked to be read again, or mapped anew. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(TABLES).execute(db);
}

const TABLES = `
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

-- What became of each message from people: an attempt that is repeated finds what the one before it did.
create table backfill_message (
  stream_id bigint not null references stream (id),
  -- messages that one activity was given
  batch uuid not null,
  number integer not null,
  -- why it could not be used
  refused text,
  primary key (stream_id, batch, number)
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

-- A person wants what is loaded mapped anew, from kept rows.
create table remap (
  id bigint generated always as identity primary key,
  stream_id bigint not null references stream (id),
  -- modified time (ms), the end not included; null: no limit
  from_ms bigint,
  to_ms bigint,
  -- how long a request may still be under way whose sender is gone
  zombie_ms bigint not null,
  -- slices were made up to this source id
  next_id text not null default '',
  -- the last batch before which none of another form was left; null: not looked at, or some are
  first_batch bigint,
  state text not null default 'open' check (state in ('open', 'planned', 'cancelled')),
  -- records that it was for when it was asked for
  asked integer not null,
  created_at timestamptz not null default clock_timestamp()
);
create index remap_open on remap (stream_id) where state = 'open';
`;
