import { sql } from "kysely";
import type { Tx } from "./db.ts";
import type { Slice } from "./slices.ts";

/** A record to be set aside. */
export interface Refusal {
  sourceId: string;
  code: string;
  /** Why, for people; no secrets. */
  reason: string;
  /** The record as the source sent it. */
  raw: string | null;
}

/**
 * Sets records aside with their reason: the entry, the item's outcome and the index change together. The index then
 * holds this version as quarantined, so that later overlaps do not bring it again; a newer version is tried anew.
 * @param batchId the batch that holds the claims; a claim of another batch is left alone
 */
export async function quarantineItems(tx: Tx, slice: Slice, batchId: string, refusals: readonly Refusal[]): Promise<void> {
  if (refusals.length === 0) return;
  const sourceIds = refusals.map((refusal) => refusal.sourceId);
  await sql`
    insert into quarantine as q (stream_id, source_id, target_id, code, reason, raw, version, modified, hash, read_no, slice_id)
    select ${slice.streamId}, i.source_id, i.id, n.code, n.reason, n.raw, i.version, i.modified, i.hash, i.read_no, ${slice.id}
    from unnest(${sourceIds}::text[], ${refusals.map((refusal) => refusal.code)}::text[],
      ${refusals.map((refusal) => refusal.reason)}::text[], ${refusals.map((refusal) => refusal.raw)}::text[]) as n(source_id, code, reason, raw)
    join item i on i.slice_id = ${slice.id} and i.source_id = n.source_id
    order by i.source_id
    on conflict (stream_id, source_id) where state = 'open' do update set code = excluded.code, reason = excluded.reason,
      raw = excluded.raw, version = excluded.version, modified = excluded.modified, hash = excluded.hash,
      read_no = excluded.read_no, slice_id = excluded.slice_id, attempts = q.attempts + 1, updated_at = clock_timestamp()
  `.execute(tx);
  await holdItems(tx, slice, batchId, sourceIds, "quarantined");
}

/** Leaves records out: the mapping makes nothing of this version. What was set aside of them is settled by that. */
export async function filterItems(tx: Tx, slice: Slice, batchId: string, sourceIds: readonly string[]): Promise<void> {
  if (sourceIds.length === 0) return;
  await holdItems(tx, slice, batchId, sourceIds, "filtered");
  await resolveEntries(tx, slice.streamId, sourceIds);
}

/** The index holds these versions as not sent, and claims nothing for them. */
async function holdItems(tx: Tx, slice: Slice, batchId: string, sourceIds: readonly string[], held: "quarantined" | "filtered"): Promise<void> {
  await sql`
    insert into record as r (stream_id, id, source_id, held, version, modified, hash, read_no)
    select distinct on (i.id) ${slice.streamId}::bigint, i.id, i.source_id, ${held}::text, i.version, i.modified, i.hash, i.read_no
    from item i where i.slice_id = ${slice.id} and i.source_id = any(${sourceIds}::text[]) order by i.id, i.source_id
    on conflict (stream_id, id) do update set held = excluded.held, version = excluded.version, modified = excluded.modified,
      hash = excluded.hash, read_no = excluded.read_no, resend = false, batch_id = null, claim_until = null
      where r.source_id = excluded.source_id and (r.batch_id is null or r.batch_id = ${batchId})
        and (r.held is null or not newer(r.version, r.modified, r.hash, r.read_no, excluded.version, excluded.modified, excluded.hash, excluded.read_no))
  `.execute(tx);
  await sql`
    update item set outcome = ${held}, batch_id = null
    where slice_id = ${slice.id} and source_id = any(${sourceIds}::text[])
  `.execute(tx);
}

/** Ends entries of records that are loaded in that version or a newer one, or left out; not where two records still share an id of the target. */
export async function resolveEntries(tx: Tx, streamId: string, sourceIds: readonly string[]): Promise<void> {
  await sql`
    update quarantine set state = 'resolved', updated_at = clock_timestamp()
    where stream_id = ${streamId} and state <> 'resolved' and source_id = any(${sourceIds}::text[])
      and not exists (select 1 from quarantine o where o.stream_id = ${streamId} and o.state = 'open' and o.code = 'TM_ID_COLLISION'
        and o.target_id = quarantine.target_id and o.source_id <> quarantine.source_id)
  `.execute(tx);
}

/** The other half of a collision: the records that already had these target ids, or are being sent under them, are set aside as well. */
export async function quarantineHolders(tx: Tx, slice: Slice, targetIds: readonly string[], reason: string): Promise<void> {
  if (targetIds.length === 0) return;
  await sql`
    insert into quarantine as q (stream_id, source_id, target_id, code, reason, version, modified, hash, read_no, slice_id)
    select r.stream_id, r.source_id, r.id, 'TM_ID_COLLISION', ${reason}, r.version, r.modified, r.hash, coalesce(r.read_no, 0), ${slice.id}
    from record r where r.stream_id = ${slice.streamId} and r.id = any(${targetIds}::text[]) and (r.held is not null or r.batch_id is not null)
    on conflict (stream_id, source_id) where state = 'open' do nothing
  `.execute(tx);
  await sql`
    update record set held = 'quarantined' where stream_id = ${slice.streamId} and id = any(${targetIds}::text[])
      and held is not null
  `.execute(tx);
}
