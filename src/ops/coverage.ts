import { sql } from "kysely";
import { getApi } from "../source/jushuitan/index.ts";
import { readEarlierNow } from "../store/clock.ts";
import { epochMs, findStream, type Stream } from "../store/streams.ts";
import { formatInstant } from "../sync/labels.ts";
import { listPipelineOf, type Services } from "../sync/services.ts";
import { pipelineGaps } from "./gaps.ts";

/** How well a stretch of modified time is known, from the best to the worst. `gap`: skipped on a person's word; `missing`: an audit found that something is missing or stale. */
export const COVERAGE = ["ids", "count", "loaded", "unproven", "never", "gap", "missing"] as const;
export type CoverageState = (typeof COVERAGE)[number];

export interface CoverageDay {
  /** A day in Asia/Shanghai, YYYY-MM-DD. */
  date: string;
  /** The worst of the day. */
  state: CoverageState;
}

export interface Coverage {
  pipeline: string;
  days: CoverageDay[];
  /** Why nothing of it is proved; null: it is. */
  notProvable: string | null;
  /** When all that the API has was read last, where it has no windows (and no days then); ISO 8601. */
  wholeAt: string | null;
}

interface Stretch {
  from: number;
  to: number;
  state: CoverageState;
}

const DAY_MS = 86_400_000;
const ZONE_MS = 8 * 3_600_000;

/** What is known of each day of a pipeline: verified by ids or by count, loaded, unproven, never read, an accepted gap, known to lack something. From the store alone. */
export async function coverage({ config, store }: Services, name: string): Promise<Coverage> {
  const { source, freshnessMs } = listPipelineOf(config, name);
  const { notProvable, windowKeys } = getApi(source.api, config.apis);
  const stream = await findStream(store.db, name);
  const base = { pipeline: name, notProvable, wholeAt: windowKeys === null ? formatInstant(stream?.checkpointAt ?? null) : null };
  if (windowKeys === null) return { ...base, days: [] };
  const now = await readEarlierNow(store.db, source.account);
  const { rows } = await sql<{ first: number | null; headRead: number | null }>`
    select (select min(modified) from record where stream_id = t.id)::float8 as first, ${epochMs("head_read_at")} as "headRead"
    from stream t where t.id = ${stream?.id ?? null}::bigint
  `.execute(store.db);
  const { first: oldest, headRead } = rows[0] ?? { first: null, headRead: null };
  // What came after the last look is not due yet, unless the pipeline is late.
  const due = now - source.settleMs;
  const settled = headRead === null || now - headRead >= freshnessMs ? due : stream?.cursor === "window" ? Math.min(stream.checkpointAt ?? due, due) : headRead - source.settleMs;
  const gaps = stream === null ? [] : await pipelineGaps(store.db, config, stream);
  const first = source.from === "all" ? Math.min(oldest ?? settled, ...gaps.map(({ from }) => from)) : source.from;
  if (stream === null || first >= settled) return { ...base, days: [] };
  let known: Stretch[] = [{ from: first, to: settled, state: "never" }];
  for (const stretch of [...(await loadedStretches(store.db, stream, first)), ...(await auditedStretches(store.db, stream.id)), ...gaps.map(({ from, to }) => ({ from, to, state: "gap" as const }))]) {
    known = paint(known, stretch);
  }
  return { ...base, days: daysOf(known) };
}

type Db = Services["store"]["db"];

/** Windows that are committed, and what the version walk has passed. */
async function loadedStretches(db: Db, stream: Stream, first: number): Promise<Stretch[]> {
  const { rows } = await sql<Stretch>`
    with read as (
      select tstzrange(from_at, to_at, '[]') as span from slice
      where stream_id = ${stream.id} and kind = 'window' and state = 'committed' and not archive and purpose <> 'resend'
      union all
      select tstzrange(case when first_version = 1 then to_timestamp(${first}::float8 / 1000) else started_at end,
        greatest(to_timestamp(checkpoint_modified / 1000.0), head_read_at, case when first_version = 1 then to_timestamp(${first}::float8 / 1000) else started_at end), '[]')
      from stream where id = ${stream.id} and started_at is not null and first_version is not null and checkpoint_modified is not null
    ), spans as (select unnest(range_agg(span)) as span from read)
    select (extract(epoch from lower(span)) * 1000)::float8 as from, (extract(epoch from upper(span)) * 1000)::float8 as to, 'loaded' as state from spans
    union all
    select ${epochMs("from_at")} as from, ${epochMs("to_at")} + 1000 as to, 'unproven' as state from slice
    where stream_id = ${stream.id} and state = 'open' and unproven_by is not null
  `.execute(db);
  return rows;
}

/** What audits said, oldest first: the latest word counts. */
async function auditedStretches(db: Db, streamId: string): Promise<Stretch[]> {
  const { rows } = await sql<Stretch>`
    select ${epochMs("w.from_at")} as from, ${epochMs("w.to_at")} as to,
      case when w.state = 'differs' then 'missing' else w.state end as state
    from audit_window w join audit a on a.id = w.audit_id
    where a.stream_id = ${streamId} and a.state = 'done' and w.state in ('count', 'ids', 'differs', 'unproven') order by a.id, w.from_at
  `.execute(db);
  return rows;
}

/** Stretches in order without a gap, with one more laid over them. */
export function paint(known: readonly Stretch[], over: Stretch): Stretch[] {
  return known.flatMap(({ from, to, state }) => {
    const [begin, end] = [Math.max(from, over.from), Math.min(to, over.to)];
    if (begin >= end) return [{ from, to, state }];
    return [{ from, to: begin, state }, { from: begin, to: end, state: over.state }, { from: end, to, state }].filter((part) => part.from < part.to);
  });
}

function daysOf(known: readonly Stretch[]): CoverageDay[] {
  const days: CoverageDay[] = [];
  const last = known.at(-1)!.to;
  for (let day = Math.floor((known[0]!.from + ZONE_MS) / DAY_MS) * DAY_MS - ZONE_MS; day < last; day += DAY_MS) {
    const states = known.filter(({ from, to }) => from < day + DAY_MS && to > day).map(({ state }) => COVERAGE.indexOf(state));
    days.push({ date: new Date(day + ZONE_MS).toISOString().slice(0, 10), state: COVERAGE[Math.max(...states)]! });
  }
  return days;
}
