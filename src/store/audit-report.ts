import { sql } from "kysely";
import type { SourceConfig } from "../config/types.ts";
import { TidemarkError } from "../errors.ts";
import { formatInstant } from "../source/time.ts";
import { readEarlierNow } from "./clock.ts";
import type { Db } from "./db.ts";
import { epochMs } from "./streams.ts";

const floorSecond = (ms: number) => Math.floor(ms / 1000) * 1000;

/**
 * The stretch that an audit looks at, in whole seconds: what was asked for, else everything from the pipeline's first time
 * on, where there is nothing yet the last second; never what is newer than the settle delay.
 * @throws TidemarkError `TM_AUDIT_EMPTY`
 */
export async function auditRange(db: Db, streamId: string, source: SourceConfig, asked: { from?: string; to?: string; lastMs?: number }): Promise<{ from: number; to: number }> {
  const { rows } = await sql<{ first: number | null; audited: number | null }>`
    select (select min(modified) from record where stream_id = ${streamId})::float8 as first,
      (select extract(epoch from max(to_at)) * 1000 from audit where stream_id = ${streamId} and state = 'done')::float8 as audited
  `.execute(db);
  const { first: oldest, audited } = rows[0]!;
  const settled = floorSecond((await readEarlierNow(db, source.account)) - source.settleMs);
  const first = source.from === "all" ? (oldest ?? settled) : source.from;
  // Audits may not have run for longer than that.
  const newest = asked.lastMs === undefined ? first : Math.max(first, Math.min(settled - asked.lastMs, audited ?? settled));
  const from = floorSecond(asked.from === undefined ? Math.min(newest, asked.to === undefined ? settled - 1_000 : newest) : Date.parse(asked.from));
  const to = Math.min(asked.to === undefined ? settled : floorSecond(Date.parse(asked.to)), settled);
  if (from < to) return { from, to };
  throw new TidemarkError("TM_AUDIT_EMPTY", `there is no closed time to audit: from ${formatInstant(from)} to ${formatInstant(to)}`, {
    path: "--from", fix: "Give --from and --to of a time that ended longer ago than source.settle, or wait until something was loaded.",
  });
}

/** How an audit stands, in numbers. */
export interface AuditNumbers {
  windows: number;
  comparing: number;
  byCount: number;
  byIds: number;
  differing: number;
  unproven: number;
  missing: number;
  stale: number;
  extra: number;
  repaired: number;
}

export async function auditCounts(db: Db, auditId: string): Promise<AuditNumbers> {
  const { rows } = await sql<AuditNumbers>`
    select count(*)::int as windows, count(*) filter (where state = 'comparing')::int as comparing, count(*) filter (where state = 'count')::int as "byCount",
      count(*) filter (where state = 'ids')::int as "byIds", count(*) filter (where state = 'differs')::int as differing,
      count(*) filter (where state = 'unproven')::int as unproven, coalesce(sum(f.missing), 0)::int as missing, coalesce(sum(f.stale), 0)::int as stale,
      coalesce(sum(f.extra), 0)::int as extra, coalesce(sum(f.repaired), 0)::int as repaired
    from audit_window w left join lateral (
      select count(*) filter (where kind in ('missing', 'target-missing')) as missing, count(*) filter (where kind in ('stale', 'target-stale')) as stale, count(*) filter (where kind = 'extra') as extra,
        count(*) filter (where repaired_at is not null) as repaired from audit_finding where window_id = w.id
    ) f on true where w.audit_id = ${auditId}
  `.execute(db);
  return rows[0]!;
}

/** One window of an audit, as it is reported; times in ms UTC. */
export interface AuditWindowReport {
  from: number;
  to: number;
  /** By the source's own count; null when it announces none, or was not asked. */
  source: number | null;
  index: number | null;
  /** In the index's word or the target's. */
  missing: number;
  stale: number;
  /** In the index, and no longer reported by the source. */
  extra: number;
  repaired: number;
  method: "count" | "ids" | "none";
  state: "open" | "comparing" | "count" | "ids" | "differs" | "unproven";
}

/** An audit as it is reported. */
export interface AuditReport {
  id: string;
  state: "open" | "done" | "left";
  byIds: boolean;
  repair: boolean;
  startedAt: number;
  endedAt: number | null;
  /** Counts, comparisons and repairs together. */
  requests: number;
  windows: AuditWindowReport[];
}

/** An audit by its request, or the newest of a stream; null when there is none. */
export async function readAudit(db: Db, streamId: string, requestId: string | null): Promise<AuditReport | null> {
  const { rows } = await sql<Omit<AuditReport, "windows">>`
    select a.id::text, a.state, a.by_ids as "byIds", a.repair, ${epochMs("a.started_at")} as "startedAt", ${epochMs("a.ended_at")} as "endedAt",
      (a.requests + coalesce((select sum(s.requests) from slice s join load_range r on r.id = s.range_id
        join audit_window w on w.range_id in (r.id, r.archive_of) where w.audit_id = a.id), 0))::int as requests
    from audit a where a.stream_id = ${streamId} and (${requestId}::text is null or a.request_id = ${requestId}) order by a.id desc limit 1
  `.execute(db);
  const audit = rows[0];
  if (audit === undefined) return null;
  const { rows: windows } = await sql<AuditWindowReport>`
    select ${epochMs("w.from_at")} as from, ${epochMs("w.to_at")} as to, nullif(coalesce(w.source_again, w.source), -1) as source, w.indexed as index,
      count(f.*) filter (where f.kind in ('missing', 'target-missing'))::int as missing, count(f.*) filter (where f.kind in ('stale', 'target-stale'))::int as stale,
      count(f.*) filter (where f.kind = 'extra')::int as extra, count(f.repaired_at)::int as repaired,
      case when w.range_id is not null then 'ids' when w.source_again is not null then 'count' else 'none' end as method, w.state
    from audit_window w left join audit_finding f on f.window_id = w.id where w.audit_id = ${audit.id} group by w.id order by w.from_at
  `.execute(db);
  return { ...audit, windows };
}
