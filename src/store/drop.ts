import { type RawBuilder, sql } from "kysely";
import { clearSlice } from "./commit.ts";
import type { Tx } from "./db.ts";
import { addDoubts } from "./doubts.ts";

/**
 * Unfinished slices that count for nothing any more: their claims are given back, and what their batches may still be sending
 * is doubtful.
 * @param which a condition on the slice `s`
 * @returns how many
 */
export async function dropSlices(tx: Tx, streamId: string, which: RawBuilder<unknown>, zombieAfterMs: number): Promise<number> {
  const { rows } = await sql<{ id: string }>`
    update slice s set state = 'dropped'
    where s.stream_id = ${streamId} and s.state in ('open', 'extracted', 'classified') and ${which} returning s.id::text
  `.execute(tx);
  const ids = rows.map(({ id }) => id);
  // From here on nobody begins to send them.
  await sql`select 1 from batch where slice_id = any(${ids}::bigint[]) order by id for update`.execute(tx);
  await addDoubts(tx, sql`
    select b.stream_id, i.id, b.id, b.owner, i.version, i.modified, i.hash, i.read_no
    from batch b join item i on i.batch_id = b.id where b.slice_id = any(${ids}::bigint[]) and b.state = 'sending'`, zombieAfterMs);
  await sql`
    update record r set batch_id = null, claim_until = null from batch b
    where b.slice_id = any(${ids}::bigint[]) and r.stream_id = b.stream_id and r.batch_id = b.id
  `.execute(tx);
  for (const id of ids) await clearSlice(tx, id);
  return ids.length;
}

/**
 * Ends the sweep under way as if it had never begun; its slices are dropped before.
 * @param archive the walk over the archive instead
 * @returns whether there was one
 */
export async function deleteOpenSweep(tx: Tx, streamId: string, archive: boolean): Promise<boolean> {
  const open = sql`stream_id = ${streamId} and archive = ${archive} and completed_at is null`;
  await sql`update slice set sweep_id = null where sweep_id in (select id from sweep where ${open})`.execute(tx);
  const { rows } = await sql`delete from sweep where ${open} returning id`.execute(tx);
  return rows.length > 0;
}
