import { sql } from "kysely";
import { markExtracted } from "../store/classify.ts";
import type { Db } from "../store/db.ts";
import { type PageMark, pageMarks, passCounts, stagePage } from "../store/pages.ts";
import type { SliceContext } from "./context.ts";
import { type Extraction, finished, MOST_PASSES, staged, unproven } from "./extraction.ts";

/**
 * Reads all that an API has, pass after pass until two agree: rows that shift while pages are read are missing from one pass
 * only. A pass ends at a page that is empty or brings no id that it has not had, whatever the answers say about a next one.
 * @throws SourceError; StoreError `TM_LEASE_LOST`
 */
export async function extractList(context: SliceContext): Promise<Extraction> {
  const { slice, store } = context;
  const { source, readNo } = context.source();
  let latest: PageMark | undefined = (await pageMarks(store.db, slice.id)).at(-1);
  for (;;) {
    if (latest?.isLast === true) {
      if (await agrees(store.db, slice.id, latest.pass)) break;
      if (latest.pass >= MOST_PASSES) return unproven(context);
    }
    const goesOn: PageMark | undefined = latest?.isLast === true ? undefined : latest;
    const [pass, page]: [number, number] = [goesOn?.pass ?? (latest?.pass ?? 0) + 1, (goesOn?.pageNo ?? 0) + 1];
    if (page > (source.api.maxPages ?? Infinity)) return unproven(context, `holds more than ${source.api.maxPages} pages, and the API answers no further ones`);
    const answer = await source.readList({ page, pageSize: slice.pageSize, params: slice.params }, context.signal);
    const rows = staged(context, answer.rows);
    const isLast = !(await bringsNew(store.db, slice.id, pass, rows.map((row) => row.sourceId)));
    latest = await stagePage(store.db, slice, {
      pass, seq: page, pageNo: page, fromVersion: null, lastVersion: null, total: null, rows, requests: answer.requests, readNo: readNo(), reachedEnd: false, isLast,
    });
    context.progress(page);
  }
  await markExtracted(store, slice, { reachedEnd: slice.purpose === "forward" });
  return finished(context, "extracted");
}

async function agrees(db: Db, sliceId: string, pass: number): Promise<boolean> {
  return pass > 1 && (await passCounts(db, sliceId, pass)).digest === (await passCounts(db, sliceId, pass - 1)).digest;
}

async function bringsNew(db: Db, sliceId: string, pass: number, ids: readonly string[]): Promise<boolean> {
  const { rows } = await sql`
    select 1 from unnest(${ids}::text[]) as id
    where not exists (select 1 from page p where p.slice_id = ${sliceId} and p.pass = ${pass} and id = any(p.source_ids)) limit 1
  `.execute(db);
  return rows.length > 0;
}
