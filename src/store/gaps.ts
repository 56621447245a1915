import { sql } from "kysely";
import type { Db } from "./db.ts";
import { epochMs } from "./streams.ts";

/** What is still unread of modified time that a person had skipped; ms UTC. */
export interface Gap {
  from: number;
  to: number;
  /** Why it was accepted. */
  because: string;
  acceptedAt: number;
}

/**
 * The last moment before which everything of a version walk was read for certain: the start of the last completed sweep (else
 * of the initial load), or the modified time of the row at the checkpoint where that is earlier, less twice the lookback.
 * null where nothing is known. For a stream named `s`.
 */
export function readForCertain(lookbackMs: number) {
  return sql`least(
      coalesce(
        (select max(w.started_at) from sweep w where w.stream_id = s.id and not w.archive and w.completed_at is not null),
        case when s.checkpoint_modified is not null or exists (select 1 from load_range r where r.stream_id = s.id and r.purpose = 'reread') then s.started_at end),
      to_timestamp(s.checkpoint_modified / 1000.0)
    ) - 2 * ${lookbackMs} * interval '1 ms'`;
}

/**
 * Accepted gaps, less what was read or verified since: by windows that were committed, or by audits that found everything.
 * What was younger than the lookback then may have got another row since, and stays.
 * @param lookbackMs how long before Postgres's now the lookback begins
 * @param archive the API keeps archived records apart: both have to be read
 */
export async function openGaps(db: Db, streamId: string, { lookbackMs, archive }: { lookbackMs: number; archive: boolean }): Promise<Gap[]> {
  const aged = sql`${lookbackMs} * interval '1 ms'`;
  const { rows } = await sql<Gap>`
    select (extract(epoch from lower(rest)) * 1000)::float8 as from, (extract(epoch from upper(rest)) * 1000)::float8 as to,
      g.because, ${epochMs("g.accepted_at")} as "acceptedAt"
    from gap g cross join lateral (
      select coalesce(range_agg(span) filter (where kind = 'current'), '{}')
          * (case when ${archive} then coalesce(range_agg(span) filter (where kind = 'archive'), '{}') else '{(,)}' end)
        + coalesce(range_agg(span) filter (where kind = 'audited'), '{}') as spans
      from (
        select case when s.archive then 'archive' else 'current' end as kind, tstzrange(s.from_at, least(s.to_at, s.created_at - ${aged}), '[]') as span
        from slice s where s.stream_id = g.stream_id and s.kind = 'window' and s.state = 'committed' and s.purpose <> 'resend'
          and s.created_at > g.accepted_at and s.from_at <= s.created_at - ${aged}
        union all
        select 'audited', tstzrange(w.from_at, least(w.to_at, a.started_at - ${aged}), '[]')
        from audit a join audit_window w on w.audit_id = a.id
        where a.stream_id = g.stream_id and a.state = 'done' and w.state in ('count', 'ids')
          and a.started_at > g.accepted_at and w.from_at <= a.started_at - ${aged}
      ) closing
    ) closed cross join lateral unnest(tstzmultirange(tstzrange(g.from_at, g.to_at, '[]')) - closed.spans) as rest
    where g.stream_id = ${streamId} order by lower(rest), g.id
  `.execute(db);
  return rows;
}
