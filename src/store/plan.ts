import { sql } from "kysely";
import type { SourceConfig } from "../config/types.ts";
import type { ApiDescription, SafeCursor } from "../source/contract.ts";
import { earlierNow, effectiveLookback } from "./clock.ts";
import type { Store, Tx } from "./db.ts";
import { clearCallDoubts, planDoubts } from "./doubts.ts";
import { type Lane, requireLease } from "./leases.ts";
import { addRange, advanceRange, finishRanges, nextRange } from "./ranges.ts";
import { planRemap } from "./remap.ts";
import { adoptOldest, insertSlice, type Purpose, type Slice, type SliceBounds } from "./slices.ts";
import { epochMs, timestamp } from "./streams.ts";

/** What planning has to know beside the store. */
export interface PlanInput {
  streamId: string;
  lane: Lane;
  token: string;
  source: SourceConfig;
  api: Pick<ApiDescription, "windowMs" | "archive" | "call" | "totals">;
  /** This run has already reached the source's end; ask again only if that was a while ago. */
  headRead: boolean;
  /** The slice that this run is loading meanwhile. */
  busy: string | null;
}

interface PlanState {
  cursor: SafeCursor;
  checkpointVersion: string | null;
  checkpointAt: number | null;
  provenAt: number | null;
  startedAt: number;
  /** Now, by the earlier of Postgres's and the source's clock (ms). */
  now: number;
  /** The lookback with what a source's clock that is far off adds. */
  lookbackMs: number;
  headReadAt: number | null;
  /** When the run that owns the lane began. */
  runStartedAt: number;
}

/** While other work goes on, the head is read again after this long. */
const HEAD_EVERY_MS = 30_000;

/**
 * The next slice of a lane. Forward: what an earlier run left of the head, the head, other leftovers, ranges that are due, a
 * sweep. Backfill: leftovers, remaps, ranges. Audit: leftovers, ranges. null: nothing to do now. The same answer again if the first one got lost.
 * @throws StoreError `TM_LEASE_LOST`
 */
export async function planSlice(store: Store, input: PlanInput): Promise<Slice | null> {
  return store.transaction(async (tx) => {
    await requireLease(tx, input.streamId, input.lane, input.token);
    const adopt = (purposes?: Purpose[]) => adoptOldest(tx, input.streamId, input.lane, input.token, input.busy, purposes);
    const state = await planState(tx, input);
    if (input.api.call === true && input.lane === "forward") return (await adopt()) ?? planCall(tx, input);
    if (input.lane === "backfill") return (await adopt()) ?? (await planRemap(tx, input)) ?? planRange(tx, input, state, ["backfill"]);
    if (input.lane === "audit") return (await adopt()) ?? planRange(tx, input, state, ["audit"]);
    await planDoubts(tx, input.streamId, state.cursor === "snapshot" ? null : settledEnd(input, state), input.api.archive);
    return (
      (await adopt(["forward"])) ??
      (await planHead(tx, input, state)) ??
      (await adopt()) ??
      (await planRange(tx, input, state, ["resend", "initial", "reread", "sweep"])) ??
      (await planArchive(tx, input)) ??
      (await planSweep(tx, input, state))
    );
  });
}

async function planState(tx: Tx, input: PlanInput): Promise<PlanState> {
  const { rows } = await sql<Omit<PlanState, "lookbackMs">>`
    select cursor, checkpoint_version::text as "checkpointVersion", ${epochMs("checkpoint_at")} as "checkpointAt",
      ${epochMs("proven_at")} as "provenAt", ${epochMs("t.started_at")} as "startedAt", ${epochMs("head_read_at")} as "headReadAt",
      ${epochMs("l.started_at")} as "runStartedAt", ${earlierNow(input.source.account)} as now
    from stream t join lease l on l.stream_id = t.id and l.lane = ${input.lane}
    where t.id = ${input.streamId} for no key update of t
  `.execute(tx);
  return { ...rows[0]!, lookbackMs: await effectiveLookback(tx, input.source.account, input.source.lookbackMs) };
}

/** One call a run, whatever it brings. */
async function planCall(tx: Tx, input: PlanInput): Promise<Slice | null> {
  await clearCallDoubts(tx, input.streamId);
  return input.headRead ? null : make(tx, input, "forward", { kind: "rows" });
}

/** The end of what may be read by windows now: whole seconds, the settle delay behind. */
function settledEnd(input: PlanInput, state: PlanState): number {
  return floorSecond(state.now - input.source.settleMs);
}

async function planHead(tx: Tx, input: PlanInput, state: PlanState): Promise<Slice | null> {
  if (state.cursor === "snapshot") return input.headRead ? null : make(tx, input, "forward", { kind: "snapshot" });
  const recent = state.headReadAt !== null && state.now - state.headReadAt < HEAD_EVERY_MS;
  if (input.headRead && (recent || state.headReadAt === null)) return null;
  if (state.cursor === "version") {
    const { rows } = await sql<{ end: string | null }>`
      select end_version::text as end from slice
      where stream_id = ${input.streamId} and purpose = 'forward' and state in ('extracted', 'classified') order by id desc limit 1
    `.execute(tx);
    return make(tx, input, "forward", { kind: "version", fromVersion: rows[0]?.end ?? state.checkpointVersion! });
  }
  const { rows } = await sql<{ end: number | null }>`
    select max(extract(epoch from to_at) * 1000)::float8 as end from slice
    where stream_id = ${input.streamId} and purpose = 'forward' and state in ('open', 'extracted', 'classified')
  `.execute(tx);
  const fromAt = rows[0]?.end ?? state.checkpointAt!;
  const end = settledEnd(input, state);
  if (end <= fromAt) return null;
  return make(tx, input, "forward", { kind: "window", fromAt, toAt: await windowEnd(tx, input, state, fromAt, end, false) });
}

async function planRange(tx: Tx, input: PlanInput, state: PlanState, purposes: readonly Purpose[]): Promise<Slice | null> {
  await finishRanges(tx, input.streamId);
  const range = await nextRange(tx, input.streamId, purposes);
  if (range === null) return null;
  if (state.cursor === "snapshot") {
    await advanceRange(tx, range, range.toAt);
    return make(tx, input, range.purpose, { kind: "snapshot", rangeId: range.id });
  }
  const end = Math.min(range.toAt, settledEnd(input, state));
  if (end < range.nextAt || (end === range.nextAt && range.toAt > range.fromAt)) return null;
  const held = range.purpose === "audit" && !range.archive && input.api.totals ? await indexedWidth(tx, input, range.nextAt) : null;
  const toAt = await windowEnd(tx, input, state, range.nextAt, end, range.archive, held);
  const slice = await make(tx, input, range.purpose, { kind: "window", fromAt: range.nextAt, toAt, rangeId: range.id, archive: range.archive });
  await advanceRange(tx, range, toAt);
  return slice;
}

async function planSweep(tx: Tx, input: PlanInput, state: PlanState): Promise<Slice | null> {
  if (state.cursor === "snapshot") return null; // each run reads all of it
  if (state.cursor === "window") {
    const end = floorSecond(state.now - state.lookbackMs - input.source.settleMs);
    const due = await sql<{ due: boolean }>`
      select coalesce(max(created_at), ${timestamp(state.startedAt)}) + ${input.source.sweepEveryMs} * interval '1 ms' <= clock_timestamp()
        and coalesce(max(created_at) < ${timestamp(state.runStartedAt)}, true) as due
      from load_range where stream_id = ${input.streamId} and purpose = 'sweep'
    `.execute(tx);
    if (!due.rows[0]!.due || state.provenAt === null || end <= state.provenAt) return null;
    await addRange(tx, { streamId: input.streamId, purpose: "sweep", fromAt: state.provenAt, toAt: end });
    return planRange(tx, input, state, ["sweep"]);
  }
  const sweep = (await openSweep(tx, input, false)) ?? (await beginSweep(tx, input, state));
  if (sweep === null) return null;
  return make(tx, input, "sweep", { kind: "version", fromVersion: sweep.next, toVersion: sweep.to, sweepId: sweep.id });
}

/** `from: "all"`: the archived records, once, by version. */
async function planArchive(tx: Tx, input: PlanInput): Promise<Slice | null> {
  const walk = await openSweep(tx, input, true);
  return walk && make(tx, input, "initial", { kind: "version", fromVersion: walk.next, sweepId: walk.id, archive: true });
}

interface Sweep {
  id: string;
  next: string;
  to: string;
}

/** The sweep under way, from where its last read slice ended; null when all of it was read. */
async function openSweep(tx: Tx, input: PlanInput, archive: boolean): Promise<Sweep | null> {
  const { rows } = await sql<Sweep & { finished: boolean }>`
    select w.id::text, coalesce(s.end_version, w.next_version)::text as next, w.to_version::text as to,
      coalesce(s.end_version >= w.to_version or s.reached_end, false) as finished
    from sweep w left join lateral (
      select end_version, reached_end from slice where sweep_id = w.id and state in ('extracted', 'classified') order by id desc limit 1
    ) s on true
    where w.stream_id = ${input.streamId} and w.archive = ${archive} and w.completed_at is null
  `.execute(tx);
  return rows[0] === undefined || rows[0].finished ? null : rows[0];
}

/**
 * A sweep begins at the highest version of a pair saved at or before (start of the previous completed sweep − lookback);
 * without such a pair at the pipeline's first version; never within a gap that a person accepted. It ends where the checkpoint
 * stands, once everything read of the head is committed. One sweep a run, so that a sweep that takes long does not keep the run from ending.
 */
async function beginSweep(tx: Tx, input: PlanInput, state: PlanState): Promise<Sweep | null> {
  const { rows } = await sql<Sweep & { empty: boolean }>`
    with last as (
      select max(started_at) filter (where completed_at is not null) as completed,
        bool_or(completed_at is null) as running, max(started_at) as any_start from sweep
      where stream_id = ${input.streamId} and not archive
    ), floor as (
      select greatest(coalesce(max(p.version), t.first_version), (select max(to_version) from gap where stream_id = ${input.streamId})) as version
      from stream t cross join last left join pair p on p.stream_id = t.id
        and p.at <= last.completed - ${state.lookbackMs} * interval '1 ms'
      where t.id = ${input.streamId} group by t.first_version
    )
    insert into sweep (stream_id, from_version, next_version, to_version)
    select t.id, floor.version, floor.version, t.checkpoint_version from stream t, floor, last
    where t.id = ${input.streamId} and last.running is not true
      and not exists (select 1 from slice s where s.stream_id = t.id and s.purpose = 'forward' and s.state in ('open', 'extracted', 'classified'))
      and coalesce(last.any_start < ${timestamp(state.runStartedAt)}, true)
      and coalesce(last.any_start, t.started_at) + ${input.source.sweepEveryMs} * interval '1 ms' <= clock_timestamp()
    returning id::text, next_version::text as next, to_version::text as to, next_version >= to_version as empty
  `.execute(tx);
  const sweep = rows[0];
  if (sweep === undefined) return null;
  await sql`
    delete from pair where stream_id = ${input.streamId} and version < ${sweep.next}::numeric and at < clock_timestamp() - interval '1 hour'
  `.execute(tx);
  if (!sweep.empty) return sweep;
  await sql`update sweep set completed_at = clock_timestamp() where id = ${sweep.id}`.execute(tx);
  return null;
}

/** How wide (ms) a window of an audit is, by what the index holds from there on: so an audit costs what it told before. */
async function indexedWidth(tx: Tx, input: PlanInput, fromAt: number): Promise<number> {
  const { rows } = await sql<{ modified: number }>`
    select modified::float8 as modified from record where stream_id = ${input.streamId} and modified >= ${fromAt}
    order by modified offset ${input.source.sliceRecords} limit 1
  `.execute(tx);
  // Both its seconds belong to a window.
  return rows[0] === undefined ? Infinity : rows[0].modified - 1_000 - fromAt;
}

/**
 * Where a window that begins at `fromAt` ends: `fitting` ms later, or about as many records as a slice should hold, by the density
 * of the last windows; at most the API's widest; never across the beginning of the lookback.
 */
async function windowEnd(tx: Tx, input: PlanInput, state: PlanState, fromAt: number, end: number, archive: boolean, fitting: number | null = null): Promise<number> {
  const width = Math.max(1_000, floorSecond(Math.min(fitting ?? (await fittingWidth(tx, input, archive)), input.api.windowMs)));
  const border = floorSecond(state.now - state.lookbackMs);
  const toAt = Math.min(fromAt + width, end);
  return fromAt < border && toAt > border ? border : toAt;
}

async function fittingWidth(tx: Tx, input: PlanInput, archive: boolean): Promise<number> {
  const { rows } = await sql<{ perMs: number | null }>`
    select (sum(read) / nullif(sum(greatest(extract(epoch from to_at - from_at), 1)) * 1000, 0))::float8 as "perMs" from (
      select read, from_at, to_at from slice
      where stream_id = ${input.streamId} and kind = 'window' and (state = 'committed' or (state = 'dropped' and purpose = 'audit' and pages > 0)) and archive = ${archive}
      order by id desc limit 5) recent
  `.execute(tx);
  const density = rows[0]?.perMs ?? null;
  if (density === null) return archive ? input.api.windowMs : 86_400_000;
  // Without totals a window is split until it fits a page.
  const records = input.api.totals ? input.source.sliceRecords : input.source.pageSize / 2;
  return records / Math.max(density, 1e-12);
}

function make(tx: Tx, input: PlanInput, purpose: Purpose, bounds: SliceBounds): Promise<Slice> {
  return insertSlice(tx, { streamId: input.streamId, lane: input.lane, purpose, token: input.token, source: input.source, bounds });
}

export function floorSecond(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}
