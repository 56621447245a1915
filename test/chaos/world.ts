import type { NodeProcess } from "../../src/local/spawn-node.ts";
import type { JushuitanOptions } from "../../src/simulator/jushuitan/server.ts";
import { Random } from "../../src/simulator/random.ts";
import { type Job, startJob } from "../support/job.ts";
import { type Link, startLink } from "../support/link.ts";
import type { ChaosServers } from "./servers.ts";

/** A worker process with networks of its own to the store and to Temporal. */
export interface ChaosWorker {
  process: NodeProcess;
  store: Link;
  temporal: Link;
  frozen: boolean;
  cut: boolean;
}

/** What is broken, and how it is put together again. */
export interface World {
  job: Job;
  servers: ChaosServers;
  random: Random;
  workers: ChaosWorker[];
  /** Ids that the target refuses. */
  refused: string[];
  /** The mapping makes a document of each item of an order. */
  explodes: boolean;
  /** Whether the mapping leaves a record out. */
  leftOut: (id: string) => boolean;
  /** Whether the source's clock may be put back: following the version does not mind, windows of modified time do. */
  clockMayJump: boolean;
  /** What happened, with the time (ms) since the start. */
  log: string[];
  say: (what: string) => void;
  /** Starts the process again as its supervisor would. */
  restart(worker: ChaosWorker): void;
  stop(): Promise<void>;
}

const DAY_MS = 86_400_000;
const MINUTE_MS = 60_000;
/** Orders that change several times each: some lose an item by that. */
const OFTEN_CHANGED: JushuitanOptions = { orders: 300, changeIntervalMs: 500, changesPerInterval: 6 };
/** They were run before orders became several documents, and stay what they were. */
const FIRST_SEEDS = 113;

/** A fifth of the requests in all, of every kind; `code200` stops an account for a minute and so comes by few seeds. */
const SOURCE_FAULTS = {
  drop: 0.025, dropAfter: 0.03, html502: 0.02, http500: 0.015, html200: 0.015, emptyBody: 0.015, cutJson: 0.02, code199: 0.015, code100: 0.015,
  shortPage: 0.01, totalsLie: 0.01, versionDisorder: 0.005, slow: { share: 0.05, ms: 400 },
};
const TARGET_FAULTS = {
  drop: 0.03, dropAfter: 0.05, http500: 0.03, http503: 0.02, http429: 0.01, html200: 0.02, failureIn200: 0.01, emptyBody: 0.03, slow: { share: 0.1, ms: 600 },
};

/** A source that keeps changing while it is read, fails in every way, and is odd in the ways that are not documented. */
export function sourceOf(seed: number, random: Random): JushuitanOptions {
  return {
    seed, orders: 800, days: 2, changesPerRequest: 2, insertsPerRequest: 1, lateCommits: { share: 0.3, minMs: 10, maxMs: 2_500 }, latencyMs: 5,
    clockOffsetMs: [0, -10, 0][random.below(3)]! * MINUTE_MS, archived: random.below(2) * 0.2,
    windowEnd: (["inclusive", "exclusive"] as const)[random.below(2)]!, windowOrder: (["modified-asc", "modified-desc", "id"] as const)[random.below(3)]!,
    hasNext: (["truthful", "always-true", "always-false"] as const)[random.below(3)]!,
    faults: { ...SOURCE_FAULTS, ...(random.below(6) === 0 ? { code200: 0.01 } : {}) },
  };
}

/** Two workers, a source that keeps changing, a target that refuses some records. What a seed is made of follows from the seed. */
export async function startWorld(seed: number, servers: ChaosServers): Promise<World> {
  const random = new Random(seed);
  const cursor = (["version", "version", "auto", "window"] as const)[random.below(4)]!;
  // Drawn apart, so that the seeds of before stay what they were.
  const filters = new Random(seed + 1_000_000).below(3) === 0;
  const explodes = seed > FIRST_SEEDS && new Random(seed + 2_000_000).below(3) === 0;
  const leftOut = (id: string) => filters && id.endsWith("7");
  const unique = `chaos${seed}x${Date.now().toString(36)}`;
  const databaseUrl = await servers.database(unique);
  const job = await startJob({
    worker: "process", servers: { databaseUrl, temporal: servers.temporal, unique }, runtime: { heartbeatMs: 1_500 },
    account: { timeoutMs: 2_000 }, mapping: { id: "o_id", ...(filters ? { filter: "!string(record.o_id).endsWith('7')" } : {}), ...(explodes ? { explode: { list: "items" } } : {}) },
    source: {
      cursor, from: random.below(2) === 0 && cursor !== "window" ? "all" : Date.now() - 4 * DAY_MS, lookbackMs: 3_000, sweepEveryMs: 1_000, settleMs: 500, pageSize: 50, sliceRecords: 300,
    },
    target: { batchSize: 50, parallel: 2, timeoutMs: 1_000, leaseMs: 2_500, zombieAfterMs: 2_500, headers: { Authorization: "Bearer top-secret-of-the-target" } },
    jushuitan: { ...sourceOf(seed, random), ...(explodes ? OFTEN_CHANGED : {}) }, qeasy: { seed, faults: TARGET_FAULTS },
  });
  const truth = (await (await fetch(`${job.source.url}/_admin/truth?limit=60`)).text()).trim().split("\n").map((line) => (JSON.parse(line) as { id: string }).id).filter((id) => !leftOut(id));
  const refused = truth.filter((_, i) => i % 20 === 3);
  await job.configureTarget({ refuseIds: explodes ? refused.map((id) => `${id}-1`) : refused });
  const log: string[] = [`cursor ${cursor}${filters ? ", filtered" : ""}${explodes ? ", exploded" : ""}`];
  const began = performance.now();
  const say = (what: string) => void log.push(`${Math.round(performance.now() - began)} ms: ${what}`);
  const start = (store: Link, temporal: Link) =>
    job.startWorker({ databaseUrl: Object.assign(new URL(databaseUrl), { host: store.address }).href, address: temporal.address, silentMs: 3_000 });
  const workers = await Promise.all([0, 1].map(async (): Promise<ChaosWorker> => {
    const [store, temporal] = await Promise.all([startLink(new URL(databaseUrl).host), startLink(servers.temporal.address)]);
    return { process: start(store, temporal), store, temporal, frozen: false, cut: false };
  }));
  const world: World = {
    job, servers, random, workers, refused, explodes, leftOut, clockMayJump: cursor === "version", log, say,
    restart(worker) {
      const started = start(worker.store, worker.temporal);
      worker.process = started;
      worker.frozen = false;
      supervise(worker, started);
    },
    async stop() {
      stopped = true;
      await job.stop();
      await Promise.all(workers.flatMap((worker) => [worker.store.close(), worker.temporal.close()]));
    },
  };
  let stopped = false;
  for (const worker of workers) supervise(worker, worker.process);
  return world;

  /** A worker that ends by itself, such as one that found no server when it started, is started again. */
  function supervise(worker: ChaosWorker, running: NodeProcess): void {
    void running.exited.then(({ code }) => {
      if (stopped || worker.process !== running) return;
      say(`worker ${workers.indexOf(worker)} ended with ${code}`);
      setTimeout(() => {
        if (!stopped && worker.process === running) world.restart(worker);
      }, 1_000);
    });
  }
}
