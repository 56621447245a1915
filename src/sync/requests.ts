import { sql } from "kysely";
import type { Db } from "../store/db.ts";
import type { Stretch } from "../store/requests.ts";
import { formatInstant } from "./labels.ts";

/** A range that a person asked for, and how far it is. */
export interface BackfillStatus {
  requestId: string;
  from: string;
  to: string;
  /** `waiting` (asked for by a signal that is not taken up yet, and not in the store), `open`, `planned` (all slices made), `archive` (archived records of the range are being read), `done`, `cancelled`. */
  state: string;
  /** Its place in the order of reading, from 1; null when it is done or cancelled. */
  place: number | null;
  /** Verified by an audit, and therefore not read. */
  skipped: { from: string; to: string }[];
  /** Committed slices, also those that it shares with other requests. */
  slices: number;
  read: number;
  loaded: number;
  requests: number;
  /** Of the modified time that was asked for: committed, or verified and skipped. 100 only when done. */
  percent: number;
  /** Modified time that is not committed yet (ms); 0 when it is cancelled. */
  leftMs: number;
  /** What is left, by what the range held so far; null before anything of it was committed. */
  recordsLeft: number | null;
  requestsLeft: number | null;
}

/** How many are listed. */
const LISTED = 20;

type Row = Pick<BackfillStatus, "requestId" | "state" | "place" | "slices" | "read" | "loaded" | "requests"> & Stretch & { skipped: [number, number][]; allMs: number; unreadMs: number; committedMs: number };

/** Modified time of the range `r` that is not committed: no slice was made for it, or its slice is not read to the end. */
const UNREAD_MS = sql`(extract(epoch from r.to_at - r.next_at) + (
  select coalesce(sum(extract(epoch from s.to_at - s.from_at)), 0) from slice s where s.range_id = r.id and s.state in ('open', 'extracted', 'classified', 'dropped')
)) * 1000`;

/** Ranges that people asked for: those that are open in their order, then the latest others; at most 20. @param requestId only this one */
export async function backfillStatus(db: Db, streamId: string, requestId: string | null = null): Promise<BackfillStatus[]> {
  const { rows } = await sql<Row>`
    with listed as (
      select *, case when state = 'open' then row_number() over (partition by state order by position, id) end::int as place
      from backfill_request where stream_id = ${streamId}
    )
    select q.request_id as "requestId", (extract(epoch from q.from_at) * 1000)::float8 as from, (extract(epoch from q.to_at) * 1000)::float8 as to, q.place,
      case when q.state <> 'open' then q.state when parts.open then 'open' when parts.archive and parts.unread = 0 then 'archive' else 'planned' end as state,
      (select coalesce(json_agg(json_build_array(extract(epoch from lower(s)) * 1000, extract(epoch from upper(s)) * 1000)), '[]') from unnest(q.skipped) s) as skipped,
      parts.all + skip.ms as "allMs", parts.unread as "unreadMs", read.*
    from listed q cross join lateral (
      select coalesce(bool_or(r.state = 'open' and not archive), false) as open, coalesce(bool_or(r.state = 'open'), false) as archive,
        coalesce(sum(extract(epoch from to_at - from_at) * 1000) filter (where not archive), 0)::float8 as all,
        coalesce(sum(${UNREAD_MS}) filter (where not archive), 0)::float8 as unread
      from backfill_range r where request = q.id and (r.state <> 'cancelled' or q.state = 'cancelled')
    ) parts cross join lateral (
      select coalesce(sum(extract(epoch from upper(s) - lower(s)) * 1000), 0)::float8 as ms from unnest(q.skipped) s
    ) skip cross join lateral (
      select count(*) filter (where s.state = 'committed')::int as slices, coalesce(sum(s.read), 0)::int as read, coalesce(sum(s.loaded), 0)::int as loaded,
        coalesce(sum(s.requests), 0)::int as requests,
        coalesce(sum(extract(epoch from s.to_at - s.from_at) * 1000) filter (where s.state = 'committed' and not s.archive), 0)::float8 as "committedMs"
      from backfill_range r join slice s on s.range_id = r.id where r.request = q.id and s.state in ('committed', 'split')
    ) read
    where ${requestId}::text is null or q.request_id = ${requestId}
    order by q.place nulls last, q.id desc limit ${LISTED}
  `.execute(db);
  return rows.map(statusOf);
}

function statusOf({ from, to, skipped, allMs, unreadMs, committedMs, ...row }: Row): BackfillStatus {
  const leftMs = row.place === null ? 0 : unreadMs;
  const left = (count: number) => (leftMs === 0 ? 0 : committedMs > 0 ? Math.round((count * leftMs) / committedMs) : null);
  return {
    ...row, from: formatInstant(from)!, to: formatInstant(to)!, leftMs,
    skipped: skipped.map(([from, to]) => ({ from: formatInstant(from)!, to: formatInstant(to)! })),
    percent: row.state === "done" ? 100 : Math.min(99, allMs === 0 ? 0 : Math.floor(((allMs - unreadMs) * 100) / allMs)),
    recordsLeft: left(row.read), requestsLeft: left(row.requests),
  };
}

/** What backfills have left to do, all requests together. */
export interface BackfillLeft {
  /** Stretches, archives included, and remaps, that no slice was made for yet. */
  open: number;
  /** Modified time that is not committed yet (ms), without archives: what requests share counts once. */
  leftMs: number;
}

export async function backfillLeft(db: Db, streamId: string): Promise<BackfillLeft> {
  const { rows } = await sql<BackfillLeft>`
    select (count(*) filter (where state = 'open') + (select count(*) from remap where stream_id = ${streamId} and state = 'open'))::int as open, coalesce(sum(${UNREAD_MS}) filter (where not archive), 0)::float8 as "leftMs"
    from load_range r where stream_id = ${streamId} and purpose = 'backfill' and state in ('open', 'planned')
  `.execute(db);
  return rows[0]!;
}
