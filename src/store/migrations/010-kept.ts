import { type Kysely, sql } from "kysely";

/** Raw rows that stay after their slice was committed, and remaps: what was loaded, mapped anew from them. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql.raw(CHANGES).execute(db);
}

/** What JavaScript's `trim` takes off. */
const BLANKS = " \t\n\v\f\r\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff";

const CHANGES = `
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
alter table slice drop constraint slice_purpose_check, add column remap_id bigint references remap (id),
  add constraint slice_purpose_check check (purpose in ('forward', 'initial', 'reread', 'resend', 'sweep', 'backfill', 'replay', 'audit', 'remap'));
create index slice_remap on slice (remap_id) where remap_id is not null;
alter table stream
  -- how long rows are kept after they were read last (ms), by the latest worker that keeps any; null: for ever
  add column keep_ms bigint,
  -- when a worker last had a config that keeps them, give or take an hour
  add column keep_wanted_at timestamptz not null default clock_timestamp();
-- Rows that were not read with their page have a number each.
alter table page add column read_nos bigint[];
-- The stream's target fingerprint whose mapping made the payload.
alter table batch add column form text not null default '';
`;
