import { sql } from "kysely";
import type { Db, Tx } from "./db.ts";
import type { Purpose } from "./slices.ts";
import { epochMs, timestamp } from "./streams.ts";

/** A stretch of modified time that is read by windows; both ends included, ms UTC. */
export interface LoadRange {
  id: string;
  purpose: Purpose;
  fromAt: number;
  toAt: number;
  /** Up to where slices were made. */
  nextAt: number;
  archive: boolean;
  state: "open" | "planned" | "done" | "cancelled";
}

const COLUMNS = sql`id::text, purpose, ${epochMs("from_at")} as "fromAt",
  ${epochMs("to_at")} as "toAt", ${epochMs("next_at")} as "nextAt", archive, state`;

export interface NewRange {
  streamId: string;
  purpose: Exclude<Purpose, "forward" | "replay" | "remap">;
  fromAt: number;
  toAt: number;
  archiveToo?: boolean;
  /** Only the archive. */
  archive?: boolean;
  /** Not before this moment (ms). */
  notBefore?: number;
}

/**
 * Adds a range. With `archiveToo` a second range behind it reads the archive of the same stretch, by windows of its own:
 * archived records are few.
 * @returns the range's id
 */
export async function addRange(tx: Db | Tx, range: NewRange): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    with main as (
      insert into load_range (stream_id, purpose, from_at, to_at, next_at, archive, not_before)
      values (${range.streamId}, ${range.purpose}, ${timestamp(range.fromAt)}, ${timestamp(range.toAt)}, ${timestamp(range.fromAt)},
        ${range.archive ?? false}, ${range.notBefore === undefined ? sql`clock_timestamp()` : timestamp(range.notBefore)}) returning *
    ), archive as (
      insert into load_range (stream_id, purpose, from_at, to_at, next_at, not_before, archive, archive_of)
      select stream_id, purpose, from_at, to_at, next_at, not_before, true, id from main where ${range.archiveToo ?? false}
    )
    select id::text from main
  `.execute(tx);
  return rows[0]!.id;
}

/** The first open range of these purposes that may be read now: in the order of the purposes, requests, and time; an archive behind its range. */
export async function nextRange(tx: Tx, streamId: string, purposes: readonly Purpose[]): Promise<LoadRange | null> {
  const { rows } = await sql<LoadRange>`
    select ${COLUMNS} from load_range r
    where stream_id = ${streamId} and state = 'open' and purpose = any(${purposes}) and not_before <= clock_timestamp()
    order by array_position(${purposes}, purpose),
      (select min(q.position) from backfill_part p join backfill_request q on q.id = p.request and q.state = 'open' where p.range_id in (r.id, r.archive_of)),
      case when purpose = 'backfill' then from_at end, coalesce(archive_of, id), archive limit 1
    for update
  `.execute(tx);
  return rows[0] ?? null;
}

/** Notes that slices were made up to `nextAt`. */
export async function advanceRange(tx: Tx, range: LoadRange, nextAt: number): Promise<void> {
  await sql`
    update load_range set next_at = ${timestamp(nextAt)}, state = ${nextAt >= range.toAt ? "planned" : "open"}
    where id = ${range.id}
  `.execute(tx);
}

/** A range is done when all of it was planned and every slice of it is committed; a request, when all its ranges are. */
export async function finishRanges(tx: Tx, streamId: string): Promise<void> {
  await sql`
    update load_range r set state = 'done', done_at = clock_timestamp()
    where r.stream_id = ${streamId} and r.state = 'planned'
      and not exists (select 1 from slice s where s.range_id = r.id and s.state in ('open', 'extracted', 'classified'))
  `.execute(tx);
  await sql`
    update backfill_request q set state = 'done', done_at = clock_timestamp()
    where q.stream_id = ${streamId} and q.state = 'open' and not exists (select 1 from backfill_range r where r.request = q.id and r.state <> 'done')
  `.execute(tx);
}
