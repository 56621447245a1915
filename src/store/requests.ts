import { sql } from "kysely";
import { TidemarkError } from "../errors.ts";
import { clearSlice } from "./commit.ts";
import type { Db, Tx } from "./db.ts";
import { addRange } from "./ranges.ts";
import { timestamp } from "./streams.ts";

/** Both ends included, ms UTC. */
export interface Stretch {
  from: number;
  to: number;
}

/** What a person asks a backfill for; times in ms UTC, whole seconds. */
export interface NewRequest {
  requestId: string;
  asked: Stretch;
  /** Nothing newer is read: forward runs bring it. */
  settled: number;
  archiveToo: boolean;
  /** Read again what audits have verified, too. */
  force: boolean;
  /** How long before an audit's verdict its windows had to be closed (ms). */
  verifiedAgeMs: number;
}

/** Where a request goes among those that are open. */
export type Place = "first" | "last" | { before: string };

const MULTIRANGE = (stretches: readonly Stretch[]) => sql`coalesce((
  select range_agg(tstzrange(to_timestamp(f / 1000), to_timestamp(t / 1000)))
  from unnest(${stretches.map(({ from }) => from)}::float8[], ${stretches.map(({ to }) => to)}::float8[]) as s(f, t)), '{}'::tstzmultirange)`;
const STRETCH = sql`(extract(epoch from lower(s)) * 1000)::float8 as from, (extract(epoch from upper(s)) * 1000)::float8 as to`;

/**
 * Windows that audits verified whole, by count or by ids, and that no later audit doubts, less what may have become visible
 * since: a row may come into a window for as long as the lookback.
 */
function verified(streamId: string, ageMs: number) {
  return sql`coalesce((
    select range_agg(tstzrange(w.from_at, least(w.to_at, w.verified_at - ${ageMs} * interval '1 ms')))
    from audit_window w join audit a on a.id = w.audit_id
    where a.stream_id = ${streamId} and a.state = 'done' and w.state in ('count', 'ids') and w.from_at < w.verified_at - ${ageMs} * interval '1 ms'
      and not exists (
        select 1 from audit_window l join audit later on later.id = l.audit_id
        where later.stream_id = a.stream_id and later.id > a.id and l.state in ('comparing', 'differs', 'unproven') and l.from_at < w.to_at and l.to_at > w.from_at)
  ), '{}'::tstzmultirange)`;
}

/** What of a stretch need not be read again. */
export async function verifiedWithin(db: Db | Tx, streamId: string, stretch: Stretch, ageMs: number): Promise<Stretch[]> {
  if (stretch.from >= stretch.to) return [];
  const { rows } = await sql<Stretch>`
    select ${STRETCH} from unnest(${verified(streamId, ageMs)} * ${MULTIRANGE([stretch])}) as s order by 1
  `.execute(db);
  return rows;
}

/**
 * Adds a request; the same one twice is one. What audits have verified is left out. What another request still waits for is
 * read once, for both: its range is cut at the borders and belongs to both then.
 * @throws TidemarkError `TM_RANGE_INVALID` when the request id names another range
 */
export async function addRequest(tx: Tx, streamId: string, request: NewRequest): Promise<void> {
  const { asked, requestId } = request;
  const stretch = { from: Math.min(asked.from, request.settled), to: Math.min(asked.to, request.settled) };
  const skipped = request.force ? [] : await verifiedWithin(tx, streamId, stretch, request.verifiedAgeMs);
  const { rows } = await sql<{ id: string }>`
    insert into backfill_request (stream_id, request_id, asked, from_at, to_at, skipped, position)
    select ${streamId}, ${requestId}, tstzrange(${timestamp(asked.from)}, ${timestamp(asked.to)}), ${timestamp(stretch.from)}, ${timestamp(stretch.to)},
      ${MULTIRANGE(skipped)}, coalesce(max(position), 0) + 1 from backfill_request where stream_id = ${streamId} and state = 'open'
    on conflict (stream_id, request_id) do nothing returning id::text
  `.execute(tx);
  if (rows[0] === undefined) return requireSame(tx, streamId, request);
  const id = rows[0].id;
  if (stretch.from < stretch.to) {
    const wanted = await sql<Stretch>`select ${STRETCH} from unnest(${MULTIRANGE([stretch])} - ${MULTIRANGE(skipped)}) as s`.execute(tx);
    for (const rest of await share(tx, streamId, id, wanted.rows)) {
      const range = await addRange(tx, { streamId: streamId, purpose: "backfill", fromAt: rest.from, toAt: rest.to, archiveToo: request.archiveToo });
      await sql`insert into backfill_part (request, range_id) values (${id}, ${range})`.execute(tx);
    }
  }
  await sql`
    update backfill_request set state = 'done', done_at = clock_timestamp()
    where id = ${id} and not exists (select 1 from backfill_part where request = ${id})
  `.execute(tx);
}

async function requireSame(tx: Tx, streamId: string, { requestId, asked }: NewRequest): Promise<void> {
  const { rows } = await sql<{ state: string; same: boolean }>`
    select state, asked = tstzrange(${timestamp(asked.from)}, ${timestamp(asked.to)}) as same
    from backfill_request where stream_id = ${streamId} and request_id = ${requestId}
  `.execute(tx);
  const { same, state } = rows[0]!;
  if (same && state !== "cancelled") return;
  throw new TidemarkError("TM_RANGE_INVALID", `the requestId ${JSON.stringify(requestId)} names ${same ? "a range that was cancelled" : "another range"} already`, { path: "requestId", fix: "Give each range a requestId of its own." });
}

/** Takes part in what open ranges have not read yet. @returns what is wanted beside that */
async function share(tx: Tx, streamId: string, request: string, wanted: readonly Stretch[]): Promise<Stretch[]> {
  const begun = await sql<{ at: number }>`
    select (extract(epoch from next_at) * 1000)::float8 as at from load_range
    where stream_id = ${streamId} and purpose = 'backfill' and state = 'open' and not archive and from_at < next_at and tstzrange(next_at, to_at) && ${MULTIRANGE(wanted)}
  `.execute(tx);
  for (const at of [...begun.rows.map((row) => row.at), ...wanted.flatMap(({ from, to }) => [from, to])]) await cut(tx, streamId, at);
  const { rows } = await sql<Stretch>`
    with shared as (
      select id, from_at, to_at from load_range
      where stream_id = ${streamId} and purpose = 'backfill' and state = 'open' and not archive and next_at = from_at and tstzrange(from_at, to_at) <@ ${MULTIRANGE(wanted)}
    ), parts as (insert into backfill_part (request, range_id) select ${request}, id from shared)
    select ${STRETCH} from unnest(${MULTIRANGE(wanted)} - coalesce((select range_agg(tstzrange(from_at, to_at)) from shared), '{}')) as s
  `.execute(tx);
  return rows;
}

/** Cuts the open range, and its archive's, that has not read the time `at` yet: one that ends and one that begins there, for the same requests. */
async function cut(tx: Tx, streamId: string, at: number): Promise<void> {
  await sql`
    with old as (
      select * from load_range where stream_id = ${streamId} and purpose = 'backfill' and state = 'open' and not archive
        and from_at < ${timestamp(at)} and next_at <= ${timestamp(at)} and to_at > ${timestamp(at)} limit 1
    ), rest as (
      insert into load_range (stream_id, purpose, from_at, to_at, next_at, not_before)
      select stream_id, purpose, ${timestamp(at)}, to_at, ${timestamp(at)}, not_before from old returning id
    ), archive as (
      insert into load_range (stream_id, purpose, from_at, to_at, next_at, not_before, archive, archive_of)
      select a.stream_id, a.purpose, ${timestamp(at)}, a.to_at, ${timestamp(at)}, a.not_before, true, rest.id from load_range a join old on old.id = a.archive_of, rest
    ), parts as (
      insert into backfill_part (request, range_id) select p.request, rest.id from backfill_part p join old on old.id = p.range_id, rest
    )
    update load_range r set to_at = ${timestamp(at)}, state = case when r.next_at >= ${timestamp(at)} then 'planned' else r.state end
    from old where old.id in (r.id, r.archive_of)
  `.execute(tx);
}

/**
 * Ends a request. What no other request wants is not read on: slices of it that were not read yet are dropped.
 * @returns false when no such request is open
 */
export async function cancelRequest(tx: Tx, streamId: string, requestId: string): Promise<boolean> {
  const { rows } = await sql<{ id: string }>`
    update backfill_request set state = 'cancelled', done_at = clock_timestamp()
    where stream_id = ${streamId} and request_id = ${requestId} and state = 'open' returning id::text
  `.execute(tx);
  if (rows[0] === undefined) return false;
  const dropped = await sql<{ id: string }>`
    with gone as (
      update load_range r set state = 'cancelled', done_at = clock_timestamp()
      where r.id in (select id from backfill_range where request = ${rows[0].id}) and r.state in ('open', 'planned')
        and not exists (select 1 from backfill_part p join backfill_request q on q.id = p.request where q.state = 'open' and p.range_id in (r.id, r.archive_of))
      returning id
    ) update slice set state = 'dropped' where range_id in (select id from gone) and state = 'open' returning id::text
  `.execute(tx);
  for (const { id } of dropped.rows) await clearSlice(tx, id);
  return true;
}

/**
 * Changes the order in which requests are read.
 * @returns false when no such request, or none to go before, is open
 */
export async function moveRequest(tx: Tx, streamId: string, requestId: string, to: Place): Promise<boolean> {
  const open = sql`from backfill_request where stream_id = ${streamId} and state = 'open'`;
  const place = to === "first" ? sql`select min(position) - 1 ${open}` : to === "last" ? sql`select max(position) + 1 ${open}`
    : sql`select position - 0.5 ${open} and request_id = ${to.before}`;
  const { rows } = await sql`
    update backfill_request q set position = target.place from (${place}) as target(place)
    where q.stream_id = ${streamId} and q.request_id = ${requestId} and q.state = 'open' and target.place is not null returning q.id
  `.execute(tx);
  await sql`
    update backfill_request q set position = n.place from (select id, row_number() over (order by position, id) as place ${open}) n where n.id = q.id
  `.execute(tx);
  return rows.length === 1;
}
