import { type RawBuilder, sql } from "kysely";
import { type Lookup, type LookupCondition, matchesAll } from "../qeasy/lookup.ts";
import { readJson, textOf, type Value, valueAt } from "../qeasy/value.ts";
import type { Db } from "./db.ts";

/** Rows read at a time: few where an index finds them. */
const FIRST = 20;
const NEXT = 2_000;
/** Longest value that has a mark (characters), as in `kept_marks`. */
const LONGEST = 200;

/**
 * A lookup in the raw rows that pipelines keep (`source.keepRows`); it means what `lookupInRows` means. Equality with a
 * top-level field is found by index; any other condition reads the rows that are left.
 * @param pipelineOf the pipeline that runs a strategy
 */
export function lookupInStore(db: Db, pipelineOf: (strategy: string) => string | undefined): Lookup {
  return async ({ strategy, field, where }) => {
    const pipeline = pipelineOf(strategy);
    if (pipeline === undefined) return undefined;
    const marks = where.flatMap((condition) => marksOf(condition));
    const found: Value[] = [];
    for (let after = "0", limit = marks.length > 0 ? FIRST : NEXT; ; limit = NEXT) {
      const rows = await rowsAfter(db, pipeline, marks, after, limit);
      if (rows.length === 0) return undefined;
      for (const { raw } of rows) {
        const row = raw === null ? null : readJson(raw);
        if (row !== null && matchesAll(row, where)) found.push(valueAt(row, field) ?? null);
        if (found.length === 2) return found;
      }
      const last = rows.at(-1)!.no;
      if (last === null || rows.length < limit) return found;
      after = last;
    }
  };
}

interface Found {
  no: string | null;
  raw: string | null;
}

/** The first rows behind `after` that have all marks, in the order of keeping; one of nulls where there is none, and nothing at all for a pipeline that never ran. */
async function rowsAfter(db: Db, pipeline: string, marks: readonly RawBuilder<unknown>[], after: string, limit: number): Promise<Found[]> {
  const having = sql.join(marks.map((mark) => sql`and kept_marks(c.stream_id, c.raw) && ${mark}`), sql` `);
  const { rows } = await sql<Found>`
    select f.no::text, f.raw from stream t left join lateral (
      with marked as materialized (select no, raw from kept c where c.stream_id = t.id ${having})
      select no, raw from ${marks.length > 0 ? sql`marked` : sql`kept`} k
      where no > ${after}::bigint ${marks.length > 0 ? sql`` : sql`and k.stream_id = t.id`} order by no limit ${limit}
    ) f on true
    where t.pipeline = ${pipeline} and t.active order by f.no
  `.execute(db);
  return rows;
}

/** What a row that fulfils the condition has one mark of; none where its marks cannot tell. */
function marksOf({ field, operator, value }: LookupCondition): RawBuilder<unknown>[] {
  if ((operator !== "eq" && operator !== "in") || field === "" || /[.\0]/.test(field)) return [];
  const texts = (operator === "in" ? (value as Value[]) : [value]).map((each) => textOf(each).trim());
  // Lists and objects are compared as JSON, which may be written in several ways.
  if (texts.some((text) => text === "" || text.length > LONGEST || /^[[{]|\0/.test(text))) return [];
  const hashes = texts.map((text) => sql`hashtextextended(${`${field}=${text}`}, t.id)`);
  return [sql`array[${sql.join([sql`0::bigint`, ...hashes])}]`];
}
