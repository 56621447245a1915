import { sql } from "kysely";
import { elementsOf, entriesOf } from "../json/raw.ts";
import type { Document } from "../mapping/mapper.ts";
import type { Store, Tx } from "./db.ts";
import { addDoubts } from "./doubts.ts";
import { quarantineItems, type Refusal, resolveEntries } from "./quarantine.ts";
import type { Slice } from "./slices.ts";
import { unmakeBatches } from "./unmake.ts";

/** What one request to the target carries. */
export interface Batch {
  id: string;
  /** JSON array in the order of `members`: a document that has its record's id, or a list of `{id, json}`. */
  payload: string;
  /** The fingerprint of the target whose mapping made the payload. */
  form: string;
  members: BatchMember[];
}

export interface BatchMember {
  id: string;
  sourceId: string;
  /** Version, or modified time and content hash, as text: part of the idempotency key. */
  version: string;
}

/** Reserves a batch's number, so that claims can point to it before it is stored. */
export async function newBatchId(tx: Tx): Promise<string> {
  const { rows } = await sql<{ id: string }>`select nextval(pg_get_serial_sequence('batch', 'id'))::text as id`.execute(tx);
  return rows[0]!.id;
}

/**
 * Stores a batch with its members, in the transaction that claimed their ids: membership is fixed before the first send.
 * @param form the fingerprint of the target whose mapping made the documents
 */
export async function insertBatch(tx: Tx, slice: Slice, batchId: string, records: readonly { sourceId: string; id: string; documents: readonly Document[] }[], form: string): Promise<void> {
  const sourceIds = records.map((record) => record.sourceId);
  const payload = `[${records.map(payloadOf).join(",")}]`;
  const several = records.filter(({ id, documents }) => !isPlain(id, documents));
  await sql`
    insert into batch (id, stream_id, slice_id, payload, record_count, form)
    overriding system value values (${batchId}, ${slice.streamId}, ${slice.id}, ${payload}, ${sourceIds.length}, ${form})
  `.execute(tx);
  await sql`
    update item i set outcome = 'batched', batch_id = ${batchId}, documents = null
    from unnest(${sourceIds}::text[]) with ordinality as n(source_id, position)
    where i.slice_id = ${slice.id} and i.source_id = n.source_id
  `.execute(tx);
  if (several.length === 0) return;
  await sql`
    update item i set documents = n.documents
    from (select source_id, array_agg(id order by at) as documents
      from unnest(${several.flatMap((record) => record.documents.map(() => record.sourceId))}::text[], ${several.flatMap((record) => record.documents.map(({ id }) => id))}::text[])
        with ordinality as u(source_id, id, at) group by source_id) as n
    where i.slice_id = ${slice.id} and i.source_id = n.source_id
  `.execute(tx);
}

function isPlain(id: string, documents: readonly Document[]): boolean {
  return documents.length === 1 && documents[0]!.id === id;
}

function payloadOf({ id, documents }: { id: string; documents: readonly Document[] }): string {
  if (isPlain(id, documents)) return documents[0]!.json;
  return `[${documents.map((document) => `{"id":${JSON.stringify(document.id)},"json":${document.json}}`).join(",")}]`;
}

/** The documents of a batch, by member. */
export function documentsOf({ payload, members }: Batch): Document[][] {
  return elementsOf(payload).map((element, i) => {
    if (!element.startsWith("[")) return [{ id: members[i]!.id, json: element }];
    return elementsOf(element).map((document) => {
      const parts = entriesOf(document);
      return { id: JSON.parse(parts.get("id")!) as string, json: parts.get("json")! };
    });
  });
}

/** Who sends: one attempt of one load activity. Later attempts of the same activity outrank earlier ones. */
export interface Sender {
  token: string;
  /** Activity id and workflow run: activity ids alone start over when a workflow continues as new. */
  activityId: string;
  attempt: number;
}

function ownerOf(sender: Sender): string {
  return `${sender.token}/${sender.activityId}/${sender.attempt}`;
}

/**
 * Takes the slice's next batch that nobody is sending: a fresh one, one whose lease ran out, or one whose sender is known to
 * be gone (an earlier attempt of this activity, or an earlier run). In the last two cases the earlier request may still be
 * under way, so the ids become doubtful. One that another mapping made is not sent: its rows are mapped again.
 */
export async function takeBatch(
  store: Store, slice: Slice, sender: Sender, options: { leaseMs: number; zombieAfterMs: number },
): Promise<Batch | null> {
  return store.transaction(async (tx) => {
    const free = sql`b.slice_id = ${slice.id} and s.token = ${slice.token} and t.active and (b.state = 'ready' or (b.state = 'sending' and (
        b.lease_until < clock_timestamp() or split_part(b.owner, '/', 1) <> ${sender.token}
        or (split_part(b.owner, '/', 2) = ${sender.activityId} and split_part(b.owner, '/', 3)::int < ${sender.attempt}))))`;
    await unmakeBatches(tx, slice.streamId, free, options.zombieAfterMs);
    const { rows } = await sql<{ id: string; payload: string; state: string; owner: string | null; form: string }>`
      select b.id::text, b.payload, b.state, b.owner, b.form from batch b join slice s on s.id = b.slice_id join stream t on t.id = s.stream_id
      where ${free} and b.form = t.target_fingerprint
      order by b.id limit 1 for update of b skip locked
    `.execute(tx);
    const row = rows[0];
    if (row === undefined) return null;
    if (row.state === "sending") {
      await addDoubts(tx, sql`
        select ${slice.streamId}::bigint, id, batch_id, ${row.owner}::text, version, modified, hash, read_no from item where batch_id = ${row.id}`, options.zombieAfterMs);
    }
    await sql`
      update batch set state = 'sending', owner = ${ownerOf(sender)}, lease_until = clock_timestamp() + ${options.leaseMs} * interval '1 ms'
      where id = ${row.id}
    `.execute(tx);
    const members = await sql<BatchMember>`
      select id, source_id as "sourceId", coalesce(version::text, modified::text || ':' || hash, hash) as version
      from item where batch_id = ${row.id} order by seq, ord
    `.execute(tx);
    return { id: row.id, payload: row.payload, form: row.form, members: members.rows };
  });
}

/**
 * Prolongs the batch's lease and its claims, directly before each HTTP attempt.
 * @returns the ids that may still be sent: those of which no other batch has claimed or loaded a version; null when the
 * batch itself has a new owner, or the pipeline another mapping.
 */
export async function renewClaims(store: Store, slice: Slice, batchId: string, sender: Sender, leaseMs: number): Promise<Set<string> | null> {
  return store.transaction(async (tx) => {
    const owned = await sql`
      update batch set lease_until = clock_timestamp() + ${leaseMs} * interval '1 ms'
      where id = ${batchId} and owner = ${ownerOf(sender)} and state = 'sending'
        and exists (select 1 from stream where id = ${slice.streamId} and active and target_fingerprint = batch.form) returning id
    `.execute(tx);
    if (owned.rows.length === 0) return null;
    const { rows } = await sql<{ id: string }>`
      with mine as (select id from record where stream_id = ${slice.streamId} and batch_id = ${batchId} order by id for update)
      update record r set claim_until = clock_timestamp() + ${leaseMs} * interval '1 ms'
      from mine where r.stream_id = ${slice.streamId} and r.id = mine.id returning r.id
    `.execute(tx);
    return new Set(rows.map((row) => row.id));
  });
}

/** What a sender learned of its batch. */
export interface BatchOutcome {
  /** Ids of the records of which the target took every document. */
  loaded: readonly string[];
  /** Ids of those of which it took some. */
  begun?: readonly string[];
  refused: readonly Refusal[];
}

/**
 * Writes down how a batch ended: index, items, quarantine and claims in one transaction. Ids that were left out go back to
 * pending. Ids that another sender took while the request was under way become due for sending again before anything else.
 * @returns false when the batch had a new owner already
 */
export async function finishBatch(store: Store, slice: Slice, batch: Batch, sender: Sender, outcome: BatchOutcome): Promise<boolean> {
  return store.transaction(async (tx) => {
    const loaded = outcome.loaded as string[];
    const { rows: mine } = await sql<{ id: string }>`
      select id from record where stream_id = ${slice.streamId} and batch_id = ${batch.id} order by id for update
    `.execute(tx);
    const { rows: owned } = await sql`
      update batch set state = 'done', payload = null, lease_until = null
      where id = ${batch.id} and owner = ${ownerOf(sender)} and state = 'sending' returning id
    `.execute(tx);
    const held = new Set(owned.length === 0 ? [] : mine.map((row) => row.id));
    const lost = [...loaded, ...(outcome.begun ?? [])].filter((id) => !held.has(id));
    if (lost.length > 0) await doubtSent(tx, slice, batch, sender, lost, 0);
    if (owned.length === 0) return false;
    await sql`
      update record r set held = 'loaded', version = i.version, modified = i.modified, hash = i.hash, read_no = i.read_no,
        documents = i.documents, resend = false, batch_id = null, claim_until = null
      from item i
      where i.batch_id = ${batch.id} and i.id = any(${loaded}::text[])
        and r.stream_id = ${slice.streamId} and r.id = i.id and r.batch_id = ${batch.id}
    `.execute(tx);
    const { rows: done } = await sql<{ sourceId: string }>`
      update item set outcome = 'loaded' where batch_id = ${batch.id} and id = any(${loaded.filter((id) => held.has(id))}::text[])
      returning source_id as "sourceId"
    `.execute(tx);
    await sql`
      update record r set held = 'quarantined' from quarantine q
      where r.stream_id = ${slice.streamId} and r.id = any(${loaded}::text[]) and q.stream_id = r.stream_id and q.state = 'open'
        and q.code = 'TM_ID_COLLISION' and q.target_id = r.id and q.source_id = r.source_id
    `.execute(tx);
    // A refusal whose claim was lost says nothing of the version that is there now.
    const members = new Map(batch.members.map((member) => [member.sourceId, member.id]));
    await quarantineItems(tx, slice, batch.id, outcome.refused.filter((refusal) => held.has(members.get(refusal.sourceId) ?? "")));
    // What a person had given up is no longer, once it or a newer version is there.
    await resolveEntries(tx, slice.streamId, done.map((row) => row.sourceId));
    await sql`
      update item set outcome = 'pending', batch_id = null where batch_id = ${batch.id} and outcome = 'batched'
    `.execute(tx);
    await sql`update record set batch_id = null, claim_until = null where stream_id = ${slice.streamId} and batch_id = ${batch.id}`.execute(tx);
    return true;
  });
}

/**
 * After a delivery that ended with an error: ids whose request was written and whose claim is lost by now are to be sent
 * again.
 * @param dueInMs 0: their requests were answered, at once; else how long a request may still be under way
 */
export async function doubtLost(store: Store, slice: Slice, batch: Batch, sender: Sender, sent: readonly string[], dueInMs: number): Promise<void> {
  if (sent.length === 0) return;
  await store.transaction(async (tx) => {
    const { rows } = await sql<{ id: string }>`
      select r.id from record r join batch b on b.id = r.batch_id and b.owner = ${ownerOf(sender)} and b.state = 'sending'
      where r.stream_id = ${slice.streamId} and r.batch_id = ${batch.id} order by r.id for update of r
    `.execute(tx);
    const held = new Set(rows.map((row) => row.id));
    const lost = sent.filter((id) => !held.has(id));
    if (lost.length > 0) await doubtSent(tx, slice, batch, sender, lost, dueInMs);
  });
}

/** A sender that lost its claims after a request marks its ids for sending again. */
async function doubtSent(tx: Tx, slice: Slice, batch: Batch, sender: Sender, ids: readonly string[], dueInMs: number): Promise<void> {
  const versions = new Map(batch.members.map((member) => [member.id, /^\d+$/.test(member.version) ? member.version : null]));
  await addDoubts(tx, sql`
    select ${slice.streamId}::bigint, n.id, ${batch.id}::bigint, ${ownerOf(sender)}::text, n.version::numeric, null::bigint, null::text, null::bigint
    from unnest(${ids}::text[], ${ids.map((id) => versions.get(id) ?? null)}::text[]) as n(id, version)`, dueInMs);
}
