import { type RawBuilder, sql } from "kysely";
import type { Db, Tx } from "./db.ts";
import { addRange } from "./ranges.ts";

/**
 * Notes ids whose request may still reach the target after a newer version: once the doubt is due, and the owner has not
 * reported before, their newest version is sent again.
 * @param versions a select of stream_id, id, batch_id, sender, version, modified, hash, read_no: what may arrive late, with which batch and from whom
 * @param dueInMs 0: the late request has been answered
 */
export async function addDoubts(tx: Tx, versions: RawBuilder<unknown>, dueInMs: number): Promise<void> {
  await sql`
    insert into doubt (stream_id, id, batch_id, sender, version, modified, hash, read_no, due_at)
    select d.stream_id, d.id, d.batch_id, d.sender, d.version, d.modified, d.hash, d.read_no, clock_timestamp() + ${dueInMs} * interval '1 ms'
    from (${versions}) as d (stream_id, id, batch_id, sender, version, modified, hash, read_no) order by d.id, d.batch_id, d.sender
    on conflict (stream_id, id, batch_id, sender) do update set range_id = null, version = least(doubt.version, excluded.version),
      due_at = ${dueInMs === 0 ? sql`excluded.due_at` : sql`greatest(doubt.due_at, excluded.due_at)`}
  `.execute(tx);
}

/**
 * Doubts that are due. Where the index holds the doubtful version, or set a newer one aside or left it out, there is nothing to mend;
 * where a newer one was loaded since, that one is read and sent once more. One that the index does not hold yet waits: it
 * may still arrive after a newer one.
 * @param settledEnd records modified later (ms) wait: their window is not closed yet; null: all is read each time
 */
export async function planDoubts(tx: Tx, streamId: string, settledEnd: number | null, archiveToo: boolean): Promise<void> {
  await sql`
    delete from doubt d using record r
    where d.stream_id = ${streamId} and d.due_at <= clock_timestamp() and d.range_id is null
      and r.stream_id = d.stream_id and r.id = d.id and r.batch_id is null and r.held is not null
      and (r.held in ('quarantined', 'filtered')
        or not newer(r.version, r.modified, r.hash, r.read_no, d.version, d.modified, d.hash, d.read_no)
          and not newer(d.version, d.modified, d.hash, d.read_no, r.version, r.modified, r.hash, r.read_no))
  `.execute(tx);
  const { rows } = await sql<{ id: string; second: number }>`
    select r.id, ${settledEnd === null ? sql`0` : sql`(floor(r.modified / 1000.0) * 1000)::float8`} as second
    from doubt d join record r on r.stream_id = d.stream_id and r.id = d.id
    where d.stream_id = ${streamId} and d.due_at <= clock_timestamp() and d.range_id is null
      and r.batch_id is null and r.held = 'loaded' and ${settledEnd === null ? sql`true` : sql`r.modified is not null and r.modified <= ${settledEnd}`}
      and newer(r.version, r.modified, r.hash, r.read_no, d.version, d.modified, d.hash, d.read_no)
    order by r.modified, r.id limit 2000
    for update of r
  `.execute(tx);
  for (const group of groupSeconds(rows)) {
    const rangeId = await addRange(tx, { streamId, purpose: "resend", fromAt: group.from, toAt: group.to, archiveToo });
    await sql`
      update doubt set range_id = ${rangeId}
      where stream_id = ${streamId} and id = any(${group.ids}::text[]) and due_at <= clock_timestamp() and range_id is null
    `.execute(tx);
    await sql`update record set resend = true where stream_id = ${streamId} and id = any(${group.ids}::text[])`.execute(tx);
  }
}

/** Ends doubts of a call: a record of a later call was loaded since the late request could arrive, or the doubtful one itself. Versions are moments (ms). */
export async function clearCallDoubts(tx: Tx, streamId: string): Promise<void> {
  await sql`
    delete from doubt d using record r
    where d.stream_id = ${streamId} and d.due_at <= clock_timestamp() and r.stream_id = d.stream_id and r.id = d.id and r.batch_id is null
      and (r.held in ('quarantined', 'filtered') or (r.held = 'loaded' and (r.version = d.version or r.version > extract(epoch from d.due_at) * 1000)))
  `.execute(tx);
}

/** Seconds that lie close together are read as one window. */
function groupSeconds(rows: readonly { id: string; second: number }[]): { from: number; to: number; ids: string[] }[] {
  const groups: { from: number; to: number; ids: string[] }[] = [];
  for (const row of rows) {
    const last = groups[groups.length - 1];
    if (last !== undefined && row.second - last.to <= 60_000) {
      last.to = row.second;
      last.ids.push(row.id);
    } else {
      groups.push({ from: row.second, to: row.second, ids: [row.id] });
    }
  }
  return groups;
}

/** Ends doubts whose newest version was sent again. */
export async function clearDoubts(db: Db, streamId: string): Promise<void> {
  await sql`
    delete from doubt d using load_range r where d.stream_id = ${streamId} and r.id = d.range_id and r.state = 'done'
      and not exists (select 1 from load_range a where a.archive_of = r.id and a.state in ('open', 'planned'))
  `.execute(db);
}
