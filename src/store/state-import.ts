import { sql } from "kysely";
import { StoreError } from "../errors.ts";
import type { Tx } from "./db.ts";
import type { StateDocument } from "./state-document.ts";

/**
 * Writes an exported state into a stream that has none yet: all of it or nothing. Quarantined records come without their
 * text, which a replay reads again; the index holds nothing else, so whatever is read again counts as new and is loaded again.
 * @throws StoreError `TM_STATE_STARTED`
 */
export async function importState(tx: Tx, streamId: string, state: StateDocument): Promise<void> {
  const { rows } = await sql`
    update stream set cursor = ${state.cursor}, started_at = ${state.startedAt}::timestamptz, first_version = ${state.firstVersion}::numeric,
      checkpoint_version = ${state.checkpoint.version}::numeric, checkpoint_at = ${state.checkpoint.at}::timestamptz,
      checkpoint_modified = (extract(epoch from ${state.checkpointModified}::timestamptz) * 1000)::bigint, proven_at = ${state.provenAt}::timestamptz,
      head_read_at = ${state.headReadAt}::timestamptz, newest_commit_at = ${state.newestCommitAt}::timestamptz
    where id = ${streamId} and started_at is null returning id
  `.execute(tx);
  if (rows.length === 0) {
    throw new StoreError("TM_STATE_STARTED", `pipeline ${state.pipeline} has a state here already`, {
      path: state.pipeline, fix: `Change it with "tidemark state ${state.pipeline} set"; or begin anew with "tidemark deploy --reload ${state.pipeline}" and import then.`,
    });
  }
  await sql`insert into pair (stream_id, at, version) select ${streamId}, at, version from ${listed(state.pairs, "at timestamptz, version numeric")}`.execute(tx);
  await sql`
    insert into sweep (stream_id, started_at, from_version, to_version, next_version, completed_at)
    select ${streamId}, "startedAt", "from", "to", next, "completedAt"
    from ${listed(state.sweeps, `"startedAt" timestamptz, "from" numeric, "to" numeric, next numeric, "completedAt" timestamptz`)}
  `.execute(tx);
  await importRanges(tx, streamId, state.ranges);
  await sql`
    insert into gap (stream_id, from_at, to_at, to_version, because, accepted_at) select ${streamId}, "from", "to", "toVersion", because, "acceptedAt"
    from ${listed(state.gaps, `"from" timestamptz, "to" timestamptz, "toVersion" numeric, because text, "acceptedAt" timestamptz`)}
  `.execute(tx);
  await importQuarantine(tx, streamId, state.quarantine);
}

async function importRanges(tx: Tx, streamId: string, ranges: StateDocument["ranges"]): Promise<void> {
  // An older stream of this store may have made the same requests; nobody asks it for them any more.
  await sql`
    update load_range r set request_id = null from stream t
    where t.id = r.stream_id and not t.active and r.request_id = any(${ranges.flatMap(({ requestId }) => requestId ?? [])}::text[])
  `.execute(tx);
  await sql`
    insert into load_range (stream_id, purpose, request_id, from_at, to_at, next_at, archive, not_before, state, created_at, done_at)
    select ${streamId}, purpose, "requestId", "from", "to", next, archive, "notBefore", state, "createdAt", "doneAt"
    from ${listed(ranges, `purpose text, "requestId" text, "from" timestamptz, "to" timestamptz, next timestamptz, archive boolean, "notBefore" timestamptz, state text, "createdAt" timestamptz, "doneAt" timestamptz`)}
  `.execute(tx);
  await sql`
    with made as (select id, row_number() over (order by id) as place from load_range where stream_id = ${streamId}),
    told as (select no, "archiveOf" as main, row_number() over () as place from ${listed(ranges, `no integer, "archiveOf" integer`)})
    update load_range r set archive_of = m.id
    from told c join made own on own.place = c.place join told p on p.no = c.main join made m on m.place = p.place where r.id = own.id
  `.execute(tx);
}

async function importQuarantine(tx: Tx, streamId: string, entries: StateDocument["quarantine"]): Promise<void> {
  const rows = listed(entries, `"sourceId" text, "targetId" text, code text, reason text, version numeric, modified timestamptz, hash text, attempts integer, state text, note text, "createdAt" timestamptz, "updatedAt" timestamptz`);
  const modified = sql`(extract(epoch from modified) * 1000)::bigint`;
  await sql`
    insert into quarantine (stream_id, source_id, target_id, code, reason, version, modified, hash, attempts, state, note, created_at, updated_at)
    select ${streamId}, "sourceId", "targetId", code, reason, version, ${modified}, hash, attempts, state, note, "createdAt", "updatedAt" from ${rows}
  `.execute(tx);
  // The versions set aside stay so; they were read before everything that is read from now on.
  await sql`
    insert into record (stream_id, id, source_id, held, version, modified, hash, read_no)
    select ${streamId}, "targetId", "sourceId", 'quarantined', version, ${modified}, hash, 0 from ${rows} where "targetId" is not null
    order by version desc nulls last, modified desc nulls last on conflict do nothing
  `.execute(tx);
}

/** A list of a document as rows, in its order. */
function listed(list: readonly object[], columns: string) {
  return sql`jsonb_to_recordset(${JSON.stringify(list)}::jsonb) as listed(${sql.raw(columns)})`;
}
