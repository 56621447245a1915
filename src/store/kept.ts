import { sql } from "kysely";
import type { Tx } from "./db.ts";
import { NO_ID } from "./pages.ts";
import type { Slice } from "./slices.ts";

/**
 * Keeps the newest raw row of each record of a slice that is being committed, unchanged ones too; never one of which the index
 * holds, or the store keeps, a newer version. Records without an id are not kept.
 */
export async function keepRows(tx: Tx, slice: Slice): Promise<void> {
  await sql`
    with pages as (
      select * from page where slice_id = ${slice.id} and pass = (select max(pass) from page where slice_id = ${slice.id})
    ), newest as (
      select distinct on (u.source_id) p.seq, coalesce(u.own_read_no, p.read_no) as read_no, u.*
      from pages p cross join lateral unnest(p.source_ids, coalesce(p.target_ids, p.source_ids), p.versions, p.modified, p.hashes, p.read_nos)
        with ordinality as u(source_id, id, version, modified, hash, own_read_no, ord)
      order by u.source_id, u.version desc nulls last, u.modified desc nulls last, coalesce(u.own_read_no, p.read_no) desc, u.ord desc
    ), texts as (
      select p.seq, t.* from pages p cross join lateral json_array_elements(p.body::json) with ordinality as t(raw, ord)
    )
    insert into kept as k (stream_id, source_id, id, version, modified, hash, read_no, raw)
    select ${slice.streamId}, n.source_id, n.id, n.version, n.modified, n.hash, n.read_no, t.raw::text
    from newest n join texts t on t.seq = n.seq and t.ord = n.ord
    left join record r on r.stream_id = ${slice.streamId} and r.id = n.id and r.source_id = n.source_id and r.held is not null
    where not starts_with(n.id, ${NO_ID})
      and (r.id is null or not newer(r.version, r.modified, r.hash, r.read_no, n.version, n.modified, n.hash, n.read_no))
    order by n.source_id
    on conflict (stream_id, source_id) do update set id = excluded.id, version = excluded.version, modified = excluded.modified,
      hash = excluded.hash, read_no = excluded.read_no, raw = excluded.raw, last_at = excluded.last_at
      where newer(excluded.version, excluded.modified, excluded.hash, excluded.read_no, k.version, k.modified, k.hash, k.read_no)
        or (not newer(k.version, k.modified, k.hash, k.read_no, excluded.version, excluded.modified, excluded.hash, excluded.read_no)
          and (k.id <> excluded.id or k.last_at < clock_timestamp() - interval '1 day'))
  `.execute(tx);
}

/** Where no rows are kept any more: those of which the slice that is being committed has newer versions go, so that what is left is never older than the index. */
export async function forgetOlder(tx: Tx, slice: Slice): Promise<void> {
  await sql`
    delete from kept k using page p cross join lateral unnest(p.source_ids, p.versions, p.modified, p.hashes, p.read_nos) as u(source_id, version, modified, hash, own_read_no)
    where p.slice_id = ${slice.id} and k.stream_id = ${slice.streamId} and k.source_id = u.source_id and exists (select 1 from kept where stream_id = ${slice.streamId})
      and newer(u.version, u.modified, u.hash, coalesce(u.own_read_no, p.read_no), k.version, k.modified, k.hash, k.read_no)
  `.execute(tx);
}
