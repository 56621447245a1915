import { randomUUID } from "node:crypto";
import { WorkflowExecutionAlreadyStartedError, WorkflowFailedError } from "@temporalio/client";
import { sql } from "kysely";
import type { AuditRequest } from "../../activities/types.ts";
import type { SourceConfig } from "../config/types.ts";
import { TidemarkError } from "../errors.ts";
import type { ApiDescription } from "../source/contract.ts";
import { getApi } from "../source/jushuitan/index.ts";
import { hasCounts } from "../source/pages.ts";
import { type AuditReport, auditRange, readAudit } from "../store/audit-report.ts";
import { auditBorders } from "../store/audits.ts";
import { findStream } from "../store/streams.ts";
import { canBeRead } from "../target/open.ts";
import { targetUnreadable } from "../sync/audit.ts";
import { formatInstant } from "../sync/labels.ts";
import { pipelineOf, requireWindows, type Services } from "../sync/services.ts";
import { searchAttributes } from "../temporal/schedules.ts";
import { type OpenedTemporal, runLink } from "./open.ts";
import { asTidemark } from "./wait.ts";
import { requireTaken, requireWorker, type Waiting } from "./start.ts";
import { type GapStatus, pipelineStatus } from "./status.ts";
import { workersGone } from "./workers.ts";

export interface AuditAsked {
  /** ms UTC; undefined: the pipeline's first time, and the settle delay before now. */
  from?: number;
  /** Exclusive. */
  to?: number;
  byIds: boolean;
  repair: boolean;
  /** Compare the target's own list too. */
  target?: boolean;
}

/** What an audit costs, told before it starts. */
export interface AuditCost {
  from: string;
  to: string;
  windows: number;
  /** For the counts of all windows, twice; 0 where the source announces none. */
  requests: number;
  /** About what reading all ids takes. */
  idRequests: number;
  /** Whether all ids are read; else those of windows that differ. */
  allIds: boolean;
}

/** What `audit` prints; with `--wait` all of it. */
export interface AuditAnswer {
  pipeline: string;
  workflowId: string;
  runId: string;
  link: string | null;
  status: "started" | "completed";
  cost: AuditCost;
  verdict?: Verdict;
  /** HTTP requests: counts, comparisons and repairs. */
  requests?: number;
  windows?: ReturnType<typeof windowsOf>;
  /** Records in quarantine now: reported by the source, and not in the target. */
  quarantined?: number;
  /** Records that a person gave up: the verdict leaves them out. */
  discarded?: number;
  /** Accepted gaps within the stretch that this audit could not close: they reach into the lookback, or have no verdict. */
  gaps?: GapStatus[];
  neverReturns: readonly string[];
  /** Why the verdict can be no better than unproven; null: it can. */
  notProvable: string | null;
}

/** `complete`: every record that the source reports is held. `incomplete`: some were missing or stale, and still are. */
export type Verdict = "complete" | "incomplete" | "unproven";

/** @throws TidemarkError `TM_AUDIT_EMPTY`, `TM_NOT_LOADED` */
export async function auditCost({ config, store }: Services, name: string, asked: AuditAsked): Promise<AuditCost> {
  const { source } = pipelineOf(config, name);
  requireWindows(config, name, "an audit");
  const stream = await findStream(store.db, name);
  if (stream === null || stream.startedAt === null) {
    throw new TidemarkError("TM_NOT_LOADED", `pipeline ${name} has not loaded anything yet`, { path: `pipelines.${name}`, fix: `Run "tidemark sync ${name} --wait" first.` });
  }
  const range = await auditRange(store.db, stream.id, source, isoRange(asked));
  const api = getApi(source.api, config.apis);
  const windows = auditBorders(range.from, range.to, api.windowMs).length - 1;
  return {
    from: formatInstant(range.from)!, to: formatInstant(range.to)!, windows, requests: hasCounts(api) ? windows * 2 * (api.archive ? 2 : 1) : 0,
    idRequests: await idRequests(store.db, stream.id, range, { api, windows, source }), allIds: !hasCounts(api) || asked.byIds,
  };
}

/**
 * A slice has its pages, the last one not full, and before them one answer for the count; archived records are asked for in each window.
 * Where no total is announced, windows are split until each is one answer: about four for a page of records, as measured.
 */
async function idRequests(
  db: Services["store"]["db"], streamId: string, { from, to }: { from: number; to: number },
  { api, windows, source }: { api: ApiDescription; windows: number; source: Pick<SourceConfig, "pageSize" | "sliceRecords"> },
): Promise<number> {
  const { rows } = await sql<{ held: number }>`
    select count(*)::float8 as held from record where stream_id = ${streamId} and modified between ${from} and ${to}
  `.execute(db);
  const { held } = rows[0]!;
  const pages = held / source.pageSize;
  const slices = windows + held / source.sliceRecords;
  const archived = api.archive ? windows : 0;
  return Math.ceil((api.totals ? pages + 2 * slices : Math.max(windows, 4 * pages)) + archived) * (api.otherWindowKeys === null ? 1 : 2);
}

/** Starts an audit, and with `wait` returns its verdict. @throws TidemarkError `TM_AUDIT_RUNNING`, `TM_AUDIT_TARGET` and others */
export async function runAudit(
  services: Services, temporal: OpenedTemporal, name: string, asked: AuditAsked,
  options: Waiting & { wait: boolean; onCost: (cost: AuditCost) => void },
): Promise<AuditAnswer> {
  const { taskQueue, heartbeatMs } = services.config.runtime;
  if (asked.target === true && !canBeRead(pipelineOf(services.config, name).target)) throw targetUnreadable(name);
  const cost = await auditCost(services, name, asked);
  if (options.wait) await requireWorker(services, temporal);
  options.onCost(cost);
  const request: AuditRequest = { ...isoRange(asked), requestId: randomUUID(), byIds: asked.byIds, repair: asked.repair, target: asked.target ?? false };
  const handle = await temporal.client.workflow.start("audit", {
    workflowId: `audit/${name}`, taskQueue, args: [{ pipeline: name, heartbeatMs, options: request }], workflowTaskTimeout: "5 seconds",
    staticSummary: `audit ${name}: is everything there that the source reports?`, typedSearchAttributes: searchAttributes(name, "audit"),
  }).catch((error: unknown) => {
    if (!(error instanceof WorkflowExecutionAlreadyStartedError)) throw error;
    throw new TidemarkError("TM_AUDIT_RUNNING", `an audit of ${name} is under way already`, { fix: `Wait for it, or end it in Temporal: audit/${name}.` });
  });
  const started = { workflowId: handle.workflowId, runId: handle.firstExecutionRunId };
  const { neverReturns, notProvable } = getApi(pipelineOf(services.config, name).source.api, services.config.apis);
  const answer = { pipeline: name, ...started, link: runLink(temporal, started.workflowId, started.runId), cost, neverReturns, notProvable };
  if (!options.wait) return { ...answer, status: "started" };
  await requireTaken(services, temporal, started, options);
  const aborted = new Promise<never>((_, reject) => {
    options.signal.addEventListener("abort", () => reject(options.signal.reason as Error), { once: true });
  });
  const ended = new AbortController();
  await Promise.race([handle.result(), aborted, workersGone(services, ended.signal)]).finally(() => ended.abort()).catch((error: unknown) => {
    throw error instanceof WorkflowFailedError ? asTidemark(error) : error;
  });
  const stream = await findStream(services.store.db, name);
  const report = stream === null ? null : await readAudit(services.store.db, stream.id, request.requestId);
  if (report === null) throw new TidemarkError("TM_RUN_FAILED", "the audit left no report", { fix: "See its history in Temporal's UI." });
  const status = await pipelineStatus(services.store, services.config, name);
  const gaps = status.gaps.filter(({ from, to }) => from < cost.to && to > cost.from);
  const verdict = verdictOf(report);
  return {
    ...answer, status: "completed", requests: report.requests, verdict: verdict === "complete" && (gaps.length > 0 || notProvable !== null) ? "unproven" : verdict,
    windows: windowsOf(report), quarantined: status.quarantined, discarded: status.discarded, gaps,
  };
}

/** What an audit says of the stretch that it looked at. */
export function verdictOf({ windows }: AuditReport): Verdict {
  if (windows.some(({ state }) => state === "differs")) return "incomplete";
  return windows.every(({ state }) => state === "count" || state === "ids") ? "complete" : "unproven";
}

function windowsOf({ windows }: AuditReport) {
  return windows.map(({ from, to, ...rest }) => ({ from: formatInstant(from)!, to: formatInstant(to)!, ...rest }));
}

function isoRange({ from, to }: AuditAsked): { from?: string; to?: string } {
  return { ...(from === undefined ? {} : { from: new Date(from).toISOString() }), ...(to === undefined ? {} : { to: new Date(to).toISOString() }) };
}
