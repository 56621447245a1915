import { sql } from "kysely";
import type { SourceRow } from "../source/contract.ts";
import type { Db, Tx } from "./db.ts";
import { leaseLost } from "./leases.ts";
import type { Slice } from "./slices.ts";

/** What a walk needs to know of a stored page to go on from it. */
export interface PageMark {
  pass: number;
  seq: number;
  pageNo: number;
  /** Highest version on the page (version walks). */
  lastVersion: string | null;
  total: number | null;
  rowCount: number;
  /** The walk ends here. */
  isLast: boolean;
}

/** A row as it is staged: read off the source's row, with the id that the target will know it by. */
export interface StagedRow extends SourceRow {
  sourceId: string;
  targetId: string;
  /** Content hash; only where the row has no version. */
  hash: string | null;
}

/** Begins the index key of a record without an id: it is quarantined once, by its content. */
export const NO_ID = "no-id:";

export interface NewPage extends Omit<PageMark, "rowCount"> {
  fromVersion: string | null;
  rows: readonly StagedRow[];
  /** HTTP requests that the answer took. */
  requests: number;
  /** The number taken before the request was sent. */
  readNo: string;
  /** Of rows that were read earlier, each with a number of its own. */
  readNos?: readonly string[];
  /** Reached the source's own end of what it has. */
  reachedEnd: boolean;
}

const MARK = sql`pass, seq, page_no as "pageNo", last_version::text as "lastVersion", total, row_count as "rowCount", is_last as "isLast"`;

/** The stored pages of a slice, in reading order. */
export async function pageMarks(db: Db, sliceId: string): Promise<PageMark[]> {
  const { rows } = await sql<PageMark>`select ${MARK} from page where slice_id = ${sliceId} order by pass, seq`.execute(db);
  return rows;
}

/**
 * Stages a page in one statement, only while the caller still owns the slice, and notes the pair (moment, highest version).
 * Where another attempt has already stored this position, that page stands.
 * @returns the stored page: the walk goes on from it, never from the answer in hand.
 * @throws StoreError `TM_LEASE_LOST`
 */
export async function stagePage(db: Db, slice: Slice, page: NewPage): Promise<PageMark> {
  const sameIds = page.rows.every((row) => row.targetId === row.sourceId);
  const column = <T>(pick: (row: StagedRow) => T): T[] => page.rows.map(pick);
  const { rows } = await sql<{ owned: number; staged: number }>`
    with owner as (
      select id, stream_id from slice where id = ${slice.id} and token = ${slice.token} and state = 'open' for update
    ), staged as (
      insert into page (slice_id, pass, seq, page_no, from_version, last_version, total, row_count, source_ids, target_ids,
        versions, modified, hashes, read_nos, shops, body, is_last, read_no)
      select owner.id, ${page.pass}, ${page.seq}, ${page.pageNo}, ${page.fromVersion}::numeric, ${page.lastVersion}::numeric,
        ${page.total}::int, ${page.rows.length}, ${column((row) => row.sourceId)}::text[],
        ${sameIds ? null : column((row) => row.targetId)}::text[], ${column((row) => row.version)}::numeric[],
        ${column((row) => row.modifiedMs)}::bigint[], ${column((row) => row.hash)}::text[], ${page.readNos ?? null}::bigint[],
        ${[...new Set(page.rows.flatMap((row) => row.shopId ?? []))]}::text[],
        ${`[${page.rows.map((row) => row.raw).join(",")}]`}, ${page.isLast}, ${page.readNo}
      from owner on conflict do nothing returning seq
    ), counted as (
      update slice set requests = requests + ${page.requests}, pages = pages + 1,
        reached_end = reached_end or (${page.reachedEnd} and exists (select 1 from staged))
      from owner where slice.id = owner.id
    ), noted as (
      insert into pair (stream_id, at, version)
      select stream_id, clock_timestamp(), ${page.lastVersion}::numeric from owner
      where ${page.lastVersion}::numeric is not null and not ${slice.archive}
        and not exists (select 1 from pair p where p.stream_id = owner.stream_id and p.at > clock_timestamp() - interval '1 second')
      on conflict do nothing
    )
    select (select count(*)::int from owner) as owned, (select count(*)::int from staged) as staged
  `.execute(db);
  if (rows[0]?.owned !== 1) throw leaseLost(slice.lane);
  if (rows[0].staged === 1) return { ...page, rowCount: page.rows.length };
  const stored = await sql<PageMark>`
    select ${MARK} from page where slice_id = ${slice.id} and pass = ${page.pass} and seq = ${page.seq}
  `.execute(db);
  return stored.rows[0]!;
}

/** Counts of one pass over a window: rows and distinct ids. */
export async function passCounts(db: Db, sliceId: string, pass: number): Promise<{ rows: number; distinct: number; digest: string | null }> {
  const { rows } = await sql<{ rows: number; distinct: number; digest: string | null }>`
    select count(*)::int as rows, count(distinct u.id)::int as distinct,
      md5(string_agg(u.id || ':' || coalesce(u.version::text, u.hash, ''), ',' order by u.id, u.version, u.hash)) as digest
    from page p cross join lateral unnest(p.source_ids, p.versions, p.hashes) as u(id, version, hash)
    where p.slice_id = ${sliceId} and p.pass = ${pass}
  `.execute(db);
  return rows[0]!;
}

/** The bodies of some pages of a slice: JSON arrays of rows as the source sent them. */
export async function pageBody(db: Db | Tx, sliceId: string, pass: number, seq: number): Promise<string> {
  const { rows } = await sql<{ body: string }>`
    select body from page where slice_id = ${sliceId} and pass = ${pass} and seq = ${seq}
  `.execute(db);
  return rows[0]?.body ?? "[]";
}
