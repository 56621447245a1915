import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { Client as PgClient } from "pg";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { pipelineStatus } from "../../src/ops/status.ts";
import { Random } from "../../src/simulator/random.ts";
import { type EmbeddedPostgres, startPostgres } from "../../src/store/embedded.ts";
import { startTemporalServer, type TemporalServer } from "../../src/temporal/server.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";
import { something, startRun, thaw, type World } from "./actions.ts";

const TROUBLE_MS = 25_000;
const SETTLE_MS = 120_000;

/** `CHAOS_SEEDS`: `7`, `1-20` or `3,8,21`. */
const seeds = (process.env["CHAOS_SEEDS"] ?? "1").split(",").flatMap((part) => {
  const [from = 1, to = from] = part.split("-").map(Number);
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
});

let dir: string;
let postgres: EmbeddedPostgres;
let temporal: TemporalServer;
let job: Job | undefined;
beforeAll(async () => {
  dir = mkdtempSync(path.join(tmpdir(), "tidemark-chaos-"));
  [postgres, temporal] = await Promise.all([
    startPostgres({ dir: path.join(dir, "postgres"), port: 0 }), startTemporalServer({ dir: path.join(dir, "temporal"), port: 0, uiPort: 0 }),
  ]);
});
afterEach(() => job?.stop());
afterAll(async () => {
  await Promise.all([postgres.stop(), temporal.stop()]);
  rmSync(dir, { recursive: true, force: true });
});

async function database(name: string): Promise<string> {
  const client = new PgClient({ connectionString: postgres.url });
  await client.connect();
  await client.query(`create database ${client.escapeIdentifier(name)}`);
  await client.end();
  return Object.assign(new URL(postgres.url), { pathname: `/${name}` }).href;
}

test.each(seeds)("seed %i: whatever goes wrong, every order is in the target in its newest version, or in quarantine", async (seed) => {
  const random = new Random(seed);
  const unique = `chaos${seed}x${Date.now().toString(36)}`;
  job = await startJob({
    worker: "process", servers: { databaseUrl: await database(unique), temporal, unique }, runtime: { heartbeatMs: 1_500 },
    account: { timeoutMs: 2_000 },
    source: { from: "all", lookbackMs: 3_000, sweepEveryMs: 1_000, settleMs: 500, pageSize: 50, sliceRecords: 300 },
    target: { batchSize: 50, parallel: 2, timeoutMs: 1_000, leaseMs: 2_500, zombieAfterMs: 2_500 },
    jushuitan: {
      seed, orders: 800, days: 2, changesPerRequest: 2, insertsPerRequest: 1, lateCommits: { share: 0.3, minMs: 10, maxMs: 2_500 }, latencyMs: 5,
      faults: { drop: 0.03, dropAfter: 0.03, html502: 0.03, http500: 0.02, html200: 0.02, emptyBody: 0.02, cutJson: 0.03, code100: 0.02, slow: { share: 0.05, ms: 400 } },
    },
    qeasy: { seed, faults: { drop: 0.04, dropAfter: 0.05, http500: 0.03, http503: 0.02, html200: 0.02, emptyBody: 0.04, slow: { share: 0.1, ms: 600 } } },
  });
  const truth = (await (await fetch(`${job.source.url}/_admin/truth?limit=60`)).text()).trim().split("\n").map((line) => (JSON.parse(line) as { id: string }).id);
  const refused = truth.filter((_, i) => i % 20 === 3);
  await job.configureTarget({ refuseIds: refused });
  const log: string[] = [];
  const began = performance.now();
  const world: World = { job, postgres, temporal, random, workers: [job.startWorker(), job.startWorker()], frozen: new Set(), say: (what) => log.push(`${Math.round(performance.now() - began)} ms: ${what}`) };
  try {
    await startRun(world, "sync");
    while (performance.now() - began < TROUBLE_MS) {
      await sleep(random.between(200, 1_200));
      await something(world);
    }
    for (const worker of world.workers) thaw(worker, world.frozen);
    await job.freeze();
    await job.configureSource({ faults: null });
    await job.configureTarget({ faults: null });
    await settled(world);
    expect(await job.compare(refused)).toMatchObject({ missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 });
    const { rows: aside } = await sql<{ id: string }>`select source_id as id from quarantine where state = 'open' order by 1`.execute(job.store.db);
    expect(aside.map((entry) => entry.id)).toEqual(refused.toSorted());
    const { rows: left } = await sql`
      select (select count(*)::int from record where batch_id is not null) as claims, (select count(*)::int from page) as pages, (select count(*)::int from item) as items,
        (select count(*)::int from batch) as batches, (select count(*)::int from doubt) as doubts`.execute(job.store.db);
    expect(left).toEqual([{ claims: 0, pages: 0, items: 0, batches: 0, doubts: 0 }]);
  } catch (error) {
    process.stderr.write(`seed ${seed}:\n${log.join("\n")}\n`);
    throw error;
  }
});

/** Runs until nothing is doubtful or open, and a sweep has begun after the freeze. */
async function settled(world: World): Promise<void> {
  const { job } = world;
  const name = pipelineName(job);
  const since = (await sql<{ at: string }>`select clock_timestamp()::text as at`.execute(job.store.db)).rows[0]!.at;
  for (const until = performance.now() + SETTLE_MS; ; ) {
    await sleep(1_000);
    const status = await pipelineStatus(job.store, job.config, name);
    const { rows } = await sql<{ swept: boolean }>`select exists (select 1 from sweep where started_at > ${since}::timestamptz + interval '4 seconds' and completed_at is not null) as swept`.execute(job.store.db);
    const open = await job.temporal.client.workflow.count(`TaskQueue = "${job.config.runtime.taskQueue}" AND ExecutionStatus = "Running"`);
    if (status.settled && rows[0]!.swept && open.count === 0) return;
    if (open.count === 0) await startRun(world, "sync");
    if (performance.now() > until) throw new Error(`not settled: ${JSON.stringify({ ...status, swept: rows[0]!.swept, open: open.count })}`);
  }
}
