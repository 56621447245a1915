import { sql } from "kysely";
import type { PipelineConfig } from "../config/types.ts";
import { type SourceError, StoreError } from "../errors.ts";
import { effectiveLookback } from "../store/clock.ts";
import type { Store } from "../store/db.ts";
import { deleteOpenSweep, dropSlices } from "../store/drop.ts";
import { readForCertain } from "../store/gaps.ts";
import { requireLease } from "../store/leases.ts";
import { addRange } from "../store/ranges.ts";
import type { Slice } from "../store/slices.ts";
import { epochMs } from "../store/streams.ts";

/** No record was modified before Jushuitan existed. */
const OLDEST_MS = Date.UTC(2014, 0, 1);

/**
 * Goes on by windows where the version walk cannot be trusted (`cursor: "auto"`). The windows begin where
 * everything before was read for certain.
 * @throws StoreError `TM_NO_FALLBACK` when no date is known to begin at, `TM_LEASE_LOST`
 */
export async function fallBackToWindows(store: Store, slice: Slice, { source, target }: Pick<PipelineConfig, "source" | "target">, reason: SourceError): Promise<void> {
  await store.transaction(async (tx) => {
    await requireLease(tx, slice.streamId, slice.lane, slice.token);
    const lookbackMs = await effectiveLookback(tx, source.account, source.lookbackMs);
    const { rows } = await sql`
      update stream t set cursor = 'window',
        checkpoint_at = date_trunc('second', begins.at), proven_at = date_trunc('second', begins.at)
      from (select ${readForCertain(lookbackMs)} as at from stream s where s.id = ${slice.streamId}) begins
      where t.id = ${slice.streamId} and t.cursor = 'version' and begins.at is not null returning t.id
    `.execute(tx);
    if (rows.length === 0) {
      throw new StoreError("TM_NO_FALLBACK", `the version walk failed (${reason.code}: ${reason.message}) and windows have no date to begin at`, {
        path: "source.from", fix: 'Give source.from a date and run "tidemark deploy --reload <pipeline>".',
      });
    }
    await dropSlices(tx, slice.streamId, sql`s.kind = 'version'`, target.zombieAfterMs);
    await deleteOpenSweep(tx, slice.streamId, false);
    if (!(await deleteOpenSweep(tx, slice.streamId, true))) return;
    const { rows: begun } = await sql<{ at: number }>`select ${epochMs("started_at")} as at from stream where id = ${slice.streamId}`.execute(tx);
    await addRange(tx, { streamId: slice.streamId, purpose: "initial", fromAt: OLDEST_MS, toAt: begun[0]!.at, archive: true });
  });
}
