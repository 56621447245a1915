import { sql } from "kysely";
import type { Db } from "../store/db.ts";
import { formatInstant } from "./labels.ts";

/** A remap that a person asked for, and how far it is. */
export interface RemapStatus {
  /** Its number. */
  remap: string;
  /** Modified time; null: no limit. */
  from: string | null;
  to: string | null;
  /** `waiting` (for its turn, or for what the mapping before has under way), `open`, `planned` (all slices made), `done`, `cancelled`. */
  state: "waiting" | "open" | "planned" | "done" | "cancelled";
  /** Records that it was for when it was asked for. */
  asked: number;
  /** Committed slices, and what became of their records. */
  slices: number;
  read: number;
  loaded: number;
  quarantined: number;
  filtered: number;
  /** Of the records that it was for: committed. 100 only when done. */
  percent: number;
}

/** How many are listed. */
const LISTED = 20;

/** Remaps that people asked for: those that are not done in their order, then the latest others; at most 20. */
export async function remapStatus(db: Db, streamId: string): Promise<RemapStatus[]> {
  const { rows } = await sql<Omit<RemapStatus, "from" | "to" | "percent"> & { from: number | null; to: number | null }>`
    with listed as (
      select m.id, m.from_ms::float8 as from, m.to_ms::float8 as to, m.asked,
        case when m.state = 'open' and m.first_batch is null then 'waiting' when m.state = 'planned' and not coalesce(bool_or(s.state in ('extracted', 'classified')), false) then 'done' else m.state end as state,
        count(*) filter (where s.state = 'committed')::int as slices, coalesce(sum(s.read) filter (where s.state = 'committed'), 0)::int as read,
        coalesce(sum(s.loaded) filter (where s.state = 'committed'), 0)::int as loaded,
        coalesce(sum(s.quarantined) filter (where s.state = 'committed'), 0)::int as quarantined, coalesce(sum(s.filtered) filter (where s.state = 'committed'), 0)::int as filtered
      from remap m left join slice s on s.remap_id = m.id where m.stream_id = ${streamId} group by m.id
    )
    select id::text as remap, "from", "to", state, asked, slices, read, loaded, quarantined, filtered from listed l
    order by state in ('done', 'cancelled'), case when state in ('done', 'cancelled') then -id else id end limit ${LISTED}
  `.execute(db);
  return rows.map(({ from, to, ...row }) => ({
    ...row, from: formatInstant(from), to: formatInstant(to),
    percent: row.state === "done" ? 100 : Math.min(99, row.asked === 0 ? 0 : Math.floor((row.read * 100) / row.asked)),
  }));
}
