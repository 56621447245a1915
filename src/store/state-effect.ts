import { sql } from "kysely";
import { StoreError } from "../errors.ts";
import type { Db, Tx } from "./db.ts";
import { readForCertain } from "./gaps.ts";
import type { StateChange } from "./state-change.ts";
import type { StateDocument } from "./state-document.ts";

/** What a change of a pipeline's state means, told before it is made; times in ms UTC. */
export interface StateEffect {
  checkpoint: CheckpointMove | null;
  /** Pairs that are taken out. */
  pairs: number;
  sweepAnew: boolean;
  cancelled: { purpose: string; from: number; to: number }[];
  /** Modified time that would not be read; conservatively wide. */
  gaps: { from: number; to: number; toVersion: string | null }[];
}

export interface CheckpointMove {
  direction: "back" | "forward";
  /** Versions, or ISO 8601 times. */
  from: string;
  to: string;
  /** Records that the index holds in between, and their modified times. */
  records: number;
  modifiedFrom: number | null;
  modifiedTo: number | null;
  /** About what reading that again costs. */
  requests: number;
}

/** Settings that an effect depends on. */
export interface StateLimits {
  lookbackMs: number;
  /** Now less the settle delay, whole seconds (ms). */
  settled: number;
  /** The pipeline's first time (ms). */
  from: "all" | number;
  pageSize: number;
}

/** @throws StoreError `TM_STATE_BOUNDS` */
export async function effectOf(db: Db | Tx, streamId: string, now: StateDocument, change: StateChange, limits: StateLimits): Promise<StateEffect> {
  const cancelled = now.ranges.filter(({ no }) => change.cancel.includes(no)).map(({ purpose, next, to }) => ({ purpose, from: Date.parse(next), to: Date.parse(to) }));
  const checkpoint = change.checkpoint === null ? null : await moveOf(db, streamId, now, change.checkpoint, limits);
  return {
    checkpoint: checkpoint?.move ?? null, pairs: change.dropPairs.length, sweepAnew: change.dropSweep, cancelled,
    gaps: [
      ...(checkpoint?.gap == null ? [] : [checkpoint.gap]),
      // Both ends are included, and a row may come within the second.
      ...cancelled.map(({ from, to }) => ({ from, to: Math.max(to, from + 1_000), toVersion: null })),
    ],
  };
}

interface Moved {
  move: CheckpointMove;
  gap: StateEffect["gaps"][number] | null;
}

async function moveOf(db: Db | Tx, streamId: string, now: StateDocument, to: string | number, limits: StateLimits): Promise<Moved | null> {
  if (typeof to === "string") return versionMove(db, streamId, now, to, limits);
  const from = Date.parse(now.checkpoint.at!);
  if (to === from) return null;
  if (to > limits.settled) throw bounds(`${isoSecond(to)} is not settled yet: what is modified until then would be skipped`, `Give a time up to ${isoSecond(limits.settled)}.`);
  if (limits.from !== "all" && to < limits.from) throw bounds(`${isoSecond(to)} lies before source.from`, "Set source.from earlier, or read that time by tidemark backfill.");
  const [low, high] = [Math.min(from, to), Math.max(from, to)];
  const held = await heldBetween(db, streamId, sql`modified >= ${low}::float8 and modified < ${high}::float8`);
  const proven = Date.parse(now.provenAt!);
  return {
    move: { direction: to < from ? "back" : "forward", from: isoSecond(from), to: isoSecond(to), ...held, modifiedFrom: low, modifiedTo: high, requests: Math.ceil(held.records / limits.pageSize) + 1 },
    // What came late into the windows before would only be met by sweeps, which begin behind the gap.
    gap: to < from ? null : { from: Math.min(proven, from), to, toVersion: null },
  };
}

async function versionMove(db: Db | Tx, streamId: string, now: StateDocument, to: string, limits: StateLimits): Promise<Moved | null> {
  const from = now.checkpoint.version!;
  if (BigInt(to) === BigInt(from)) return null;
  const { rows } = await sql<{ highest: string; unreadFrom: number | null; unreadTo: number }>`
    select greatest(s.checkpoint_version, (select max(version) from pair where stream_id = s.id), (select max(version) from record where stream_id = s.id))::text as highest,
      (floor(extract(epoch from ${readForCertain(limits.lookbackMs)})) * 1000)::float8 as "unreadFrom",
      (ceil(extract(epoch from coalesce((select min(at) from pair where stream_id = s.id and version >= ${to}::numeric), clock_timestamp())
        + ${limits.lookbackMs} * interval '1 ms')) * 1000)::float8 as "unreadTo"
    from stream s where s.id = ${streamId}
  `.execute(db);
  const { highest, unreadFrom, unreadTo } = rows[0]!;
  if (BigInt(to) > BigInt(highest)) throw bounds(`no version as high as ${to} was ever seen: what gets a lower one from now on would be skipped`, `Give a version up to ${highest}.`);
  if (BigInt(to) < BigInt(now.firstVersion!)) throw bounds(`the version walk of this pipeline began at ${now.firstVersion}; before it, records are read by time`, "Use tidemark backfill with --from and --to.");
  const back = BigInt(to) < BigInt(from);
  if (!back && unreadFrom === null) throw bounds("nothing was read yet, so it is not known when what is skipped was modified", 'Give source.from a date and run "tidemark deploy --reload PIPELINE".');
  const [low, high] = back ? [to, from] : [from, to];
  const held = await heldBetween(db, streamId, sql`version > ${low}::numeric and version <= ${high}::numeric`);
  return {
    // Each page of a walk repeats the row at its border.
    move: { direction: back ? "back" : "forward", from, to, ...held, requests: Math.ceil(held.records / (limits.pageSize - 1)) + 1 },
    gap: back ? null : { from: Math.min(unreadFrom!, unreadTo - 1_000), to: unreadTo, toVersion: to },
  };
}

async function heldBetween(db: Db | Tx, streamId: string, where: ReturnType<typeof sql>): Promise<Pick<CheckpointMove, "records" | "modifiedFrom" | "modifiedTo">> {
  const { rows } = await sql<Pick<CheckpointMove, "records" | "modifiedFrom" | "modifiedTo">>`
    select count(*)::int as records, min(modified)::float8 as "modifiedFrom", max(modified)::float8 as "modifiedTo"
    from record where stream_id = ${streamId} and held is not null and ${where}
  `.execute(db);
  return rows[0]!;
}

/**
 * The version that a walk begins at to meet everything modified at or after a moment: the highest of a pair saved a lookback
 * before it; without one, below all that the index holds from then on; never below the stream's first.
 * @param at ms UTC
 * @throws StoreError `TM_STATE_BOUNDS`
 */
export async function versionBefore(db: Db | Tx, streamId: string, now: StateDocument, at: number, lookbackMs: number): Promise<string> {
  if (now.firstVersion !== "1" && at < Date.parse(now.startedAt)) {
    throw bounds(`the version walk of this pipeline began at ${now.startedAt}; before it, records are read by time`, "Use tidemark backfill with --from and --to.");
  }
  const { rows } = await sql<{ version: string }>`
    select greatest(first_version, coalesce(
      (select max(version) from pair where stream_id = s.id and at <= to_timestamp(${at - lookbackMs}::float8 / 1000)),
      (select min(version) - 1 from record where stream_id = s.id and modified >= ${at - lookbackMs}::float8), first_version))::text as version
    from stream s where s.id = ${streamId}
  `.execute(db);
  return rows[0]!.version;
}

function isoSecond(ms: number): string {
  return new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z");
}

function bounds(message: string, fix: string): StoreError {
  return new StoreError("TM_STATE_BOUNDS", message, { path: "checkpoint", fix });
}
