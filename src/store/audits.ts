import { sql } from "kysely";
import type { Db, Store, Tx } from "./db.ts";
import { leaseLost } from "./leases.ts";
import { clearSlice } from "./commit.ts";
import { addRange } from "./ranges.ts";
import { getSlice, type Slice } from "./slices.ts";
import { epochMs, timestamp } from "./streams.ts";

/** What an audit is asked to do. */
export interface AuditRequest {
  /** Made by the caller: the same request twice makes one audit. */
  requestId: string;
  /** First and last modified time (ms UTC, whole seconds). */
  from: number;
  to: number;
  /** Compare ids and versions even where counts agree. */
  byIds: boolean;
  /** Have what is missing or stale loaded. */
  repair: boolean;
  /** Compare the target's own list as well. */
  target?: boolean;
}

export interface AuditWindow {
  id: string;
  fromAt: number;
  toAt: number;
  source: number | null;
}

/** Windows end at this time of the day (ms UTC; 4 in the morning in China), when few orders change. */
const BORDER_MS = 20 * 3_600_000;
const DAY_MS = 86_400_000;

/** The borders of an audit's windows: at most `windowMs` apart, at a quiet hour where that makes no window less than half as wide. */
export function auditBorders(from: number, to: number, windowMs: number): number[] {
  const borders = [from];
  for (let at = from; at < to; ) {
    const widest = at + windowMs;
    const quiet = Math.floor((widest - BORDER_MS) / DAY_MS) * DAY_MS + BORDER_MS;
    at = Math.min(quiet - at >= windowMs / 2 ? quiet : widest, to);
    borders.push(at);
  }
  return borders;
}

/** Adds an audit with its windows; what an earlier one of the stream left open is given up. A repeated request changes nothing. */
export function createAudit(store: Store, streamId: string, request: AuditRequest, windowMs: number): Promise<string> {
  return store.transaction(async (tx) => {
    const { rows } = await sql<{ id: string }>`
      insert into audit (stream_id, request_id, from_at, to_at, by_ids, repair, target)
      values (${streamId}, ${request.requestId}, ${timestamp(request.from)}, ${timestamp(request.to)}, ${request.byIds}, ${request.repair}, ${request.target ?? false})
      on conflict (request_id) do nothing returning id::text
    `.execute(tx);
    const id = rows[0]?.id;
    if (id === undefined) return (await sql<{ id: string }>`select id::text from audit where request_id = ${request.requestId}`.execute(tx)).rows[0]!.id;
    await leaveOlder(tx, streamId, id);
    const borders = auditBorders(request.from, request.to, windowMs).map((ms) => ms / 1000);
    await sql`
      insert into audit_window (audit_id, from_at, to_at)
      select ${id}, to_timestamp(f), to_timestamp(t) from unnest(${borders.slice(0, -1)}::float8[], ${borders.slice(1)}::float8[]) as w(f, t)
    `.execute(tx);
    return id;
  });
}

async function leaveOlder(tx: Tx, streamId: string, id: string): Promise<void> {
  await dropUnloaded(tx, sql`s.stream_id = ${streamId}`);
  await sql`
    update load_range set state = 'cancelled', done_at = clock_timestamp()
    where stream_id = ${streamId} and purpose = 'audit' and state in ('open', 'planned')
  `.execute(tx);
  await sql`update audit set state = 'left', ended_at = clock_timestamp() where stream_id = ${streamId} and state = 'open' and id <> ${id}`.execute(tx);
}

/** Slices of which nothing is being loaded yet; a later audit compares them again. */
async function dropUnloaded(tx: Tx, where: ReturnType<typeof sql>): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    update slice s set state = 'dropped' where s.purpose = 'audit' and s.state in ('open', 'extracted') and ${where} returning s.id::text
  `.execute(tx);
  for (const { id } of rows) await clearSlice(tx, id);
}

/** Windows that still want a count, first or second. */
export async function windowsToCount(db: Db, auditId: string, again: boolean): Promise<AuditWindow[]> {
  const { rows } = await sql<AuditWindow>`
    select id::text, ${epochMs("from_at")} as "fromAt", ${epochMs("to_at")} as "toAt", source from audit_window
    where audit_id = ${auditId} and state = 'open' and ${again ? sql`source_again` : sql`source`} is null order by from_at
  `.execute(db);
  return rows;
}

/** Keeps the first count. null: the source announces none. */
export async function saveCount(db: Db, auditId: string, windowId: string, count: number | null, requests: number): Promise<void> {
  await sql`
    with asked as (update audit set requests = requests + ${requests} where id = ${auditId})
    update audit_window set source = coalesce(${count}::int, -1) where id = ${windowId} and source is null
  `.execute(db);
}

/**
 * Keeps the second count and judges the window: verified by count when both counts and the index agree, else a range whose
 * ids are compared.
 */
export async function judgeWindow(store: Store, streamId: string, auditId: string, window: AuditWindow, again: number | null, requests: number, archive: boolean): Promise<void> {
  await store.transaction(async (tx) => {
    const { rows } = await sql<{ state: string }>`
      with asked as (update audit set requests = requests + ${requests} where id = ${auditId} returning by_ids),
      held as (
        select count(*)::int as count from record
        where stream_id = ${streamId} and held is not null and modified between ${window.fromAt} and ${window.toAt}
      ), judged as (select held.count, held.count = ${again}::int and ${window.source}::int = ${again}::int and not asked.by_ids as equal from held, asked)
      update audit_window set source_again = coalesce(${again}::int, -1), indexed = judged.count,
        state = case when judged.equal then 'count' else 'comparing' end, verified_at = case when judged.equal then clock_timestamp() end
      from judged where id = ${window.id} and state = 'open' returning state
    `.execute(tx);
    if (rows[0]?.state !== "comparing") return;
    const range = await addRange(tx, { streamId, purpose: "audit", fromAt: window.fromAt, toAt: window.toAt, archiveToo: archive });
    await sql`update audit_window set range_id = ${range} where id = ${window.id}`.execute(tx);
  });
}

/**
 * Compares a completely read slice with the index, id by id, and writes down what is missing or stale. Rows in flight are
 * neither. Without `repair` the slice has done its work then.
 * @returns whether the slice goes on to be loaded
 * @throws StoreError `TM_LEASE_LOST`
 */
export async function compareSlice(store: Store, slice: Slice, pass: number): Promise<boolean> {
  return store.transaction(async (tx) => {
    const { rows } = await sql<{ repair: boolean }>`
      with owner as (
        select s.id, s.stream_id, w.id as window_id, w.audit_id, a.repair
        from slice s join load_range r on r.id = s.range_id join audit_window w on w.range_id in (r.id, r.archive_of) join audit a on a.id = w.audit_id
        where s.id = ${slice.id} and s.token = ${slice.token} and s.state = 'extracted' for update of s
      ), newest as (
        select distinct on (u.source_id) o.window_id, o.audit_id, o.stream_id, p.read_no, u.*
        from owner o join page p on p.slice_id = o.id and p.pass = ${pass}
        cross join lateral unnest(p.source_ids, coalesce(p.target_ids, p.source_ids), p.versions, p.modified, p.hashes) as u(source_id, id, version, modified, hash)
        order by u.source_id, u.version desc nulls last, u.modified desc nulls last, p.read_no desc
      ), seen as (
        update record r set seen_by = n.audit_id from newest n where r.stream_id = n.stream_id and r.id = n.id and r.source_id = n.source_id
      ), found as (
        insert into audit_finding (window_id, source_id, target_id, kind, version, modified, hash, read_no)
        select n.window_id, n.source_id, n.id, case when r.held is null then 'missing' else 'stale' end, n.version, n.modified, n.hash, n.read_no
        from newest n left join record r on r.stream_id = n.stream_id and r.id = n.id and r.source_id = n.source_id
        where r.batch_id is null and (r.held is null or newer(n.version, n.modified, n.hash, n.read_no, r.version, r.modified, r.hash, r.read_no))
          and not exists (select 1 from quarantine q where q.stream_id = n.stream_id and q.source_id = n.source_id and q.state <> 'resolved'
            and not newer(n.version, n.modified, n.hash, n.read_no, q.version, q.modified, q.hash, q.read_no))
        on conflict do nothing
      ) select repair from owner
    `.execute(tx);
    const row = rows[0];
    if (row === undefined) {
      // Compared by an earlier attempt, or by the run that it was adopted from.
      const now = await getSlice(tx, slice.id);
      if (now?.token !== slice.token) throw leaseLost(slice.lane);
      return now.state === "classified";
    }
    if (row.repair) return true;
    // What it held decides how wide the next window is.
    await sql`update slice set state = 'dropped', read = (select coalesce(sum(row_count), 0) from page where slice_id = ${slice.id} and pass = ${pass}) where id = ${slice.id}`.execute(tx);
    await clearSlice(tx, slice.id);
    return false;
  });
}

/**
 * Ends an audit, after forward runs have caught up once more: what the index holds in a compared window and no answer
 * contained is extra (a row that moved to a later time has moved in the index too by now); what was found and is held since
 * counts as repaired.
 * @param provable false: no window is verified, whatever was found
 */
export async function finishAudit(store: Store, streamId: string, auditId: string, provable: boolean): Promise<void> {
  await store.transaction(async (tx) => {
    await sql`
      update audit_window w set state = case when c.complete then 'ids' else 'unproven' end, verified_at = case when c.complete then clock_timestamp() end
      from (
        select w.id, bool_and(r.state in ('planned', 'done') and not exists (
          select 1 from slice s where s.range_id = r.id and s.state in ('open', 'extracted', 'classified'))) as complete
        from audit_window w join load_range r on w.range_id in (r.id, r.archive_of) where w.audit_id = ${auditId} group by w.id
      ) c where c.id = w.id and w.state = 'comparing'
    `.execute(tx);
    await sql`
      insert into audit_finding (window_id, source_id, target_id, kind, version, modified, hash, read_no)
      select w.id, r.source_id, r.id, 'extra', r.version, r.modified, r.hash, r.read_no
      from audit_window w join record r on r.stream_id = ${streamId} and r.held is not null and r.batch_id is null
        and r.modified >= extract(epoch from w.from_at) * 1000 and r.modified < extract(epoch from w.to_at) * 1000 and r.seen_by is distinct from ${auditId}::bigint
      where w.audit_id = ${auditId} and w.state = 'ids' on conflict do nothing
    `.execute(tx);
    await sql`
      update audit_finding f set repaired_at = clock_timestamp()
      from audit_window w, record r
      where w.audit_id = ${auditId} and f.window_id = w.id and f.repaired_at is null
        and (f.kind in ('missing', 'stale') or (f.kind in ('target-missing', 'target-stale') and (select repair from audit where id = w.audit_id)))
        and r.stream_id = ${streamId} and r.id = f.target_id and r.source_id = f.source_id and r.held is not null
        and not newer(f.version, f.modified, f.hash, f.read_no, r.version, r.modified, r.hash, r.read_no)
    `.execute(tx);
    await keepTargetFindings(tx, auditId);
    await sql`
      update audit_window w set state = 'differs', verified_at = null where w.audit_id = ${auditId} and w.state in ('count', 'ids')
        and exists (select 1 from audit_finding f where f.window_id = w.id and f.kind <> 'extra' and f.repaired_at is null)
    `.execute(tx);
    if (!provable) await sql`update audit_window set state = 'unproven', verified_at = null where audit_id = ${auditId} and state in ('count', 'ids')`.execute(tx);
    await dropUnloaded(tx, sql`s.range_id in (select r.id from load_range r join audit_window w on w.range_id in (r.id, r.archive_of) where w.audit_id = ${auditId})`);
    await sql`update audit set state = 'done', ended_at = clock_timestamp() where id = ${auditId} and state = 'open'`.execute(tx);
  });
}

/**
 * An audit that did not look at the target says nothing of it: what the last one that did found there, and is held in the same
 * version by the index, still differs.
 */
async function keepTargetFindings(tx: Tx, auditId: string): Promise<void> {
  await sql`
    insert into audit_finding (window_id, source_id, target_id, kind, version, modified, hash, read_no, found_at)
    select w.id, f.source_id, f.target_id, f.kind, f.version, f.modified, f.hash, f.read_no, f.found_at
    from audit a join audit_window w on w.audit_id = a.id
    join audit o on o.stream_id = a.stream_id and o.id < a.id and o.target and o.state = 'done'
    join audit_window ow on ow.audit_id = o.id
    join audit_finding f on f.window_id = ow.id and f.kind in ('target-missing', 'target-stale') and f.repaired_at is null
      and f.modified >= extract(epoch from w.from_at) * 1000 and f.modified < extract(epoch from w.to_at) * 1000
    join record r on r.stream_id = a.stream_id and r.id = f.target_id and r.held in ('loaded', 'filtered')
      and r.version is not distinct from f.version and r.hash is not distinct from f.hash
    where a.id = ${auditId} and not a.target and not exists (
      select 1 from audit n where n.stream_id = a.stream_id and n.id > o.id and n.id < a.id and n.target and n.state = 'done'
        and f.modified >= extract(epoch from n.from_at) * 1000 and f.modified < extract(epoch from n.to_at) * 1000)
    on conflict do nothing
  `.execute(tx);
}
