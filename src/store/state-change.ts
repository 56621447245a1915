import { sql } from "kysely";
import { StoreError } from "../errors.ts";
import type { Tx } from "./db.ts";
import { deleteOpenSweep, dropSlices } from "./drop.ts";
import type { StateEffect } from "./state-effect.ts";
import { canonical, type StateDocument } from "./state-document.ts";
import { stateRanges } from "./state-read.ts";
import { timestamp } from "./streams.ts";

/** What of a pipeline's state is to be another. Nothing else of it can be set. */
export interface StateChange {
  /** The checkpoint by the stream's cursor: a version, or a modified time (ms UTC, whole seconds). */
  checkpoint: string | number | null;
  /** Moments of pairs that are taken out: sweeps begin earlier then. */
  dropPairs: readonly string[];
  /** The sweep under way is begun anew. */
  dropSweep: boolean;
  /** Ranges, by their number, of which the rest is not read. */
  cancel: readonly number[];
}

const OPEN_TO_CHANGE = new Set(["revision", "checkpoint", "pairs", "sweeps", "ranges"]);
const CANCELLABLE = new Set(["initial", "reread", "backfill"]);

/**
 * What a document wants changed. What would have less read without being a gap is refused.
 * @throws StoreError `TM_STATE_READONLY`
 */
export function changesIn(now: StateDocument, wanted: StateDocument): StateChange {
  for (const [key, value] of Object.entries(now)) {
    if (!OPEN_TO_CHANGE.has(key) && differs(value, wanted[key as keyof StateDocument])) throw readonly(key, "is not set by hand");
  }
  const pairs = new Set(wanted.pairs.map((pair) => canonical(pair)));
  const dropPairs = now.pairs.filter((pair) => !pairs.has(canonical(pair))).map(({ at }) => at);
  if (now.pairs.length - dropPairs.length !== wanted.pairs.length) throw readonly("pairs", "tell what was seen: they can be taken out, not added or changed");
  const kept = now.sweeps.filter((sweep) => sweep.completedAt !== null || sweep.archive);
  const dropSweep = kept.length < now.sweeps.length && !differs(kept, wanted.sweeps);
  if (!dropSweep && differs(now.sweeps, wanted.sweeps)) throw readonly("sweeps", "can only lose the one that has not completed");
  if (now.ranges.length !== wanted.ranges.length) throw readonly("ranges", "are added by backfill, and end by state \"cancelled\"");
  const cancel = now.ranges.filter((range, i) => differs(range, wanted.ranges[i])).map((range) => {
    const cancelled = { ...range, state: "cancelled" };
    if (range.state === "open" && CANCELLABLE.has(range.purpose) && !differs(cancelled, wanted.ranges[range.no - 1])) return range.no;
    throw readonly(`ranges.${range.no - 1}`, "can only go from open to cancelled, where it is an initial, reread or backfill range");
  });
  return { checkpoint: checkpointWanted(now, wanted), dropPairs, dropSweep, cancel };
}

function checkpointWanted({ cursor, checkpoint: now }: StateDocument, { checkpoint: wanted }: StateDocument): string | number | null {
  if (!differs(now, wanted)) return null;
  if (cursor === "snapshot") throw readonly("checkpoint", "is when all of it was read last");
  const other = cursor === "version" ? "at" : "version";
  const value = cursor === "version" ? wanted.version : wanted.at;
  if (now[other] !== wanted[other] || value === null) throw readonly("checkpoint", `is ${cursor === "version" ? "a version" : "a time"} where the cursor is ${cursor}`);
  return cursor === "version" ? BigInt(value).toString() : Math.floor(Date.parse(value) / 1000) * 1000;
}

/**
 * Makes a change, in the transaction that holds the lanes and the stream's row. Slices planned from the old checkpoint are
 * dropped; claims of theirs that may be on their way are doubtful. What is skipped becomes a gap.
 * @param because why gaps are accepted; used where the effect has some
 */
export async function applyChange(tx: Tx, streamId: string, change: StateChange, effect: StateEffect, { because, zombieAfterMs }: { because: string; zombieAfterMs: number }): Promise<void> {
  const forward = effect.checkpoint?.direction === "forward";
  if (change.checkpoint !== null) {
    await dropSlices(tx, streamId, sql`s.purpose = 'forward'`, zombieAfterMs);
    await moveCheckpoint(tx, streamId, change.checkpoint, !forward);
  }
  if (change.dropSweep || forward) {
    await dropSlices(tx, streamId, sql`s.sweep_id in (select id from sweep where stream_id = ${streamId} and not archive and completed_at is null)`, zombieAfterMs);
    await deleteOpenSweep(tx, streamId, false);
  }
  const { rows } = await sql<{ id: string }>`
    update load_range set state = 'cancelled', done_at = clock_timestamp()
    where id in (select k.id from (${stateRanges(streamId)}) k where k.no = any(${change.cancel}::int[])) returning id::text
  `.execute(tx);
  await dropSlices(tx, streamId, sql`s.range_id = any(${rows.map(({ id }) => id)}::bigint[])`, zombieAfterMs);
  await sql`delete from pair where stream_id = ${streamId} and at = any(${change.dropPairs}::timestamptz[])`.execute(tx);
  for (const gap of effect.gaps) {
    await sql`
      insert into gap (stream_id, from_at, to_at, to_version, because)
      values (${streamId}, ${timestamp(gap.from)}, ${timestamp(gap.to)}, ${gap.toVersion}::numeric, ${because})
    `.execute(tx);
  }
}

/** The one way by which a checkpoint goes back. What lies behind it counts as unread then. */
async function moveCheckpoint(tx: Tx, streamId: string, to: string | number, back: boolean): Promise<void> {
  await sql`select set_config('tidemark.move_checkpoint', ${streamId}, true)`.execute(tx);
  const head = sql`head_read_at = case when not ${back} then head_read_at end`;
  if (typeof to === "number") {
    await sql`
      update stream set checkpoint_at = ${timestamp(to)}, proven_at = case when ${back} then least(proven_at, ${timestamp(to)}) else ${timestamp(to)} end, ${head}
      where id = ${streamId}
    `.execute(tx);
    return;
  }
  await sql`
    update stream set checkpoint_version = ${to}::numeric, ${head}, checkpoint_modified = coalesce(
      (select modified from record where stream_id = ${streamId} and version <= ${to}::numeric and modified is not null order by version desc limit 1),
      (select min(modified) from record where stream_id = ${streamId}), checkpoint_modified)
    where id = ${streamId}
  `.execute(tx);
}

function differs(a: unknown, b: unknown): boolean {
  return canonical(a) !== canonical(b);
}

function readonly(path: string, what: string): StoreError {
  return new StoreError("TM_STATE_READONLY", `${path} ${what}`, {
    path, fix: "Change only the checkpoint, take out pairs or the open sweep, or cancel open ranges; see docs/cli.md.",
  });
}
