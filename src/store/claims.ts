import { type RawBuilder, sql } from "kysely";
import type { Db, Tx } from "./db.ts";
import { addDoubts } from "./doubts.ts";
import type { Slice } from "./slices.ts";

/** A row of a slice that needs work. */
export interface Item {
  sourceId: string;
  id: string;
  version: string | null;
  pass: number;
  seq: number;
  ord: number;
  /** Another source id of this slice maps to the same id. */
  collides: boolean;
}

/** Position of an item in reading order; the next chunk starts behind it. */
export interface ItemPosition {
  seq: number;
  ord: number;
}

/** One transaction at a time works on a slice's items; a zombie of the same activity waits here. */
export async function lockSliceItems(tx: Tx, slice: Slice): Promise<boolean> {
  const { rows } = await sql`
    select 1 as ok from slice where id = ${slice.id} and token = ${slice.token} and state = 'classified' for update
  `.execute(tx);
  return rows.length === 1;
}

/** The next pending items behind `after`, in reading order. */
export async function pendingItems(db: Db | Tx, sliceId: string, after: ItemPosition, limit: number): Promise<Item[]> {
  const { rows } = await sql<Item>`
    select source_id as "sourceId", id, version::text, pass, seq, ord, collides from item
    where slice_id = ${sliceId} and outcome = 'pending' and (seq, ord) > (${after.seq}, ${after.ord})
    order by seq, ord limit ${limit}
  `.execute(db);
  return rows;
}

/** What became of the items of a chunk that were to be claimed. */
export interface ClaimOutcome {
  /** Source ids that this batch may send. */
  claimed: Set<string>;
  /** Source ids whose target id belongs to another source id: the id maps two records onto one. */
  collided: Map<string, string>;
}

/**
 * Claims the ids of a chunk for a batch. Existing records are locked in id order; an id that another batch holds is
 * left pending and never waited for. A claim whose lease ran out is taken over; if its request may have been sent, the
 * id becomes doubtful. Items that the index meanwhile holds in this version or a newer one are settled.
 * @param leaseMs how long the claim holds
 * @param zombieAfterMs when a doubtful id's newest version is sent again
 */
export async function claimItems(
  tx: Tx, slice: Slice, items: readonly Item[], batchId: string,
  options: { leaseMs: number; zombieAfterMs: number; resendHeld: boolean },
): Promise<ClaimOutcome> {
  const sourceIds = items.map((item) => item.sourceId);
  await sql`
    select 1 from record where stream_id = ${slice.streamId} and id = any(${items.map((item) => item.id)}::text[]) order by id for update
  `.execute(tx);
  await sql`
    update item i set outcome = case
      when newer(r.version, r.modified, r.hash, r.read_no, i.version, i.modified, i.hash, i.read_no) then 'superseded' else 'unchanged' end
    from record r
    where i.slice_id = ${slice.id} and i.outcome = 'pending' and i.source_id = any(${sourceIds}::text[])
      and r.stream_id = ${slice.streamId} and r.id = i.id and r.source_id = i.source_id and r.held is not null
      and not newer(i.version, i.modified, i.hash, i.read_no, r.version, r.modified, r.hash, r.read_no)
      and not ((r.resend or (${options.resendHeld} and r.held in ('loaded', 'filtered')))
        and not newer(r.version, r.modified, r.hash, r.read_no, i.version, i.modified, i.hash, i.read_no))
  `.execute(tx);
  await doubtStolen(tx, slice, sourceIds, options.zombieAfterMs);
  const { rows } = await sql<{ sourceId: string; owner: string | null; holder: string }>`
    with want as (
      select source_id, id from item
      where slice_id = ${slice.id} and outcome = 'pending' and source_id = any(${sourceIds}::text[])
    ), clash as (
      select w.source_id, min(q.source_id) as holder from want w join quarantine q
        on q.stream_id = ${slice.streamId} and q.state = 'open' and q.code = 'TM_ID_COLLISION'
        and q.target_id = w.id and q.source_id <> w.source_id
      group by w.source_id
    ), taken as (
      insert into record as r (stream_id, id, source_id, batch_id, claim_until)
      select distinct on (id) ${slice.streamId}::bigint, id, source_id, ${batchId}::bigint,
        clock_timestamp() + ${options.leaseMs} * interval '1 ms'
      from want where source_id not in (select source_id from clash) order by id, source_id
      on conflict (stream_id, id) do update set batch_id = excluded.batch_id, claim_until = excluded.claim_until
        where (r.batch_id is null or r.claim_until < clock_timestamp()) and r.source_id = excluded.source_id
          -- The record may have moved on since it was looked at above.
          and (r.held is null or exists (select 1 from item i
            where i.slice_id = ${slice.id} and i.source_id = excluded.source_id and (
              newer(i.version, i.modified, i.hash, i.read_no, r.version, r.modified, r.hash, r.read_no)
              or ((r.resend or (${options.resendHeld} and r.held in ('loaded', 'filtered'))) and not newer(r.version, r.modified, r.hash, r.read_no, i.version, i.modified, i.hash, i.read_no)))))
      returning r.id, r.source_id
    )
    select w.source_id as "sourceId", t.source_id as owner,
      coalesce(c.holder, t.source_id, r.source_id, w.source_id) as holder
    from want w left join taken t on t.id = w.id left join clash c on c.source_id = w.source_id
    left join record r on r.stream_id = ${slice.streamId} and r.id = w.id
  `.execute(tx);
  const claimed = new Set(rows.filter((row) => row.owner === row.sourceId).map((row) => row.sourceId));
  const collided = new Map(rows.filter((row) => row.holder !== row.sourceId).map((row) => [row.sourceId, row.holder]));
  return { claimed, collided };
}

/** Ids about to be taken from a batch whose request may still be under way. */
async function doubtStolen(tx: Tx, slice: Slice, sourceIds: string[], zombieAfterMs: number): Promise<void> {
  await addDoubts(tx, sql`
    select r.stream_id, r.id, b.id, b.owner, old.version, old.modified, old.hash, old.read_no
    from item i
    join record r on r.stream_id = ${slice.streamId} and r.id = i.id
    join batch b on b.id = r.batch_id and b.state = 'sending'
    join item old on old.batch_id = b.id and old.id = r.id
    where i.slice_id = ${slice.id} and i.outcome = 'pending' and i.source_id = any(${sourceIds}::text[])
      and r.claim_until < clock_timestamp()`, zombieAfterMs);
}

/**
 * Notes whose documents these are; the first record that makes a document of an id has it for good.
 * @returns what others have: by record, a document's id and its owner
 */
export async function claimDocuments(tx: Tx, slice: Slice, records: readonly Made[]): Promise<Map<string, { id: string; owner: string }>> {
  const wanted = documentsOf(records);
  await sql`
    insert into document (stream_id, id, record_id) select ${slice.streamId}::bigint, n.id, n.record_id from ${wanted} as n(id, record_id) order by 2, 3
    on conflict do nothing
  `.execute(tx);
  const { rows } = await sql<{ record: string; id: string; owner: string }>`
    select n.record_id as record, d.id, d.record_id as owner from ${wanted} as n(id, record_id)
    join document d on d.stream_id = ${slice.streamId} and d.id = n.id and d.record_id <> n.record_id
  `.execute(tx);
  return new Map(rows.map(({ record, ...document }) => [record, document]));
}

/** @returns documents that records were loaded as and make no more: one by record */
export async function goneDocuments(tx: Tx, slice: Slice, records: readonly Made[]): Promise<Map<string, string>> {
  const { rows } = await sql<{ record: string; id: string }>`
    select r.id as record, min(d.id) as id from record r
    cross join lateral unnest(coalesce(r.documents, case r.held when 'loaded' then array[r.id] end)) as d(id)
    where r.stream_id = ${slice.streamId} and r.id = any(${records.map(({ id }) => id)}::text[])
      and not exists (select 1 from ${documentsOf(records)} as n(id, record_id) where n.id = d.id and n.record_id = r.id)
    group by r.id
  `.execute(tx);
  return new Map(rows.map(({ record, id }) => [record, id]));
}

/** A record with the documents that a mapping makes of it. */
interface Made {
  id: string;
  documents: readonly { id: string }[];
}

function documentsOf(records: readonly Made[]): RawBuilder<unknown> {
  return sql`unnest(${records.flatMap(({ documents }) => documents.map(({ id }) => id))}::text[], ${records.flatMap(({ id, documents }) => documents.map(() => id))}::text[])`;
}

/** Gives claims back for items that will not be sent by this batch. */
export async function releaseClaims(tx: Tx, slice: Slice, batchId: string, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return;
  await sql`
    update record set batch_id = null, claim_until = null
    where stream_id = ${slice.streamId} and batch_id = ${batchId} and id = any(${ids}::text[])
  `.execute(tx);
}
