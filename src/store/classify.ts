import { sql } from "kysely";
import type { Store } from "./db.ts";
import { leaseLost } from "./leases.ts";
import { getSlice, type Slice } from "./slices.ts";

/** Marks a completely read slice; what it asked for and got does not change any more. */
export async function markExtracted(store: Store, slice: Slice, end: { endVersion?: string; reachedEnd?: boolean }): Promise<void> {
  const { rows } = await sql`
    with done as (
      update slice set state = 'extracted', end_version = ${end.endVersion ?? null}::numeric, unproven_by = null,
        reached_end = reached_end or ${end.reachedEnd ?? false}
      where id = ${slice.id} and token = ${slice.token} and state = 'open' returning id, stream_id, purpose, reached_end
    ), head as (
      update stream set head_read_at = clock_timestamp() from done
      where stream.id = done.stream_id and done.purpose = 'forward' and done.reached_end
    )
    select id from done
  `.execute(store.db);
  if (rows.length === 0 && (await getSlice(store.db, slice.id))?.state === "open") throw leaseLost(slice.lane);
}

/**
 * Sorts the rows of an extracted slice: the newest of each id needs work unless the index already holds it; the rest is
 * counted as duplicate, unchanged or superseded. "Holds" means loaded or quarantined: a version that is merely in flight
 * elsewhere does not count, its row stays pending. Two source ids with the same target id are marked as colliding.
 * @param pass the pass of a window walk that proved itself
 * @param resendHeld true: rows that the index holds in this very version need work as well (`idCheck: false`)
 */
export async function classifySlice(store: Store, slice: Slice, pass: number, resendHeld: boolean): Promise<void> {
  await sql`
    with owner as (
      select id, stream_id from slice where id = ${slice.id} and token = ${slice.token} and state = 'extracted' for update
    ), rows as (
      select p.pass, p.seq, coalesce(u.own_read_no, p.read_no) as read_no, u.*
      from owner join page p on p.slice_id = owner.id and p.pass = ${pass}
      cross join lateral unnest(p.source_ids, coalesce(p.target_ids, p.source_ids), p.versions, p.modified, p.hashes, p.read_nos)
        with ordinality as u(source_id, id, version, modified, hash, own_read_no, ord)
    ), ranked as (
      select *, row_number() over (partition by source_id
        order by version desc nulls last, modified desc nulls last, read_no desc, ord desc) as rank
      from rows
    ), newest as (
      select *, count(*) over (partition by id) as same_id from ranked where rank = 1
    ), judged as (
      select n.*, case
        when r.held is null or r.source_id <> n.source_id or n.same_id > 1 then 'pending'
        when newer(n.version, n.modified, n.hash, n.read_no, r.version, r.modified, r.hash, r.read_no) then 'pending'
        when newer(r.version, r.modified, r.hash, r.read_no, n.version, n.modified, n.hash, n.read_no) then 'superseded'
        when r.resend or (${resendHeld} and r.held in ('loaded', 'filtered')) then 'pending'
        else 'unchanged' end as outcome
      from newest n left join record r on r.stream_id = ${slice.streamId} and r.id = n.id
    ), work as (
      insert into item (slice_id, source_id, id, version, modified, hash, read_no, pass, seq, ord, collides)
      select ${slice.id}, source_id, id, version, modified, hash, read_no, pass, seq, ord, same_id > 1
      from judged where outcome = 'pending' order by source_id
    ), counts as (
      select (select count(*) from rows) as read, count(*) as distinct_ids,
        count(*) filter (where outcome = 'unchanged') as unchanged,
        count(*) filter (where outcome = 'superseded') as superseded
      from judged
    )
    update slice s set state = 'classified', read = c.read, duplicate = c.read - c.distinct_ids,
      unchanged = c.unchanged, superseded = c.superseded
    from counts c, owner where s.id = owner.id
  `.execute(store.db);
  const now = await getSlice(store.db, slice.id);
  if (now?.token !== slice.token) throw leaseLost(slice.lane);
}
