import { type RawBuilder, sql } from "kysely";
import { StoreError } from "../errors.ts";
import type { Db, Store, Tx } from "./db.ts";
import { epochMs } from "./streams.ts";

/** A record that was set aside, without its text. */
export interface QuarantineEntry {
  /** Names the entry. */
  entry: string;
  pipeline: string;
  /** The source's id. */
  id: string;
  targetId: string | null;
  code: string;
  reason: string;
  version: string | null;
  /** ms UTC. */
  modified: number | null;
  slice: string | null;
  /** How often it was tried. */
  attempts: number;
  state: "open" | "resolved" | "discarded";
  /** Why it was discarded, by whom and when (ms UTC): the last time, also where it was replayed since. */
  note: string | null;
  discardedBy: string | null;
  discardedAt: number | null;
  /** ms UTC. */
  setAsideAt: number;
  updatedAt: number;
}

/** Which entries are meant; what is not given does not restrict. */
export interface EntryFilter {
  pipeline?: string | undefined;
  state?: QuarantineEntry["state"] | readonly QuarantineEntry["state"][] | undefined;
  /** The source's ids. */
  ids?: readonly string[] | undefined;
  code?: string | undefined;
  /** A part of the reason, in any case. */
  reason?: string | undefined;
  /** Set aside at or after, and before (ms UTC). */
  from?: number | undefined;
  to?: number | undefined;
}

const COLUMNS = sql`q.id::text as entry, t.pipeline, q.source_id as id, q.target_id as "targetId", q.code, q.reason, q.version::text,
  q.modified::float8, q.slice_id::text as slice, q.attempts, q.state, q.note, q.discarded_by as "discardedBy", ${epochMs("q.discarded_at")} as "discardedAt", ${epochMs("q.created_at")} as "setAsideAt", ${epochMs("q.updated_at")} as "updatedAt"`;

/** The condition for entries of active streams that a filter means. */
export function whereEntries({ pipeline, state, ids, code, reason, from, to }: EntryFilter): RawBuilder<unknown> {
  const states = state === undefined ? null : [state].flat();
  return sql`t.active and (${pipeline ?? null}::text is null or t.pipeline = ${pipeline ?? null})
    and (${states}::text[] is null or q.state = any(${states}::text[]))
    and (${ids ?? null}::text[] is null or q.source_id = any(${ids ?? null}::text[]))
    and (${code ?? null}::text is null or q.code = ${code ?? null})
    and (${reason ?? null}::text is null or strpos(lower(q.reason), lower(${reason ?? null})) > 0)
    and (${from ?? null}::float8 is null or q.created_at >= to_timestamp(${from ?? null}::float8 / 1000))
    and (${to ?? null}::float8 is null or q.created_at < to_timestamp(${to ?? null}::float8 / 1000))`;
}

/** Entries by number, at most `limit`, and how many there are. */
export async function listEntries(db: Db, filter: EntryFilter, limit: number): Promise<{ entries: QuarantineEntry[]; total: number }> {
  const where = whereEntries(filter);
  const { rows: entries } = await sql<QuarantineEntry>`
    select ${COLUMNS} from quarantine q join stream t on t.id = q.stream_id where ${where} order by q.id limit ${limit}
  `.execute(db);
  const { rows } = await sql<{ total: number }>`select count(*)::int as total from quarantine q join stream t on t.id = q.stream_id where ${where}`.execute(db);
  return { entries, total: rows[0]!.total };
}

/** One entry with the record as the source sent it; `raw` is null where its text was not at hand. */
export async function showEntry(db: Db, entry: string): Promise<(QuarantineEntry & { raw: string | null }) | null> {
  const { rows } = await sql<QuarantineEntry & { raw: string | null }>`
    select ${COLUMNS}, q.raw from quarantine q join stream t on t.id = q.stream_id where q.id = ${entry}::bigint
  `.execute(db);
  return rows[0] ?? null;
}

/**
 * For ids that a person named: each has to have an entry that is meant.
 * @throws StoreError `TM_ENTRY_UNKNOWN`
 */
export async function requireEntries(db: Db, filter: EntryFilter): Promise<void> {
  const { ids = [], pipeline, state } = filter;
  if (ids.length === 0) return;
  const { rows } = await sql<{ id: string }>`
    select distinct q.source_id as id from quarantine q join stream t on t.id = q.stream_id where ${whereEntries(filter)}
  `.execute(db);
  const unknown = ids.filter((id) => !rows.some((row) => row.id === id));
  if (unknown.length === 0) return;
  throw new StoreError("TM_ENTRY_UNKNOWN", `no ${[state ?? []].flat().join(" or ")} entry in quarantine matches ${unknown.map((id) => JSON.stringify(id)).join(", ")}; nothing was changed`, {
    path: "--id", fix: `Give ids of the source, as "tidemark quarantine list ${pipeline ?? ""} --state all" shows them.`,
  });
}

/** Gives entries up; their versions stay set aside until a replay names them, newer ones are tried. @param by who says so @returns how many */
export async function discardEntries(store: Store, filter: EntryFilter, note: string, by: string): Promise<number> {
  const { rows } = await sql`
    update quarantine q set state = 'discarded', note = ${note}, discarded_by = ${by}, discarded_at = clock_timestamp(), updated_at = clock_timestamp()
    from stream t where t.id = q.stream_id and ${whereEntries({ ...filter, state: "open" })} returning q.id
  `.execute(store.db);
  return rows.length;
}

/** An entry on its way to be tried again. */
export interface ReplayEntry {
  entry: string;
  sourceId: string;
  raw: string | null;
  modified: number | null;
  /** The number of the reading that brought it. */
  readNo: string;
}

/**
 * The entries that a filter means, open ones unless it says otherwise, locked. Those of which a newer version was loaded since
 * are resolved instead; what was discarded is open again, but for what a later entry of the same record stands for.
 * @returns the others, and how many were resolved
 */
export async function takeEntries(tx: Tx, streamId: string, filter: EntryFilter): Promise<{ entries: ReplayEntry[]; newer: number }> {
  const { state = "open" } = filter;
  const { rows: resolved } = await sql`
    update quarantine q set state = 'resolved', updated_at = clock_timestamp()
    from stream t, record r where t.id = q.stream_id and t.id = ${streamId} and ${whereEntries({ ...filter, state })}
      and r.stream_id = q.stream_id and r.source_id = q.source_id and r.id = q.target_id and r.held = 'loaded'
      and newer(r.version, r.modified, r.hash, r.read_no, q.version, q.modified, q.hash, q.read_no)
    returning q.id
  `.execute(tx);
  if (state.includes("discarded")) {
    await sql`
      update quarantine q set state = 'open', updated_at = clock_timestamp()
      from stream t where t.id = q.stream_id and t.id = ${streamId} and ${whereEntries({ ...filter, state: "discarded" })}
        and not exists (select 1 from quarantine o where o.stream_id = q.stream_id and o.source_id = q.source_id
          and (o.state = 'open' or (o.state = 'discarded' and o.id > q.id)))
    `.execute(tx);
  }
  const { rows: entries } = await sql<ReplayEntry>`
    select q.id::text as entry, q.source_id as "sourceId", q.raw, q.modified::float8, q.read_no::text as "readNo" from quarantine q join stream t on t.id = q.stream_id
    where t.id = ${streamId} and ${whereEntries({ ...filter, state: "open" })} order by q.id for update of q
  `.execute(tx);
  return { entries, newer: resolved.length };
}
