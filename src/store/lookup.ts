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
 * top-level field is found by index. Equality with one further inside looks through the texts; any other condition reads rows.
 * @param pipelineOf the pipeline that runs a strategy
 */
export function lookupInStore(db: Db, pipelineOf: (strategy: string) => string | undefined): Lookup {
  return async ({ strategy, field, where }) => {
    const pipeline = pipelineOf(strategy);
    if (pipeline === undefined) return undefined;
    const filters = where.flatMap(filtersOf);
    const found: Value[] = [];
    for (let after = "0", limit = FIRST; ; limit = NEXT) {
      const rows = await rowsAfter(db, pipeline, filters, after, limit);
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

/** What every row that fulfils a condition passes, and few others. */
interface Filter {
  indexed: boolean;
  test: RawBuilder<unknown>;
}

/** The first rows behind `after` that pass the filters, in the order of keeping; one of nulls where there is none, and nothing at all for a pipeline that never ran. */
async function rowsAfter(db: Db, pipeline: string, filters: readonly Filter[], after: string, limit: number): Promise<Found[]> {
  const indexed = filters.filter((one) => one.indexed);
  const rows = sql`select no, raw from kept k where ${sql.join([sql`k.stream_id = t.id`, ...(indexed.length > 0 ? indexed : filters).map(({ test }) => test)], sql` and `)}`;
  const behind = sql`no > ${after}::bigint order by no limit ${limit}`;
  // Sorted only after the index has been asked: the order alone would lead through all rows.
  const part = indexed.length > 0 ? sql`with marked as materialized (${rows}) select no, raw from marked where ${behind}` : sql`${rows} and ${behind}`;
  const { rows: found } = await sql<Found>`
    select f.no::text, f.raw from stream t left join lateral (${part}) f on true
    where t.pipeline = ${pipeline} and t.active and (t.newest_commit_at is not null or exists (select 1 from kept where stream_id = t.id)) order by f.no
  `.execute(db);
  return found;
}

function filtersOf({ field, operator, value }: LookupCondition): Filter[] {
  if (operator !== "eq" && operator !== "in") return [];
  const texts = (operator === "in" ? (value as Value[]) : [value]).map((each) => textOf(each).trim());
  // Lists and objects are compared as JSON, which may be written in several ways.
  if (texts.some((text) => text === "" || /^[[{]|\0/.test(text))) return [];
  if (field !== "" && !/[.\0]/.test(field) && texts.every((text) => text.length <= LONGEST)) {
    const marks = texts.map((text) => sql`hashtextextended(${`${field}=${text}`}, t.id)`);
    return [{ indexed: true, test: sql`kept_marks(k.stream_id, k.raw) && array[${sql.join([sql`0::bigint`, ...marks])}]` }];
  }
  // A text stands in its row as it is, unless its characters are escaped.
  const plain = texts.every((text) => /^[\w. -]*$/.test(text));
  const parts = [plain ? "\\u00" : "\\", ...texts].map((text) => sql`strpos(k.raw, ${text}) > 0`);
  return [{ indexed: false, test: sql`(${sql.join(parts, sql` or `)})` }];
}
