import { type RawBuilder, sql } from "kysely";
import type { Tx } from "./db.ts";
import { addDoubts } from "./doubts.ts";

/**
 * Takes back batches that another mapping made than the stream's: their rows are pending again, and what they may still be
 * sending is doubtful.
 * @param which a condition on the batch `b`, its slice `s` and the stream `t`: that nobody is sending it any more
 */
export async function unmakeBatches(tx: Tx, streamId: string, which: RawBuilder<unknown>, zombieAfterMs: number): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    select b.id::text from batch b join slice s on s.id = b.slice_id join stream t on t.id = b.stream_id
    where b.stream_id = ${streamId} and b.state <> 'done' and b.form <> t.target_fingerprint and ${which} order by b.id for update of b skip locked
  `.execute(tx);
  if (rows.length === 0) return;
  const ids = rows.map(({ id }) => id);
  await addDoubts(tx, sql`
    select b.stream_id, i.id, b.id, b.owner, i.version, i.modified, i.hash, i.read_no
    from batch b join item i on i.batch_id = b.id where b.id = any(${ids}::bigint[]) and b.state = 'sending'`, zombieAfterMs);
  await sql`update record set batch_id = null, claim_until = null where stream_id = ${streamId} and batch_id = any(${ids}::bigint[])`.execute(tx);
  await sql`update item set outcome = 'pending', batch_id = null, documents = null where batch_id = any(${ids}::bigint[])`.execute(tx);
  await sql`delete from batch where id = any(${ids}::bigint[])`.execute(tx);
}
