import { sql } from "kysely";
import type { RunSummary } from "../../workflows/types.ts";
import { TidemarkError } from "../errors.ts";
import type { RowCounts, SliceCounts } from "../store/commit.ts";
import { findStream } from "../store/streams.ts";
import { ceilToSecond, floorToSecond } from "../source/time.ts";
import { lookbackAge } from "../store/clock.ts";
import { verifiedWithin } from "../store/requests.ts";
import { checkpointOf, countOf, formatInstant } from "../sync/labels.ts";
import { pipelineOf, requireWindows, type Services } from "../sync/services.ts";
import { type OpenedTemporal, runLink } from "./open.ts";
import { type RunView, watchRun } from "./run-view.ts";
import { backfillRanges } from "./backfills.ts";
import { type BackfillAsked, requireTaken, requireWorker, type Started, startBackfill, startSync, type Waiting } from "./start.ts";
import { asTidemark, backfillDid } from "./wait.ts";
import { workersGone } from "./workers.ts";

/** What `sync` and `backfill` print; with `--wait` all of it. */
export interface RunReport extends Started {
  pipeline: string;
  status: "started" | "completed" | "failed";
  link: string | null;
  /** Names a backfill's range. */
  requestId?: string;
  /** Of a backfill's range: verified by an audit, and therefore not read. */
  skipped?: { from: string; to: string }[];
  counts?: RowCounts;
  /** What the loaded records became in the target. */
  documents?: number;
  requests?: number;
  pages?: number;
  slices?: number;
  from?: string | null;
  to?: string | null;
  checkpoint?: string | null;
  seconds?: number;
}

export interface RunOptions extends Waiting {
  wait: boolean;
  /** Called about twice a second while waiting. */
  onProgress?: (view: RunView) => void;
}

const POLL_MS = 500;

/** Starts a sync run, and with `wait` returns when a run that began after this call has ended. @throws TidemarkError */
export async function runSync(services: Services, temporal: OpenedTemporal, name: string, options: RunOptions): Promise<RunReport> {
  pipelineOf(services.config, name);
  const began = performance.now();
  if (options.wait) await requireWorker(services, temporal);
  const started = await startSync(temporal.client, services, name, options);
  const base = { pipeline: name, ...started, link: runLink(temporal, started.workflowId, started.runId) };
  if (!options.wait) return { ...base, status: "started" };
  await requireTaken(services, temporal, started, options);
  const result = temporal.client.workflow.getHandle(started.workflowId, started.runId, { followRuns: true }).result() as Promise<RunSummary>;
  const summary = await watched(services, result, watchRun(services, name, started), options);
  return { ...base, status: "completed", ...flat(summary), seconds: since(began) };
}

/** Asks for a range, and with `wait` returns when all of it is committed. @throws TidemarkError */
export async function runBackfill(services: Services, temporal: OpenedTemporal, name: string, range: BackfillAsked, options: RunOptions): Promise<RunReport> {
  requireWindows(services.config, name, "a backfill");
  const began = performance.now();
  if (options.wait) await requireWorker(services, temporal);
  const started = await startBackfill(temporal.client, services, name, range);
  const window = { from: formatInstant(floorToSecond(range.from)), to: formatInstant(ceilToSecond(range.to)) };
  const base = { pipeline: name, ...started, link: runLink(temporal, started.workflowId, started.runId), ...window };
  if (!options.wait) return { ...base, status: "started", skipped: await toBeSkipped(services, name, range) };
  await requireTaken(services, temporal, started, options);
  await watched(services, rangeDone(services, temporal, name, started.requestId, options.signal), watchRun(services, name, { requestId: started.requestId }), options);
  const summary = await rangeSummary(services, name, started.requestId);
  const [done] = await backfillRanges(services, name, started.requestId);
  return { ...base, status: "completed", ...summary, skipped: done?.skipped ?? [], seconds: since(began) };
}

/** What the backfill will leave out, by the same rule. */
async function toBeSkipped({ store, config }: Services, name: string, { from, to, force = false }: BackfillAsked): Promise<{ from: string; to: string }[]> {
  const { source } = pipelineOf(config, name);
  const stream = await findStream(store.db, name);
  if (force || stream === null) return [];
  const age = (await lookbackAge(store.db, source.account, source.lookbackMs)) + source.settleMs;
  const skipped = await verifiedWithin(store.db, stream.id, { from: floorToSecond(from), to: ceilToSecond(to) }, age);
  return skipped.map((stretch) => ({ from: formatInstant(stretch.from)!, to: formatInstant(stretch.to)! }));
}

/** Waits for a result and reports how far it is meanwhile. */
async function watched<T>(services: Services, result: Promise<T>, look: () => Promise<RunView>, options: RunOptions): Promise<T> {
  const timer = setInterval(() => {
    if (options.onProgress === undefined) return;
    look().then(options.onProgress, () => undefined);
  }, POLL_MS);
  const aborted = new Promise<never>((_, reject) => {
    options.signal.addEventListener("abort", () => reject(options.signal.reason as Error), { once: true });
  });
  const ended = new AbortController();
  try {
    return await Promise.race([result, aborted, workersGone(services, ended.signal)]);
  } catch (error) {
    throw asTidemark(error);
  } finally {
    clearInterval(timer);
    ended.abort();
  }
}

/** Resolves when the range is done; rejects when the workflow ended before or waits for a person. */
async function rangeDone(services: Services, temporal: OpenedTemporal, name: string, requestId: string, signal: AbortSignal): Promise<void> {
  const isDone = async () => {
    const [range] = await backfillRanges(services, name, requestId);
    if (range?.state === "cancelled") {
      throw new TidemarkError("TM_RANGE_CANCELLED", `the range ${requestId} of ${name} was cancelled with ${range.percent} % of it read`, {
        path: "request", fix: `What was read stays. For the rest: "tidemark backfill ${name} --from ${range.from} --to ${range.to}".`,
      });
    }
    return range?.state === "done";
  };
  if (!(await backfillDid(temporal, name, isDone, signal))) throw await leftOpen(services, requestId);
}

/** The backfill ended, and the range is not done. */
async function leftOpen({ store }: Services, requestId: string): Promise<TidemarkError> {
  const { rows } = await sql<{ unproven: number }>`
    select count(*)::int as unproven from backfill_request q join backfill_range r on r.request = q.id join slice s on s.range_id = r.id
    where q.request_id = ${requestId} and s.state = 'open' and s.unproven_by is not null
  `.execute(store.db);
  return new TidemarkError("TM_WINDOW_UNPROVEN", `the backfill ended with ${countOf(rows[0]!.unproven, "window")} that could not be proved: two passes never agreed`, {
    fix: "Ask for the range again at a quieter time; everything else of it is loaded.",
  });
}

async function rangeSummary({ store }: Services, name: string, requestId: string): Promise<Partial<RunReport>> {
  const { rows } = await sql<SliceCounts & { slices: number }>`
    select coalesce(sum(s.read), 0)::int as read, coalesce(sum(duplicate), 0)::int as duplicate, coalesce(sum(unchanged), 0)::int as unchanged,
      coalesce(sum(superseded), 0)::int as superseded, coalesce(sum(quarantined), 0)::int as quarantined, coalesce(sum(filtered), 0)::int as filtered, coalesce(sum(loaded), 0)::int as loaded, coalesce(sum(documents), 0)::int as documents,
      coalesce(sum(requests), 0)::int as requests, coalesce(sum(pages), 0)::int as pages, count(*) filter (where s.state = 'committed')::int as slices
    from backfill_request q join backfill_range r on r.request = q.id join slice s on s.range_id = r.id and s.state in ('committed', 'split')
    where q.request_id = ${requestId}
  `.execute(store.db);
  const { slices, requests, pages, documents, ...counts } = rows[0]!;
  const stream = await findStream(store.db, name);
  return { counts, documents, requests, pages, slices, checkpoint: stream === null ? null : checkpointOf(stream) };
}

function flat(summary: RunSummary): Partial<RunReport> {
  const { documents, requests, pages, ...counts } = summary.counts;
  return { counts, documents, requests, pages, slices: summary.slices, from: summary.from, to: summary.to, checkpoint: summary.checkpoint };
}

function since(began: number): number {
  return Math.round((performance.now() - began) / 100) / 10;
}
