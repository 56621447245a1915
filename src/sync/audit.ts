import { sql } from "kysely";
import { type AuditWindow, finishAudit, judgeWindow, saveCount, windowsToCount } from "../store/audits.ts";
import { expectHeld, judgeHeld, noteHeld } from "../store/audit-target.ts";
import { ConfigError } from "../errors.ts";
import { hasCounts, windowPages } from "../source/pages.ts";
import type { PipelineContext } from "./context.ts";

/** Ids that the index holds and no answer contained are looked for once more, so many at the most. */
const MOST_EXTRAS = 100;

/** Compares what the target says it holds with the index. @throws TargetError */
export async function compareTarget(context: PipelineContext, auditId: string): Promise<void> {
  const { store, progress, signal } = context;
  const held = context.target().held;
  if (held === null) throw targetUnreadable(context.pipeline.name);
  await expectHeld(store.db, auditId);
  let chunks = 0;
  for await (const records of held(signal)) {
    await noteHeld(store.db, auditId, records);
    progress(++chunks);
  }
  await judgeHeld(store, auditId);
}

/** Asks for the first counts of an audit's windows; those that are there already are not asked for again. */
export async function countWindows(context: PipelineContext, auditId: string): Promise<void> {
  const { store, progress } = context;
  for (const [i, window] of (await windowsToCount(store.db, auditId, false)).entries()) {
    const { count, requests } = await countOf(context, window);
    await saveCount(store.db, auditId, window.id, count, requests);
    progress(i + 1);
  }
}

/** Asks for the counts again, once forward runs have caught up, and judges each window by both and the index. */
export async function judgeWindows(context: PipelineContext, streamId: string, auditId: string): Promise<void> {
  const { store, progress } = context;
  const { archive } = context.source().source.api;
  for (const [i, window] of (await windowsToCount(store.db, auditId, true)).entries()) {
    const { count, requests } = await countOf(context, window);
    await judgeWindow(store, streamId, auditId, window, count, requests, archive);
    progress(i + 1);
  }
}

/** Rows of a window by the source's own word, archived ones included: the smallest page is enough. null: there is none to compare, and none is asked for where that is known. */
async function countOf(context: PipelineContext, { fromAt, toAt }: AuditWindow): Promise<{ count: number | null; requests: number }> {
  const { source } = context.source();
  const { params } = context.pipeline.source;
  if (!hasCounts(source.api)) return { count: null, requests: 0 };
  let count: number | null = 0;
  let requests = 0;
  for (const archive of source.api.archive ? [false, true] : [false]) {
    const answer = await source.readWindow({ from: fromAt, to: toAt, page: 1, pageSize: source.api.pageSize.min, params, archive }, context.signal);
    requests += answer.requests;
    count = count === null || answer.total === null ? null : count + answer.total;
  }
  return { count, requests };
}

/** Ends an audit. A row that became visible while the audit went on was loaded by a forward run and is no extra. */
export async function endAudit(context: PipelineContext, streamId: string, auditId: string): Promise<void> {
  const { store, progress } = context;
  const { rows } = await sql<{ id: string; sourceId: string; second: number }>`
    select r.id, r.source_id as "sourceId", (floor(r.modified / 1000.0) * 1000)::float8 as second
    from audit_window w join record r on r.stream_id = ${streamId} and r.held is not null
      and r.modified >= extract(epoch from w.from_at) * 1000 and r.modified < extract(epoch from w.to_at) * 1000 and r.seen_by is distinct from ${auditId}::bigint
    where w.audit_id = ${auditId} and w.state = 'comparing' limit ${MOST_EXTRAS}
  `.execute(store.db);
  for (const second of new Set(rows.map((row) => row.second))) {
    const { ids, requests } = await idsOfSecond(context, second);
    progress(1);
    const met = rows.filter((row) => row.second === second && ids.has(row.sourceId)).map((row) => row.id);
    await sql`
      with asked as (update audit set requests = requests + ${requests} where id = ${auditId})
      update record set seen_by = ${auditId} where stream_id = ${streamId} and id = any(${met}::text[])
    `.execute(store.db);
  }
  await finishAudit(store, streamId, auditId, context.source().source.api.notProvable === null);
}

async function idsOfSecond(context: PipelineContext, second: number): Promise<{ ids: Set<string>; requests: number }> {
  const { source } = context.source();
  const { pageSize, params } = context.pipeline.source;
  const ids = new Set<string>();
  let requests = 0;
  for (const archive of source.api.archive ? [false, true] : [false]) {
    for await (const answer of windowPages(source, { from: second, to: second + 1_000, pageSize, params, archive }, context.signal)) {
      requests += answer.requests;
      for (const row of answer.rows) if (row.id !== null) ids.add(row.id);
    }
  }
  return { ids, requests };
}

/** An audit of a target that lists nothing. */
export function targetUnreadable(pipeline: string): ConfigError {
  return new ConfigError("TM_AUDIT_TARGET", `the target of ${pipeline} cannot be read, so it cannot be compared`, {
    path: `pipelines.${pipeline}.target.heldUrl`, fix: "Give target.heldUrl, the address of a list of what the target holds; or audit without --target.",
  });
}
