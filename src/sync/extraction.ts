import { sql } from "kysely";
import { SourceError } from "../errors.ts";
import type { SourceRow } from "../source/contract.ts";
import type { StagedRow } from "../store/pages.ts";
import type { SliceContext } from "./context.ts";
import { formatInstant } from "./labels.ts";
import { stagedRows } from "./staged.ts";

/** How reading a slice ended. */
export interface Extraction {
  /** `unproven`: what never held still; it stays to be read by the next run. */
  state: "extracted" | "split" | "unproven";
  /** The pass that proved itself; 1 for version walks. */
  pass: number;
  /** The source has nothing newer, as far as this run needs to know: what an earlier run read says nothing of what was there when this one began. */
  reachedEnd: boolean;
}

/** Passes over what never holds still, before it is called unproven. */
export const MOST_PASSES = 8;
/**
 * Gives a slice up for this run: what was read of it is forgotten, and nothing of it counts as read.
 * @param why what the slice does, after "modified at …" or "the list"
 */
export async function unproven(context: SliceContext, why = `was read ${MOST_PASSES} times and no two passes agree`): Promise<Extraction> {
  const { slice, store } = context;
  await store.transaction(async (tx) => {
    const { rows } = await sql`
      update slice set unproven_by = ${slice.token} where id = ${slice.id} and token = ${slice.token} and state = 'open' returning id
    `.execute(tx);
    if (rows.length > 0) await sql`delete from page where slice_id = ${slice.id}`.execute(tx);
  });
  if (slice.purpose === "forward") {
    const [code, what] = slice.kind === "snapshot" ? ["TM_SNAPSHOT_UNPROVEN", "the list"] : ["TM_WINDOW_UNPROVEN", `a second of modified time (${formatInstant(slice.fromAt)})`];
    throw new SourceError("final", code, `${what} ${why}`, {
      fix: "The next run tries again; nothing behind it counts as read until then. If it goes on, ask the platform why these records keep changing.",
    });
  }
  return finished(context, "unproven");
}

export async function finished({ store, slice }: SliceContext, state: Extraction["state"]): Promise<Extraction> {
  const { rows } = await sql<{ reachedEnd: boolean; pass: number | null }>`
    select s.reached_end and s.created_at >= l.started_at as "reachedEnd", (select max(pass) from page where slice_id = s.id) as pass
    from slice s join lease l on l.stream_id = s.stream_id and l.lane = s.lane where s.id = ${slice.id}
  `.execute(store.db);
  return { state, pass: rows[0]?.pass ?? 1, reachedEnd: rows[0]?.reachedEnd ?? false };
}

/** Rows as they are staged for this pipeline. */
export function staged({ pipeline, source }: SliceContext, rows: readonly SourceRow[]): StagedRow[] {
  return stagedRows(pipeline.mapping.id, source().source.api.idField, rows);
}
