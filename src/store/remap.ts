import { type RawBuilder, sql } from "kysely";
import type { SourceConfig } from "../config/types.ts";
import type { RowCounts } from "./commit.ts";
import type { Db, Store, Tx } from "./db.ts";
import { dropSlices } from "./drop.ts";
import { insertSlice, type Slice } from "./slices.ts";
import { unmakeBatches } from "./unmake.ts";

/** Which records a remap is for, by modified time (ms UTC); `to` exclusive, undefined: no limit. */
export interface RemapRange {
  from?: number | undefined;
  to?: number | undefined;
}

/** What a remap finds in a range. */
export interface RemapCount {
  /** Their kept row is the version that the index holds, or one that it does not hold yet. */
  kept: number;
  /** The index holds them, and their row in that version is not kept. */
  notKept: number;
}

const PAGE_ROWS = 200;

/** Whether a kept row `k` may be sent for the record `r`: the index holds no newer version, and none is on its way. */
const USABLE = sql`(r.id is null or (r.source_id = k.source_id and r.batch_id is null
  and (r.held is null or not newer(r.version, r.modified, r.hash, r.read_no, k.version, k.modified, k.hash, k.read_no))))`;

const within = (modified: RawBuilder<unknown>, from: RawBuilder<unknown>, to: RawBuilder<unknown>) =>
  sql`(${from}::bigint is null or ${modified} >= ${from}::bigint) and (${to}::bigint is null or ${modified} < ${to}::bigint)`;

/** How many records of a range can be mapped anew without the source, and how many cannot. */
export async function countRemap(db: Db, streamId: string, { from, to }: RemapRange): Promise<RemapCount> {
  const range = (modified: RawBuilder<unknown>) => within(modified, sql`${from ?? null}`, sql`${to ?? null}`);
  const { rows } = await sql<RemapCount>`
    select (select count(*) from kept k left join record r on r.stream_id = k.stream_id and r.id = k.id
        where k.stream_id = ${streamId} and ${range(sql`k.modified`)} and ${USABLE})::int as kept,
      (select count(*) from record r where r.stream_id = ${streamId} and r.held is not null and r.batch_id is null and ${range(sql`r.modified`)}
        and not exists (select 1 from kept k where k.stream_id = r.stream_id and k.source_id = r.source_id and k.id = r.id and ${USABLE}))::int as "notKept"
  `.execute(db);
  return rows[0]!;
}

/** Some kept rows, to see whether their ids are still what the mapping makes of them. */
export async function sampleKept(db: Db, streamId: string, limit: number): Promise<{ id: string; raw: string }[]> {
  const { rows } = await sql<{ id: string; raw: string }>`select id, raw from kept where stream_id = ${streamId} order by no desc limit ${limit}`.execute(db);
  return rows;
}

/**
 * Notes that records are to be mapped anew; the backfill lane does it. One that has not begun and is for the same records is the same.
 * @param asked how many records it is for now
 * @param zombieAfterMs how long a request may still be under way whose sender is gone
 * @returns its id
 */
export async function addRemap(db: Db, streamId: string, { from, to }: RemapRange, asked: number, zombieAfterMs: number): Promise<string> {
  const { rows } = await sql<{ id: string }>`
    with wanted as (select ${streamId}::bigint as stream_id, ${from ?? null}::bigint as from_ms, ${to ?? null}::bigint as to_ms),
    open as (
      select r.id from remap r join wanted w on w.stream_id = r.stream_id and w.from_ms is not distinct from r.from_ms and w.to_ms is not distinct from r.to_ms
      where r.state = 'open' and r.first_batch is null limit 1
    ), made as (
      insert into remap (stream_id, from_ms, to_ms, zombie_ms, asked) select *, ${zombieAfterMs}::bigint, ${asked}::int from wanted where not exists (select 1 from open) returning id
    )
    select id::text from open union all select id::text from made
  `.execute(db);
  return rows[0]!.id;
}

/**
 * Ends what remaps have not done yet. Slices under way are dropped, so that one that fails for ever holds up nothing: what was
 * taken by the target stays, what may still be on its way is doubtful.
 * @returns the ids of those that were not done
 */
export async function cancelRemaps(store: Store, streamId: string, zombieAfterMs: number): Promise<string[]> {
  return store.transaction(async (tx) => {
    const { rows } = await sql<{ id: string }>`
      update remap m set state = 'cancelled' where stream_id = ${streamId} and (state = 'open' or (state = 'planned' and exists (
        select 1 from slice s where s.remap_id = m.id and s.state in ('extracted', 'classified')))) returning id::text
    `.execute(tx);
    const ids = rows.map(({ id }) => id);
    await dropSlices(tx, streamId, sql`s.remap_id = any(${ids}::bigint[])`, zombieAfterMs);
    return ids;
  });
}

/** How a remap ended: what became of its records, or that it was cancelled; null while it goes on. */
export async function remapOutcome(db: Db, remapId: string): Promise<(RowCounts & { slices: number }) | "cancelled" | null> {
  const { rows } = await sql<RowCounts & { slices: number; done: boolean; cancelled: boolean }>`
    select m.state = 'cancelled' as cancelled, m.state = 'planned' and count(s.id) filter (where s.state in ('open', 'extracted', 'classified')) = 0 as done, count(s.id)::int as slices,
      coalesce(sum(read), 0)::int as read, coalesce(sum(duplicate), 0)::int as duplicate, coalesce(sum(unchanged), 0)::int as unchanged,
      coalesce(sum(superseded), 0)::int as superseded, coalesce(sum(quarantined), 0)::int as quarantined, coalesce(sum(filtered), 0)::int as filtered, coalesce(sum(loaded), 0)::int as loaded
    from remap m left join slice s on s.remap_id = m.id where m.id = ${remapId} group by m.id
  `.execute(db);
  const { done, cancelled, ...counts } = rows[0]!;
  return cancelled ? "cancelled" : done ? counts : null;
}

/** What the mapping before has made and is not over: unfinished slices that loaded some of it. */
export async function otherForms(db: Db | Tx, streamId: string): Promise<number> {
  const { rows } = await sql<{ slices: number }>`
    select count(distinct b.slice_id)::int as slices from batch b join stream t on t.id = b.stream_id where b.stream_id = ${streamId} and b.form <> t.target_fingerprint
  `.execute(db);
  return rows[0]!.slices;
}

interface OpenRemap {
  id: string;
  firstBatch: string | null;
  zombieAfterMs: number;
}

/**
 * The next slice of a remap: kept rows as pages, in the order of their ids. It begins only once nothing that the mapping before
 * made is under way any more, so that it comes last. null: nothing to do now.
 */
export async function planRemap(tx: Tx, input: { streamId: string; token: string; source: SourceConfig }): Promise<Slice | null> {
  const { streamId, token, source } = input;
  const { rows } = await sql<OpenRemap>`
    select id::text, first_batch::text as "firstBatch", zombie_ms::float8 as "zombieAfterMs" from remap where stream_id = ${streamId} and state = 'open' order by id limit 1 for update
  `.execute(tx);
  const remap = rows[0];
  if (remap === undefined || !(await isLast(tx, streamId, remap))) return null;
  const slice = await insertSlice(tx, { streamId, lane: "backfill", purpose: "remap", token, source, bounds: { kind: "rows" } });
  const staged = await stageKept(tx, slice, remap.id);
  const over = staged < slice.maxRecords;
  if (over) await sql`update remap set state = 'planned' where id = ${remap.id}`.execute(tx);
  if (staged > 0) return { ...slice, state: "extracted" };
  await sql`delete from slice where id = ${slice.id}`.execute(tx);
  return null;
}

async function isLast(tx: Tx, streamId: string, remap: OpenRemap): Promise<boolean> {
  if (remap.firstBatch === null) {
    await unmakeBatches(tx, streamId, sql`(b.state = 'ready' or b.lease_until < clock_timestamp())`, remap.zombieAfterMs);
    if ((await otherForms(tx, streamId)) > 0) return false;
    await sql`update remap set first_batch = coalesce(pg_sequence_last_value(pg_get_serial_sequence('batch', 'id')::regclass), 0) where id = ${remap.id}`.execute(tx);
  }
  // A request of a frozen sender may still bring the form before.
  const { rows } = await sql`
    select 1 from doubt d join remap m on m.id = ${remap.id} where d.stream_id = ${streamId} and d.batch_id <= m.first_batch and d.due_at > clock_timestamp() limit 1
  `.execute(tx);
  return rows.length === 0;
}

/** Copies the next kept rows into pages of the slice, each with the number of its own reading. What is in quarantine, open, is tried again. @returns how many */
async function stageKept(tx: Tx, slice: Slice, remapId: string): Promise<number> {
  const { rows } = await sql<{ count: number; last: string | null }>`
    with chunk as (
      select k.*, r.held
      from remap m join kept k on k.stream_id = m.stream_id and k.source_id > m.next_id and ${within(sql`k.modified`, sql`m.from_ms`, sql`m.to_ms`)}
      left join record r on r.stream_id = k.stream_id and r.id = k.id
      where m.id = ${remapId} and ${USABLE}
      order by k.source_id limit ${slice.maxRecords}
    ), again as (
      update record r set resend = true from chunk c
      where c.held = 'quarantined' and r.stream_id = c.stream_id and r.id = c.id and r.held = 'quarantined' and exists (
        select 1 from quarantine q where q.stream_id = c.stream_id and q.source_id = c.source_id and q.state = 'open' and q.code <> 'TM_ID_COLLISION')
    ), pages as (
      insert into page (slice_id, pass, seq, page_no, row_count, source_ids, target_ids, versions, modified, hashes, read_nos, shops, body, is_last, read_no)
      select ${slice.id}::bigint, 1, page, 1, count(*), array_agg(source_id order by source_id), array_agg(id order by source_id),
        array_agg(version order by source_id), array_agg(modified order by source_id), array_agg(hash order by source_id), array_agg(read_no order by source_id),
        '{}', '[' || string_agg(raw, ',' order by source_id) || ']', true, 0
      from (select *, (row_number() over (order by source_id) - 1) / ${PAGE_ROWS} + 1 as page from chunk) c group by page
    )
    select count(*)::int as count, max(source_id) as last from chunk
  `.execute(tx);
  const { count, last } = rows[0]!;
  await sql`update remap set next_id = coalesce(${last}, next_id) where id = ${remapId}`.execute(tx);
  await sql`update slice set state = 'extracted', remap_id = ${remapId} where id = ${slice.id}`.execute(tx);
  return count;
}
