import { sql } from "kysely";
import { StoreError } from "../errors.ts";
import type { Db, Store, Tx } from "./db.ts";
import { forgetOlder, keepRows } from "./kept.ts";
import { requireLease } from "./leases.ts";
import { finishRanges } from "./ranges.ts";
import type { Slice } from "./slices.ts";
import { timestamp } from "./streams.ts";

/** The counts of a slice; they balance: read = duplicate + unchanged + superseded + quarantined + filtered + loaded. */
export interface SliceCounts {
  read: number;
  duplicate: number;
  unchanged: number;
  superseded: number;
  quarantined: number;
  /** Left out by the mapping, on purpose. */
  filtered: number;
  loaded: number;
  /** What the loaded records became in the target: as many, or more. */
  documents: number;
  requests: number;
  pages: number;
}

/** What became of rows. */
export type RowCounts = Omit<SliceCounts, "documents" | "requests" | "pages">;

/** `dropped`: the checkpoint had moved, or the pages do not join up: the slice counts for nothing and its range is read again. */
export type CommitAnswer = { state: "committed" | "dropped" | "waiting"; counts: SliceCounts };

interface LedgerRow extends SliceCounts {
  state: string;
}

/**
 * Commits a slice: ledger row, checkpoint, sweep and range in one transaction, refused unless every row has an outcome and
 * the counts balance. Its pages, items and batches are no longer needed then. Repeating it changes nothing.
 * @param lookbackMs how long before Postgres's now the lookback begins
 * @param keep whether the newest raw row of each record stays
 * @throws StoreError `TM_LEASE_LOST`
 */
export async function commitSlice(store: Store, slice: Slice, lookbackMs: number, keep = false): Promise<CommitAnswer> {
  return store.transaction(async (tx) => {
    await requireLease(tx, slice.streamId, slice.lane, slice.token);
    const row = await lockSlice(tx, slice);
    if (row.state !== "classified") return { state: row.state === "committed" ? "committed" : "dropped", counts: row };
    const { rows: open } = await sql<{ waiting: number }>`
      select count(*)::int as waiting from item where slice_id = ${slice.id} and outcome in ('pending', 'batched')
    `.execute(tx);
    if (open[0]!.waiting > 0) return { state: "waiting", counts: row };
    if (!(await joinsUp(tx, slice)) || (slice.purpose === "forward" && !(await moveCheckpoint(tx, slice))) || (slice.sweepId !== null && !(await moveSweep(tx, slice)))) {
      await sql`update slice set state = 'dropped' where id = ${slice.id}`.execute(tx);
      await clearSlice(tx, slice.id);
      return { state: "dropped", counts: row };
    }
    await sql`
      insert into shop_seen (stream_id, shop_id)
      select distinct ${slice.streamId}::bigint, shop from page, unnest(shops) as shop where slice_id = ${slice.id} order by 2
      on conflict do nothing
    `.execute(tx);
    const counts = await writeLedger(tx, slice);
    await moveProven(tx, slice, lookbackMs);
    await finishRanges(tx, slice.streamId);
    if (slice.purpose !== "remap") await (keep ? keepRows : forgetOlder)(tx, slice);
    await clearSlice(tx, slice.id);
    // What people ask for beside the runs says nothing about how fresh the copy is.
    if (slice.purpose === "forward") await sql`update stream set newest_commit_at = clock_timestamp() where id = ${slice.streamId}`.execute(tx);
    return { state: "committed", counts };
  });
}

async function lockSlice(tx: Tx, slice: Slice): Promise<LedgerRow> {
  const { rows } = await sql<LedgerRow>`
    select state, ${COUNTS} from slice where id = ${slice.id} and token = ${slice.token} for update
  `.execute(tx);
  if (rows[0] === undefined) throw new StoreError("TM_LEASE_LOST", "another run has taken over this slice");
  return rows[0];
}

const COUNTS = sql`read::int, duplicate::int, unchanged::int, superseded::int, quarantined::int, filtered::int, loaded::int, coalesce(documents, 0)::int as documents, requests, pages`;

/** A version slice counts only if each page starts where the one before ended: two owners may have read different answers. */
async function joinsUp(tx: Tx, slice: Slice): Promise<boolean> {
  if (slice.kind !== "version") return true;
  const { rows } = await sql<{ broken: number }>`
    select count(*)::int as broken from (
      select from_version, lag(last_version, 1, ${slice.fromVersion}::numeric) over (order by pass, seq) as before
      from page where slice_id = ${slice.id}) p
    where from_version <> before
  `.execute(tx);
  return rows[0]!.broken === 0;
}

/** Compare-and-set: the checkpoint moves only from where this slice began. Nobody else moves it: the lane is held. */
async function moveCheckpoint(tx: Tx, slice: Slice): Promise<boolean> {
  const { rows } = await sql`
    update stream t set
      checkpoint_version = case when s.kind = 'version' then s.end_version else t.checkpoint_version end,
      checkpoint_modified = coalesce((select p.modified[array_upper(p.modified, 1)] from page p
        where p.slice_id = s.id order by p.pass desc, p.seq desc limit 1), t.checkpoint_modified),
      checkpoint_at = case s.kind when 'window' then s.to_at when 'snapshot' then greatest(t.checkpoint_at, s.created_at)
        when 'rows' then greatest(t.checkpoint_at, to_timestamp(s.end_version::float8 / 1000)) else t.checkpoint_at end
    from slice s
    where s.id = ${slice.id} and t.id = s.stream_id
      and (case s.kind when 'version' then t.checkpoint_version = s.from_version when 'window' then t.checkpoint_at = s.from_at else true end)
    returning t.id
  `.execute(tx);
  return rows.length === 1;
}

async function writeLedger(tx: Tx, slice: Slice): Promise<SliceCounts> {
  const { rows } = await sql<SliceCounts>`
    with outcomes as (
      select count(*) filter (where outcome = 'loaded') as loaded, coalesce(sum(coalesce(cardinality(documents), 1)) filter (where outcome = 'loaded'), 0) as documents, count(*) filter (where outcome = 'quarantined') as quarantined,
        count(*) filter (where outcome = 'filtered') as filtered,
        count(*) filter (where outcome = 'unchanged') as unchanged, count(*) filter (where outcome = 'superseded') as superseded
      from item where slice_id = ${slice.id})
    update slice s set state = 'committed', committed_at = clock_timestamp(), loaded = o.loaded, documents = o.documents, quarantined = o.quarantined, filtered = o.filtered,
      unchanged = s.unchanged + o.unchanged, superseded = s.superseded + o.superseded
    from outcomes o where s.id = ${slice.id}
    returning s.read::int, s.duplicate::int, s.unchanged::int, s.superseded::int, s.quarantined::int, s.filtered::int, s.loaded::int, s.documents::int, s.requests, s.pages
  `.execute(tx);
  return rows[0]!;
}

/** Likewise for a sweep: a slice behind one that was dropped does not count. */
async function moveSweep(tx: Tx, slice: Slice): Promise<boolean> {
  const { rows } = await sql`
    update sweep w set next_version = s.end_version,
      completed_at = case when s.end_version >= w.to_version or s.reached_end then clock_timestamp() end
    from slice s where s.id = ${slice.id} and w.id = s.sweep_id and w.next_version = s.from_version returning w.id
  `.execute(tx);
  return rows.length === 1;
}

/**
 * Window cursor: a window that had aged past the lookback when it was made is never entered again. `proven_at` is the end of
 * the unbroken stretch of such windows.
 */
async function moveProven(tx: Tx, slice: Slice, lookbackMs: number): Promise<void> {
  if (slice.kind !== "window" || slice.archive) return;
  await sql`
    update stream t set proven_at = s.to_at from slice s
    where s.id = ${slice.id} and t.id = s.stream_id and t.proven_at >= s.from_at and t.proven_at < s.to_at
      and s.to_at <= s.created_at - ${lookbackMs} * interval '1 ms'
  `.execute(tx);
}

/** Removes what a finished slice no longer needs. */
export async function clearSlice(tx: Tx, sliceId: string): Promise<void> {
  await sql`delete from item where slice_id = ${sliceId}`.execute(tx);
  await sql`delete from batch where slice_id = ${sliceId}`.execute(tx);
  await sql`delete from page where slice_id = ${sliceId}`.execute(tx);
}

/** Lays out the one walk over all archived records; no archived record has a version that high. */
export async function beginArchiveWalk(tx: Tx, streamId: string): Promise<void> {
  await sql`
    insert into sweep (stream_id, archive, from_version, next_version, to_version) values (${streamId}, true, 1, 1, ${"9".repeat(20)})
  `.execute(tx);
}

/** Sets the beginnings of a stream's cursors, once. */
export async function startStream(
  db: Db | Tx, streamId: string, start: { startedAt: number; firstVersion: string | null; windowsFrom: number | null; provenAt: number | null },
): Promise<boolean> {
  const { rows } = await sql`
    update stream set started_at = ${timestamp(start.startedAt)}, first_version = ${start.firstVersion}::numeric,
      checkpoint_version = ${start.firstVersion}::numeric,
      checkpoint_at = ${start.windowsFrom === null ? null : timestamp(start.windowsFrom)},
      proven_at = ${start.provenAt === null ? null : timestamp(start.provenAt)}
    where id = ${streamId} and started_at is null returning id
  `.execute(db);
  return rows.length === 1;
}
