import { sql } from "kysely";
import type { JsonValue, SourceConfig } from "../config/types.ts";
import type { Db, Tx } from "./db.ts";
import type { Lane } from "./leases.ts";
import { epochMs, timestamp } from "./streams.ts";

export type Purpose = "forward" | "initial" | "reread" | "resend" | "sweep" | "backfill" | "replay" | "audit" | "remap";
export type SliceState = "open" | "extracted" | "classified" | "committed" | "split" | "dropped";

/** A bounded piece of a pipeline's range; what it asks for is fixed when it is made. */
export interface Slice {
  id: string;
  streamId: string;
  lane: Lane;
  purpose: Purpose;
  /** `rows`: staged when the slice is made, nothing is asked; or one call of the forward lane. `snapshot`: all that the API has. */
  kind: "version" | "window" | "rows" | "snapshot";
  token: string;
  state: SliceState;
  rangeId: string | null;
  sweepId: string | null;
  fromVersion: string | null;
  /** A sweep goes no further. */
  toVersion: string | null;
  /** Where the walk ended; null while it is read. */
  endVersion: string | null;
  /** Both ends included, ms UTC. */
  fromAt: number | null;
  toAt: number | null;
  pageSize: number;
  params: Record<string, JsonValue>;
  archive: boolean;
  maxRecords: number;
  requests: number;
}

const COLUMNS = sql`id::text, stream_id::text as "streamId", lane, purpose, kind, token::text, state,
  range_id::text as "rangeId", sweep_id::text as "sweepId",
  from_version::text as "fromVersion", to_version::text as "toVersion", end_version::text as "endVersion",
  ${epochMs("from_at")} as "fromAt", ${epochMs("to_at")} as "toAt",
  page_size as "pageSize", params, archive, max_records as "maxRecords", requests`;

/** Where a new slice reads. */
export type SliceBounds =
  | { kind: "version"; fromVersion: string; toVersion?: string; sweepId?: string; archive?: boolean }
  | { kind: "window"; fromAt: number; toAt: number; rangeId?: string; archive?: boolean; parentId?: string }
  | { kind: "snapshot"; rangeId?: string }
  | { kind: "rows" };

export interface NewSlice {
  streamId: string;
  lane: Lane;
  purpose: Purpose;
  token: string;
  source: Pick<SourceConfig, "pageSize" | "params" | "sliceRecords">;
  bounds: SliceBounds;
}

/** Adds a slice to the ledger. */
export async function insertSlice(tx: Tx, slice: NewSlice): Promise<Slice> {
  const { bounds, source } = slice;
  const version = bounds.kind === "version" ? bounds : null;
  const window = bounds.kind === "window" ? bounds : null;
  const rangeId = bounds.kind === "window" || bounds.kind === "snapshot" ? bounds.rangeId : undefined;
  const { rows } = await sql<Slice>`
    insert into slice (stream_id, lane, purpose, kind, token, range_id, sweep_id, parent_id, from_version, to_version,
      from_at, to_at, page_size, params, archive, max_records)
    values (${slice.streamId}, ${slice.lane}, ${slice.purpose}, ${bounds.kind}, ${slice.token},
      ${rangeId ?? null}, ${version?.sweepId ?? null}, ${window?.parentId ?? null},
      ${version?.fromVersion ?? null}, ${version?.toVersion ?? null},
      ${window ? timestamp(window.fromAt) : null}, ${window ? timestamp(window.toAt) : null},
      ${source.pageSize}, ${JSON.stringify(source.params)}, ${(window ?? version)?.archive ?? false}, ${source.sliceRecords})
    returning ${COLUMNS}
  `.execute(tx);
  return rows[0]!;
}

export async function getSlice(db: Db, id: string): Promise<Slice | null> {
  const { rows } = await sql<Slice>`select ${COLUMNS} from slice where id = ${id}`.execute(db);
  return rows[0] ?? null;
}

/**
 * The oldest slice of the lane that is not finished, whoever began it. Its pages, batches and claims come with it, under the
 * new token, so that a run that was terminated blocks nothing. A window that this run could not prove is left to the next.
 * @param busy the slice that this run is loading right now
 * @param purposes only of these; default: any
 */
export async function adoptOldest(
  tx: Tx, streamId: string, lane: Lane, token: string, busy: string | null, purposes: readonly Purpose[] | null = null,
): Promise<Slice | null> {
  const { rows } = await sql<Slice>`
    update slice set token = ${token} where id = (
      select id from slice
      where stream_id = ${streamId} and lane = ${lane} and state in ('open', 'extracted', 'classified')
        and id is distinct from ${busy}::bigint and unproven_by is distinct from ${token}::bigint
        and (${purposes}::text[] is null or purpose = any(${purposes}::text[]))
      order by (kind = 'version') desc, from_at, id limit 1
      for update
    ) returning ${COLUMNS}
  `.execute(tx);
  return rows[0] ?? null;
}

/** A window whose answers were not trustworthy, or which holds too much, is read in parts instead. Parts share their border second. */
export async function splitSlice(tx: Tx, slice: Slice, borders: readonly number[]): Promise<void> {
  const { rows } = await sql`
    update slice set state = 'split' where id = ${slice.id} and token = ${slice.token} and state = 'open' returning id
  `.execute(tx);
  if (rows.length === 0) return;
  await sql`delete from page where slice_id = ${slice.id}`.execute(tx);
  for (let i = 0; i + 1 < borders.length; i++) {
    await insertSlice(tx, {
      streamId: slice.streamId, lane: slice.lane, purpose: slice.purpose, token: slice.token,
      source: { pageSize: slice.pageSize, params: slice.params, sliceRecords: slice.maxRecords },
      bounds: {
        kind: "window", fromAt: borders[i]!, toAt: borders[i + 1]!, archive: slice.archive, parentId: slice.id,
        ...(slice.rangeId === null ? {} : { rangeId: slice.rangeId }),
      },
    });
  }
}
