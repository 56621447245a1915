import { type Expression, type RawBuilder, sql } from "kysely";
import type { Db, Tx } from "./db.ts";
import { revisionOf, type StateDocument } from "./state-document.ts";

/** A column of timestamptz as ISO 8601 text, to the microsecond. */
export function iso(column: string): RawBuilder<string> {
  return isoOf(sql.ref(column));
}

function isoOf(moment: Expression<unknown>): RawBuilder<string> {
  return sql`to_char(${moment} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

function isoOfMs(column: string): RawBuilder<string> {
  return sql`to_char(to_timestamp(${sql.ref(column)} / 1000.0) at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`;
}

const UNFINISHED = sql`('open', 'extracted', 'classified')`;

/**
 * The ranges that belong to a stream's state, numbered: unread ones, those of the first load, those that people asked for, and
 * the newest sweep by windows. What only compared or sent again is no state once it is done.
 */
export function stateRanges(streamId: string) {
  return sql`
    select r.*, row_number() over (order by r.id)::int as no from load_range r
    where r.stream_id = ${streamId} and r.purpose <> 'audit' and (r.state in ('open', 'planned') or r.purpose in ('initial', 'reread', 'backfill')
      or exists (select 1 from load_range a where a.archive_of = r.id and a.state in ('open', 'planned'))
      or r.id = (select max(id) from load_range where stream_id = ${streamId} and purpose = 'sweep'))`;
}

/** A stream's state. */
export interface ReadState {
  state: StateDocument;
  /** Ids that are being sent or are doubtful: what becomes of them only the index will know. */
  unsettled: number;
}

/**
 * A stream's state, in one statement and so of one moment. A range whose slices are not all committed is told as unread from
 * the first of those on, since slices do not go along.
 * @param names what the config calls its ends
 */
export async function readState(db: Db | Tx, streamId: string, names: { account: string; api: string }): Promise<ReadState> {
  const { rows } = await sql<Omit<StateDocument, "kind" | "schema" | "revision" | "account" | "api"> & { unsettled: number }>`
    select t.pipeline, t.cursor, json_build_object('source', t.source_fingerprint, 'target', t.target_fingerprint) as fingerprints,
      ${iso("t.started_at")} as "startedAt", t.first_version::text as "firstVersion",
      json_build_object('version', t.checkpoint_version::text, 'at', ${iso("t.checkpoint_at")}) as checkpoint, ${isoOfMs("t.checkpoint_modified")} as "checkpointModified",
      ${iso("t.proven_at")} as "provenAt", ${iso("t.head_read_at")} as "headReadAt", ${iso("t.newest_commit_at")} as "newestCommitAt",
      (select coalesce(json_agg(json_build_object('at', ${iso("p.at")}, 'version', p.version::text) order by p.at), '[]') from pair p where p.stream_id = t.id) as pairs,
      (select coalesce(json_agg(json_build_object('startedAt', ${iso("w.started_at")}, 'from', w.from_version::text, 'to', w.to_version::text,
          'next', w.next_version::text, 'archive', w.archive, 'completedAt', ${iso("w.completed_at")}) order by w.id), '[]')
        from sweep w where w.stream_id = t.id and (w.completed_at is null
          or w.id = (select id from sweep where stream_id = t.id and not archive and completed_at is not null order by started_at desc, id desc limit 1))) as sweeps,
      (select coalesce(json_agg(json_build_object('no', r.no, 'purpose', r.purpose, 'from', ${iso("r.from_at")}, 'to', ${iso("r.to_at")},
          'next', ${iso("r.unread_at")}, 'archive', r.archive, 'archiveOf', r.main_no, 'notBefore', ${iso("r.not_before")},
          'state', case when r.state = 'planned' and r.waits then 'open' else r.state end, 'createdAt', ${iso("r.created_at")}, 'doneAt', ${iso("r.done_at")}) order by r.no), '[]')
        from (
          with kept as (${stateRanges(streamId)})
          select k.*, m.no as main_no, coalesce(least(k.next_at, u.from_at), k.next_at) as unread_at, u.from_at is not null as waits
          from kept k left join kept m on m.id = k.archive_of
          left join lateral (select min(from_at) as from_at from slice where range_id = k.id and state in ${UNFINISHED}) u on true
        ) r) as ranges,
      (select coalesce(json_agg(json_build_object('requestId', q.request_id, 'askedFrom', ${isoOf(sql`lower(q.asked)`)}, 'askedTo', ${isoOf(sql`upper(q.asked)`)},
          'from', ${iso("q.from_at")}, 'to', ${iso("q.to_at")}, 'position', q.position, 'state', q.state, 'createdAt', ${iso("q.created_at")}, 'doneAt', ${iso("q.done_at")},
          'skipped', (select coalesce(json_agg(json_build_object('from', ${isoOf(sql`lower(s)`)}, 'to', ${isoOf(sql`upper(s)`)}) order by s), '[]') from unnest(q.skipped) s),
          'ranges', (select coalesce(json_agg(k.no order by k.no), '[]') from backfill_part p join (${stateRanges(streamId)}) k on k.id = p.range_id where p.request = q.id)
        ) order by q.id), '[]') from backfill_request q where q.stream_id = t.id) as requests,
      (select coalesce(json_agg(json_build_object('from', ${iso("g.from_at")}, 'to', ${iso("g.to_at")}, 'toVersion', g.to_version::text, 'because', g.because,
          'acceptedAt', ${iso("g.accepted_at")}) order by g.id), '[]') from gap g where g.stream_id = t.id) as gaps,
      (select coalesce(json_agg(json_build_object('sourceId', q.source_id, 'targetId', q.target_id, 'code', q.code, 'reason', q.reason, 'version', q.version::text,
          'modified', ${isoOfMs("q.modified")}, 'hash', q.hash, 'attempts', q.attempts, 'state', q.state, 'note', q.note,
          'discardedBy', q.discarded_by, 'discardedAt', ${iso("q.discarded_at")}, 'createdAt', ${iso("q.created_at")},
          'updatedAt', ${iso("q.updated_at")}) order by q.id), '[]') from quarantine q where q.stream_id = t.id and q.state in ('open', 'discarded')) as quarantine,
      ((select count(distinct id) from doubt where stream_id = t.id)
        + (select coalesce(sum(record_count), 0) from batch where stream_id = t.id and state = 'sending'))::int as unsettled
    from stream t where t.id = ${streamId}
  `.execute(db);
  const { pipeline, cursor, fingerprints, unsettled, ...rest } = rows[0]!;
  const document: StateDocument = { kind: "tidemark.state", schema: 1, pipeline, ...names, cursor, fingerprints, revision: "", ...rest };
  return { state: { ...document, revision: revisionOf(document) }, unsettled };
}
