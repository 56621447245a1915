import { type RawBuilder, sql } from "kysely";
import type { SourceConfig, TidemarkConfig } from "../config/types.ts";
import type { Db, Store } from "../store/db.ts";
import { UNWANTED_MS } from "../store/keeping.ts";
import { formatInstant } from "../sync/labels.ts";
import { WORKER_GONE_MS } from "../temporal/current-build.ts";

/** Raw rows of a pipeline that stay in the store. */
export interface KeptRows {
  rows: number;
  /** When the first of them was kept. */
  since: string;
  /** When the one that was read last the longest ago was read, give or take a day. */
  oldestReadAt: string;
  /** Of their texts as Postgres holds them, without indexes; by the latest of them. */
  bytes: number;
  /** Where they are not wanted any more: gone then at the latest, if a worker runs; else null. */
  goneBy: string | null;
}

/** Rows that no pipeline of the config, and no worker, has a use for. */
export interface LeftRows extends KeptRows {
  pipeline: string;
  /** `removed`: no config has the pipeline; `replaced`: by a reload. */
  why: "removed" | "replaced";
}

const SAMPLE = 200;

interface Row extends Record<"rows" | "since" | "oldest" | "bytes" | "wantedAt", number> {
  pipeline: string;
  active: boolean;
  known: boolean;
}

/** @param which a condition on the stream `t` */
async function keptByStream(db: Db, which: RawBuilder<unknown>): Promise<Row[]> {
  const { rows } = await sql<Row>`
    select t.pipeline, t.active, extract(epoch from t.keep_wanted_at)::float8 * 1000 as "wantedAt", k.rows, extract(epoch from k.oldest)::float8 * 1000 as oldest,
      (select extract(epoch from first_at)::float8 * 1000 from kept where stream_id = t.id order by no limit 1) as since,
      (select k.rows * avg(pg_column_size(raw)) from (select raw from kept where stream_id = t.id order by no desc limit ${SAMPLE}) s)::float8 as bytes,
      exists (select 1 from worker w where w.config ? t.pipeline and w.seen_at > clock_timestamp() - ${WORKER_GONE_MS} * interval '1 ms') as known
    from stream t cross join lateral (select count(*)::float8 as rows, min(last_at) as oldest from kept where stream_id = t.id) k
    where ${which} and k.rows > 0 order by t.pipeline, t.id
  `.execute(db);
  return rows;
}

function keptOf({ rows, since, oldest, bytes, wantedAt }: Row, wanted: boolean): KeptRows {
  return { rows, since: formatInstant(since)!, oldestReadAt: formatInstant(oldest)!, bytes: Math.round(bytes), goneBy: wanted ? null : formatInstant(wantedAt + UNWANTED_MS) };
}

/** What is kept of a stream; null where nothing is. */
export async function keptRows(db: Db, streamId: string, keep: SourceConfig["keepRows"]): Promise<KeptRows | null> {
  const [row] = await keptByStream(db, sql`t.id = ${streamId}`);
  return row === undefined ? null : keptOf(row, keep !== "none");
}

/** What is still kept of pipelines that were removed from the config, and of streams that were replaced. */
export async function leftRows({ db }: Store, { pipelines }: TidemarkConfig): Promise<LeftRows[]> {
  const rows = await keptByStream(db, sql`(not t.active or t.pipeline <> all(${Object.keys(pipelines)}::text[]))`);
  return rows.filter(({ active, known }) => !active || !known).map((row) => ({ pipeline: row.pipeline, why: row.active ? "removed" : "replaced", ...keptOf(row, !row.active) }));
}
