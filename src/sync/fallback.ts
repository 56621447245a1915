import { sql } from "kysely";
import type { PipelineConfig } from "../config/types.ts";
import { type SourceError, StoreError } from "../errors.ts";
import { effectiveLookback } from "../store/clock.ts";
import { clearSlice } from "../store/commit.ts";
import type { Store, Tx } from "../store/db.ts";
import { addDoubts } from "../store/doubts.ts";
import { requireLease } from "../store/leases.ts";
import { addRange } from "../store/ranges.ts";
import type { Slice } from "../store/slices.ts";
import { epochMs } from "../store/streams.ts";

/** No record was modified before Jushuitan existed. */
const OLDEST_MS = Date.UTC(2014, 0, 1);

/**
 * Goes on by windows where the version walk cannot be trusted (`cursor: "auto"`). The windows begin at the last moment up to
 * which everything was read for certain: the start of the last completed sweep (else of the initial load), or the modified
 * time of the row at the checkpoint where that is earlier, less twice the lookback.
 * @throws StoreError `TM_NO_FALLBACK` when no date is known to begin at, `TM_LEASE_LOST`
 */
export async function fallBackToWindows(store: Store, slice: Slice, { source, target }: Pick<PipelineConfig, "source" | "target">, reason: SourceError): Promise<void> {
  await store.transaction(async (tx) => {
    await requireLease(tx, slice.streamId, slice.lane, slice.token);
    const lookbackMs = await effectiveLookback(tx, source.account, source.lookbackMs);
    const { rows } = await sql`
      update stream t set cursor = 'window',
        checkpoint_at = date_trunc('second', begins.at), proven_at = date_trunc('second', begins.at)
      from (select least(
          coalesce(
            (select max(w.started_at) from sweep w where w.stream_id = s.id and not w.archive and w.completed_at is not null),
            case when s.checkpoint_modified is not null or exists (select 1 from load_range r where r.stream_id = s.id and r.purpose = 'reread') then s.started_at end),
          to_timestamp(s.checkpoint_modified / 1000.0)
        ) - 2 * ${lookbackMs} * interval '1 ms' as at from stream s where s.id = ${slice.streamId}) begins
      where t.id = ${slice.streamId} and t.cursor = 'version' and begins.at is not null returning t.id
    `.execute(tx);
    if (rows.length === 0) {
      throw new StoreError("TM_NO_FALLBACK", `the version walk failed (${reason.code}: ${reason.message}) and windows have no date to begin at`, {
        path: "source.from", fix: 'Give source.from a date and run "tidemark deploy --reload <pipeline>".',
      });
    }
    await dropVersionSlices(tx, slice.streamId, target.zombieAfterMs);
    await sql`
      with unfinished as (select id from sweep where stream_id = ${slice.streamId} and completed_at is null)
      update slice set sweep_id = null where sweep_id in (select id from unfinished)
    `.execute(tx);
    const { rows: left } = await sql<{ archive: boolean; startedAt: number }>`
      delete from sweep w using stream t where w.stream_id = ${slice.streamId} and t.id = w.stream_id and w.completed_at is null
      returning w.archive, ${epochMs("t.started_at")} as "startedAt"
    `.execute(tx);
    for (const { startedAt } of left.filter((sweep) => sweep.archive)) {
      await addRange(tx, { streamId: slice.streamId, purpose: "initial", fromAt: OLDEST_MS, toAt: startedAt, archive: true });
    }
  });
}

/** The slices of the version walk count for nothing any more; what their batches may still be sending is doubtful. */
async function dropVersionSlices(tx: Tx, streamId: string, zombieAfterMs: number): Promise<void> {
  await addDoubts(tx, sql`
    select b.stream_id, i.id, b.id, b.owner, i.version, i.modified, i.hash, i.read_no
    from batch b join slice s on s.id = b.slice_id and s.kind = 'version' join item i on i.batch_id = b.id
    where b.stream_id = ${streamId} and b.state = 'sending'`, zombieAfterMs);
  await sql`
    update record r set batch_id = null, claim_until = null from batch b join slice s on s.id = b.slice_id and s.kind = 'version'
    where b.stream_id = ${streamId} and r.stream_id = b.stream_id and r.batch_id = b.id
  `.execute(tx);
  const { rows } = await sql<{ id: string }>`
    update slice set state = 'dropped'
    where stream_id = ${streamId} and kind = 'version' and state in ('open', 'extracted', 'classified') returning id::text
  `.execute(tx);
  for (const { id } of rows) await clearSlice(tx, id);
}
