import { sql } from "kysely";
import type { SourceConfig } from "../config/types.ts";
import type { Db } from "./db.ts";

/** How long rows stay that no worker wants kept any more (ms): long enough to notice a slip in the config, also after a holiday. */
export const UNWANTED_MS = 14 * 86_400_000;
/** Removed at a time, so that nobody waits for it. */
const PORTION = 5_000;

/**
 * Notes which pipelines' rows a worker's config wants kept, then removes rows of all pipelines: those whose time is over, all of
 * those that no worker wanted for two weeks, and at once those of streams that were replaced, which nothing reads.
 * @param keep `keepRows` by pipeline
 * @returns how many were removed
 */
export async function tendKept(db: Db, keep: Readonly<Record<string, SourceConfig["keepRows"]>>, portion = PORTION): Promise<number> {
  const wanted = Object.entries(keep).filter(([, rows]) => rows !== "none");
  await sql`
    update stream t set keep_ms = w.ms, keep_wanted_at = clock_timestamp()
    from unnest(${wanted.map(([pipeline]) => pipeline)}::text[], ${wanted.map(([, rows]) => (rows === "forever" ? null : rows))}::bigint[]) as w(pipeline, ms)
    where t.pipeline = w.pipeline and t.active and (t.keep_ms is distinct from w.ms or t.keep_wanted_at < clock_timestamp() - interval '1 hour')
  `.execute(db);
  const { rows: streams } = await sql<{ id: string; all: boolean }>`
    select t.id::text, s.all from stream t cross join lateral (select not t.active or t.keep_wanted_at < clock_timestamp() - ${UNWANTED_MS} * interval '1 ms' as all) s
    where (s.all or t.keep_ms is not null) and exists (select 1 from kept k where k.stream_id = t.id)
  `.execute(db);
  let removed = 0;
  for (const { id, all } of streams) {
    for (let gone = portion; gone === portion; removed += gone) {
      const { numAffectedRows } = await sql`
        delete from kept where stream_id = ${id} and source_id in (
          select k.source_id from kept k join stream t on t.id = k.stream_id
          where k.stream_id = ${id} and (${all} or k.last_at < clock_timestamp() - t.keep_ms * interval '1 ms') order by k.last_at limit ${portion} for update of k skip locked)
      `.execute(db);
      gone = Number(numAffectedRows ?? 0);
    }
  }
  return removed;
}
