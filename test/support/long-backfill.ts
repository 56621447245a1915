import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import type { NodeProcess } from "../../src/local/spawn-node.ts";
import { runSync } from "../../src/ops/run.ts";
import type { Comparison } from "../../src/simulator/compare.ts";
import { Random } from "../../src/simulator/random.ts";
import { searchAttributes } from "../../src/temporal/schedules.ts";
import { type Job, pipelineName, startJob } from "./job.ts";

const DAY_MS = 86_400_000;
const DAYS = 730;
const SIGNALS = 100;
const KILLS = 2;

export interface LongBackfill {
  orders: number;
  /** Events after which a run continues as new; default: the workflow's own. */
  mostEvents?: number;
  /** Called about every five seconds. */
  onLook?: (look: Look) => void;
}

export interface Look {
  seconds: number;
  loaded: number;
  runs: number;
  /** Resident memory of the worker, and of this process with both simulators (MB). */
  rss: number;
  simulators: number;
}

export interface LongReport {
  comparison: Comparison;
  /** Events of each run of the backfill. */
  events: number[];
  looks: Look[];
  seconds: number;
  /** Workers killed. */
  kills: number;
  /** State of each request of a signal, as it should be and as it is. */
  requests: { requestId: string; wanted: string; state: string }[];
  refused: string[];
  pagesAskedTwice: number;
  requestsAsked: number;
}

/**
 * Two years of orders as one backfill, while the source goes on changing: a hundred signals, most of them sent when a run is
 * about to continue as new, and two workers killed, each just after signals were sent.
 */
export async function runLongBackfill(job: Job, { orders, mostEvents, onLook }: LongBackfill): Promise<LongReport> {
  const { client } = job.temporal;
  const name = pipelineName(job);
  const workflowId = `backfill/${name}`;
  const began = performance.now();
  const now = Date.now();
  const iso = (ms: number) => new Date(ms).toISOString();
  let worker: NodeProcess = job.startWorker();
  await client.workflow.signalWithStart("backfill", {
    workflowId, taskQueue: job.config.runtime.taskQueue, signal: "addRange",
    args: [{ pipeline: name, heartbeatMs: job.config.runtime.heartbeatMs, ...(mostEvents === undefined ? {} : { mostEvents }) }],
    signalArgs: [{ from: iso(now - (DAYS + 1) * DAY_MS), to: iso(now), requestId: "all" }],
    workflowTaskTimeout: "5 seconds", typedSearchAttributes: searchAttributes(name, "backfill"),
  });
  const handle = client.workflow.getHandle(workflowId);
  const plan = signals(now);
  const looks: Look[] = [];
  const refused = new Set<string>();
  let [run, runs, sent, kills] = ["", 0, 0, 0];
  for (let lookedAt = 0; ; ) {
    const described = await handle.describe();
    if (described.runId !== run) [run, runs] = [described.runId, runs + 1];
    if (described.status.name === "COMPLETED") break;
    if (described.status.name !== "RUNNING") throw new Error(`the backfill ended as ${described.status.name}`);
    const loaded = await loadedOf(job);
    // Signals go out in bursts: when a run is about to continue as new, and in any case before half of the orders are loaded.
    const near = described.historyLength > (mostEvents ?? 3_000) * 0.85;
    if (sent < plan.length && (near || loaded > (orders / 2) * (sent / plan.length))) {
      const burst = plan.slice(sent, sent + (near ? 6 : 2));
      for (const [signal, payload] of burst) await handle.signal(signal, payload);
      sent += burst.length;
      if (kills < KILLS && sent > (plan.length * (kills + 1)) / (KILLS + 1)) {
        kills++;
        await worker.kill();
        worker = job.startWorker();
      }
    }
    if (performance.now() - lookedAt > 5_000) {
      lookedAt = performance.now();
      for (const text of await handle.query<{ refused: string[] }>("progress").then((one) => one.refused, () => [])) refused.add(text);
      looks.push({ seconds: Math.round((performance.now() - began) / 1000), loaded, runs, rss: rssOf(worker.pid), simulators: rssOf(process.pid) });
      onLook?.(looks.at(-1)!);
    }
    await sleep(100);
  }
  const seconds = Math.round((performance.now() - began) / 1000);
  await job.freeze();
  for (let again = 0; again < 2; again++) {
    await sleep(job.config.pipelines[name]!.source.lookbackMs);
    await runSync(job.services, job.temporal, name, { wait: true, signal: AbortSignal.timeout(600_000) });
  }
  const { rows } = await sql<{ requestId: string; state: string }>`
    select request_id as "requestId", state from backfill_request
  `.execute(job.store.db);
  const asked = plan.filter(([signal]) => signal === "addRange").map(([, payload]) => (payload as { requestId: string }).requestId);
  const state = (await (await fetch(`${job.source.url}/_admin/state`)).json()) as { pagesAskedTwice: number; requests: number };
  return {
    comparison: await job.compare(), events: await eventsOfRuns(job, workflowId), looks, seconds, kills, refused: [...refused],
    requests: ["all", ...asked].map((requestId) => ({
      requestId, wanted: requestId.startsWith("cancelled") ? "cancelled" : "done", state: rows.find((row) => row.requestId === requestId)?.state ?? "lost",
    })),
    pagesAskedTwice: state.pagesAskedTwice, requestsAsked: state.requests,
  };
}

/** A job whose worker is a process, over two years of orders. */
export function startLongJob(orders: number): Promise<Job> {
  return startJob({
    worker: "process", runtime: { heartbeatMs: 3_000 },
    source: { from: Date.now(), settleMs: 1_000, lookbackMs: 3_000, sweepEveryMs: 1, pageSize: 100, sliceRecords: 5_000 },
    target: { batchSize: 500, leaseMs: 8_000, timeoutMs: 4_000, zombieAfterMs: 5_000 },
    jushuitan: { orders, days: DAYS, changesPerRequest: 1 }, qeasy: { keepText: false },
  });
}

/** Ranges of some days each: most are wanted, and some of these go first; some are cancelled directly after they were asked for. */
function signals(now: number): [string, unknown][] {
  const random = new Random(7);
  const all: [string, unknown][] = [];
  for (let n = 0; all.length < SIGNALS; n++) {
    const cancelled = n % 4 === 3;
    const from = cancelled ? now - (random.next() * 20 + 8) * DAY_MS : now - (random.next() * (DAYS - 40) + 30) * DAY_MS;
    const requestId = `${cancelled ? "cancelled" : "wanted"}-${n}`;
    all.push(["addRange", { from: new Date(from).toISOString(), to: new Date(from + (random.next() * 3 + 1) * DAY_MS).toISOString(), requestId }]);
    if (cancelled) all.push(["cancelRange", requestId]);
    else if (n % 4 === 1) all.push(["moveRange", { requestId, to: "first" }]);
  }
  return all;
}

async function loadedOf(job: Job): Promise<number> {
  const { rows } = await sql<{ n: number }>`select coalesce(sum(loaded), 0)::int as n from slice where state = 'committed'`.execute(job.store.db);
  return rows[0]!.n;
}

function rssOf(pid: number): number {
  try {
    return Math.round(Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024);
  } catch {
    return 0;
  }
}

/** Events of each run, oldest first: the chain is followed backward. */
async function eventsOfRuns(job: Job, workflowId: string): Promise<number[]> {
  const events: number[] = [];
  for (let runId: string | undefined = (await job.temporal.client.workflow.getHandle(workflowId).describe()).runId; runId !== undefined && runId !== ""; ) {
    const history = await job.temporal.client.workflow.getHandle(workflowId, runId).fetchHistory();
    events.unshift(history.events!.length);
    runId = history.events![0]!.workflowExecutionStartedEventAttributes?.continuedExecutionRunId ?? undefined;
  }
  return events;
}
