import { sql } from "kysely";
import type { HeldRecord } from "../target/contract.ts";
import type { Db, Store } from "./db.ts";

/** What the index says that the target holds in an audit's stretch, before the target is asked. What is in flight is left out. */
export async function expectHeld(db: Db, auditId: string): Promise<void> {
  // What an attempt before left.
  await sql`delete from audit_held where audit_id = ${auditId}`.execute(db);
  await sql`
    insert into audit_held (audit_id, id, record_id, version, modified, hash, read_no)
    select a.id, d.id, r.id, r.version, r.modified, r.hash, r.read_no from audit a join record r on r.stream_id = a.stream_id
    cross join lateral unnest(coalesce(r.documents, array[r.id])) as d(id)
    where a.id = ${auditId} and r.held = 'loaded' and r.batch_id is null
      and r.modified >= extract(epoch from a.from_at) * 1000 and r.modified < extract(epoch from a.to_at) * 1000
    on conflict do nothing
  `.execute(db);
}

/** Notes what the target listed. Where there are no row versions: another hash that is not of a later time is an older reading. */
export async function noteHeld(db: Db, auditId: string, records: readonly HeldRecord[]): Promise<void> {
  await sql`
    update audit_held h set found = true, found_version = case
      when h.version is not null then case when l.version ~ '^[0-9]{1,20}$' then l.version::numeric end
      when l.version ~ '^([0-9]{1,18}:)?[0-9a-f]{64}$' and l.version <> coalesce(h.modified::text || ':' || h.hash, h.hash)
        and not coalesce(substring(l.version from '^([0-9]+):')::bigint > h.modified, false) then -1 end
    from unnest(${records.map(({ id }) => id)}::text[], ${records.map(({ version }) => version)}::text[]) as l(id, version)
    where h.audit_id = ${auditId} and h.id = l.id
  `.execute(db);
}

/**
 * Writes down the records of which the target lacks a document or holds one in an older version. With `repair` the index forgets these records unless they
 * are being sent or were sent since: the audit's comparison with the source then finds and loads them.
 */
export async function judgeHeld(store: Store, auditId: string): Promise<void> {
  await store.transaction(async (tx) => {
    await sql`
      with differing as (
        select h.*, case when h.found then 'target-stale' else 'target-missing' end as kind from audit_held h
        where h.audit_id = ${auditId} and (not h.found or h.found_version < coalesce(h.version, 0))
      ), forgotten as (
        delete from record r using differing d, audit a
        where a.id = d.audit_id and a.repair and r.stream_id = a.stream_id and r.id = d.record_id and r.held = 'loaded' and r.batch_id is null
          and r.version is not distinct from d.version and r.hash is not distinct from d.hash
      )
      insert into audit_finding (window_id, source_id, target_id, kind, version, modified, hash, read_no)
      select distinct on (w.id, r.source_id) w.id, r.source_id, r.id, d.kind, d.version, d.modified, d.hash, d.read_no
      from differing d join audit a on a.id = d.audit_id join record r on r.stream_id = a.stream_id and r.id = d.record_id
      join audit_window w on w.audit_id = a.id and d.modified >= extract(epoch from w.from_at) * 1000 and d.modified < extract(epoch from w.to_at) * 1000
      where r.version is not distinct from d.version and r.hash is not distinct from d.hash and r.batch_id is null
      order by w.id, r.source_id, d.kind, d.id
      on conflict do nothing
    `.execute(tx);
    await sql`delete from audit_held where audit_id = ${auditId}`.execute(tx);
  });
}
