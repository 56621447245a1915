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
      path: `pipelines.${state.pipeline}`, fix: `Change it with "tidemark state ${state.pipeline} set"; or begin anew with "tidemark deploy --reload ${state.pipeline}" and import then.`,
    });
  }
  await sql`insert into pair (stream_id, at, version) select ${streamId}, at, version from ${listed(state.pairs, "at timestamptz, version numeric")}`.execute(tx);
  await sql`
    insert into sweep (stream_id, started_at, from_version, to_version, next_version, archive, completed_at)
    select ${streamId}, "startedAt", "from", "to", next, archive, "completedAt"
    from ${listed(state.sweeps, `"startedAt" timestamptz, "from" numeric, "to" numeric, next numeric, archive boolean, "completedAt" timestamptz`)}
  `.execute(tx);
  await importRanges(tx, streamId, state.ranges, state.requests);
  await sql`
    insert into gap (stream_id, from_at, to_at, to_version, because, accepted_at) select ${streamId}, "from", "to", "toVersion", because, "acceptedAt"
    from ${listed(state.gaps, `"from" timestamptz, "to" timestamptz, "toVersion" numeric, because text, "acceptedAt" timestamptz`)}
  `.execute(tx);
  await importQuarantine(tx, streamId, state.quarantine);
}

async function importRanges(tx: Tx, streamId: string, ranges: StateDocument["ranges"], requests: StateDocument["requests"]): Promise<void> {
  await sql`
    insert into load_range (stream_id, purpose, from_at, to_at, next_at, archive, not_before, state, created_at, done_at)
    select ${streamId}, purpose, "from", "to", next, archive, "notBefore", state, "createdAt", "doneAt"
    from ${listed(ranges, `purpose text, "from" timestamptz, "to" timestamptz, next timestamptz, archive boolean, "notBefore" timestamptz, state text, "createdAt" timestamptz, "doneAt" timestamptz`)}
  `.execute(tx);
  await sql`
    with made as (select id, row_number() over (order by id) as place from load_range where stream_id = ${streamId}),
    told as (select no, "archiveOf" as main, row_number() over () as place from ${listed(ranges, `no integer, "archiveOf" integer`)})
    update load_range r set archive_of = m.id
    from told c join made own on own.place = c.place join told p on p.no = c.main join made m on m.place = p.place where r.id = own.id
  `.execute(tx);
  await sql`
    insert into backfill_request (stream_id, request_id, asked, from_at, to_at, skipped, position, state, created_at, done_at)
    select ${streamId}, "requestId", tstzrange("askedFrom", "askedTo"), "from", "to", coalesce((
      select range_agg(tstzrange(s."from", s."to")) from jsonb_to_recordset(skipped) as s("from" timestamptz, "to" timestamptz)), '{}'), position, state, "createdAt", "doneAt"
    from ${listed(requests, `"requestId" text, "askedFrom" timestamptz, "askedTo" timestamptz, "from" timestamptz, "to" timestamptz, skipped jsonb, position double precision, state text, "createdAt" timestamptz, "doneAt" timestamptz`)}
  `.execute(tx);
  await sql`
    with made as (select id, row_number() over (order by id) as place from load_range where stream_id = ${streamId}),
    told as (select no, row_number() over () as place from ${listed(ranges, "no integer")})
    insert into backfill_part (request, range_id)
    select q.id, m.id from ${listed(requests, `"requestId" text, ranges jsonb`)} join backfill_request q on q.stream_id = ${streamId} and q.request_id = "requestId"
    cross join lateral jsonb_array_elements_text(ranges) as part(no) join told t on t.no = part.no::int join made m on m.place = t.place
  `.execute(tx);
}

async function importQuarantine(tx: Tx, streamId: string, entries: StateDocument["quarantine"]): Promise<void> {
  const rows = listed(entries, `"sourceId" text, "targetId" text, code text, reason text, version numeric, modified timestamptz, hash text, attempts integer, state text, note text, "discardedBy" text, "discardedAt" timestamptz, "createdAt" timestamptz, "updatedAt" timestamptz`);
  const modified = sql`(extract(epoch from modified) * 1000)::bigint`;
  await sql`
    insert into quarantine (stream_id, source_id, target_id, code, reason, version, modified, hash, attempts, state, note, discarded_by, discarded_at, created_at, updated_at)
    select ${streamId}, "sourceId", "targetId", code, reason, version, ${modified}, hash, attempts, state, note, "discardedBy", "discardedAt", "createdAt", "updatedAt" from ${rows}
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
