import { sql } from "kysely";
import { findStream } from "../store/streams.ts";
import type { Services } from "../sync/services.ts";
import { backfillRanges } from "./backfills.ts";
import type { Started } from "./start.ts";

/** How a run stands while it is waited for. */
export interface RunView {
  records: number;
  pages: number;
  /** Done, by modified time, 0 to 1: of a range what is committed or skipped, of a run what it has read of what the first look found left; null when unknown. */
  share: number | null;
  /** Modified time that is still to be read (ms); null when unknown. */
  leftMs: number | null;
}

/** A sync run, or a range that a backfill reads. */
export type Watched = Started | { requestId: string };

type Reading = Omit<RunView, "share">;

/** Looks again and again at the same run. */
export function watchRun(services: Services, name: string, watched: Watched): () => Promise<RunView> {
  if ("requestId" in watched) return () => readRange(services, name, watched.requestId);
  let all: number | null = null;
  return async () => {
    const { records, pages, leftMs } = await readRun(services, name, watched);
    if (leftMs !== null) all = Math.max(all ?? 0, leftMs);
    return { records, pages, share: leftMs === null || all === null || all === 0 ? null : 1 - leftMs / all, leftMs };
  };
}

/** Rows of slices that are not committed yet lie in their pages. */
const PROGRESS = sql`
  coalesce(sum(case when s.state = 'committed' then s.read
    else (select coalesce(sum(row_count), 0) from page where slice_id = s.id) end), 0)::int as records,
  coalesce(sum(s.pages), 0)::int as pages`;

/** A run's slices carry its token; the head is read up to the run's start, then come the ranges of the first load. */
async function readRun({ store }: Services, name: string, { workflowId, runId }: Started): Promise<Reading> {
  const stream = await findStream(store.db, name);
  const { rows } = await sql<Reading>`
    with run as (
      select l.*, t.cursor, t.checkpoint_at, t.checkpoint_modified from lease l join stream t on t.id = l.stream_id
      where t.id = ${stream?.id ?? null}::bigint and l.lane = 'forward' and l.owner = ${`${workflowId}/${runId}`}
    ), reached as (
      select case when run.cursor = 'window'
        then (select coalesce(max(s.to_at), run.checkpoint_at) from slice s
          where s.stream_id = run.stream_id and s.purpose = 'forward' and s.state in ('extracted', 'classified'))
        else to_timestamp(coalesce((select max(p.modified[array_upper(p.modified, 1)]) from slice s join page p on p.slice_id = s.id
          where s.stream_id = run.stream_id and s.purpose = 'forward'), run.checkpoint_modified) / 1000.0) end as at
      from run
    ), ranges as (
      select coalesce(sum(extract(epoch from r.to_at - r.next_at)), 0) as left from run join load_range r on r.stream_id = run.stream_id
      where r.state = 'open' and r.purpose in ('initial', 'reread') and not r.archive and r.not_before <= clock_timestamp()
    )
    select ${PROGRESS}, (select case when run.cursor <> 'snapshot' then (greatest(extract(epoch from run.started_at - reached.at), 0) + ranges.left) * 1000 end from run, reached, ranges)::float8 as "leftMs"
    from run left join slice s on s.stream_id = run.stream_id and s.token = run.token
  `.execute(store.db);
  return rows[0]!;
}

async function readRange(services: Services, name: string, requestId: string): Promise<RunView> {
  const [range] = await backfillRanges(services, name, requestId);
  const { rows } = await sql<Pick<RunView, "records" | "pages">>`
    select ${PROGRESS} from backfill_request q join backfill_range r on r.request = q.id join slice s on s.range_id = r.id where q.request_id = ${requestId}
  `.execute(services.store.db);
  return { ...rows[0]!, share: range === undefined ? null : range.percent / 100, leftMs: range?.leftMs ?? null };
}
