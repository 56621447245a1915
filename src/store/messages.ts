import { sql } from "kysely";
import { TidemarkError } from "../errors.ts";
import type { Db, Store, Tx } from "./db.ts";
import { requireLease } from "./leases.ts";

/** A message's place among those that an activity was given together. */
export interface MessageRef {
  /** A UUID, the same each time the activity is tried. */
  batch: string;
  number: number;
}

/**
 * Does once what a message asks for, in one transaction with the note that it was done: an attempt whose answer was lost is
 * repeated, and "add a, cancel a" done twice would be refused the second time.
 * @returns why the message was refused, by this attempt or by one before it, or null
 * @throws StoreError `TM_LEASE_LOST`
 */
export async function changeOnce(store: Store, lane: { streamId: string; token: string }, message: MessageRef, change: (tx: Tx) => Promise<void>): Promise<string | null> {
  const { streamId } = lane;
  try {
    const isNew = await store.transaction(async (tx) => {
      await requireLease(tx, streamId, "backfill", lane.token);
      const noted = await note(tx, streamId, message, null);
      if (noted) await change(tx);
      return noted;
    });
    if (isNew) return null;
  } catch (error) {
    if (!(error instanceof TidemarkError && (error.code === "TM_RANGE_INVALID" || error.code === "TM_RANGE_UNKNOWN"))) throw error;
    await note(store.db, streamId, message, error.message);
  }
  const { rows } = await sql<{ refused: string | null }>`
    select refused from backfill_message where stream_id = ${streamId} and batch = ${message.batch} and number = ${message.number}
  `.execute(store.db);
  return rows[0]?.refused ?? null;
}

async function note(db: Db | Tx, streamId: string, { batch, number }: MessageRef, refused: string | null): Promise<boolean> {
  const { rows } = await sql`
    insert into backfill_message (stream_id, batch, number, refused) values (${streamId}, ${batch}, ${number}, ${refused})
    on conflict do nothing returning number
  `.execute(db);
  return rows.length === 1;
}
