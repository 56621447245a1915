import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { startPostgres, type EmbeddedPostgres } from "../../src/store/embedded.ts";
import { startTemporalServer, type TemporalServer } from "../../src/temporal/server.ts";
import { type Job, startJob } from "../support/job.ts";

let job: Job;
let dir: string;
let postgres: EmbeddedPostgres;
let temporal: TemporalServer;
afterEach(async () => {
  await job.stop();
  await Promise.all([postgres.stop(), temporal.stop()]);
  rmSync(dir, { recursive: true, force: true });
});

const loaded = async () => (await sql<{ n: number }>`select count(*)::int as n from record where held = 'loaded'`.execute(job.store.db)).rows[0]!.n;
async function untilLoaded(count: number): Promise<void> {
  await expect.poll(loaded, { timeout: 120_000, interval: 50 }).toBeGreaterThan(count);
}

test("Postgres, Temporal and the worker are each killed in the middle of a run of 20,000 orders; nothing is missed", async () => {
  dir = mkdtempSync(path.join(tmpdir(), "tidemark-full-"));
  [postgres, temporal] = await Promise.all([
    startPostgres({ dir: path.join(dir, "postgres"), port: 0 }), startTemporalServer({ dir: path.join(dir, "temporal"), port: 0, uiPort: 0 }),
  ]);
  job = await startJob({
    worker: "process", servers: { databaseUrl: postgres.url, temporal, unique: "full" }, runtime: { heartbeatMs: 2_000 },
    source: { from: "all", lookbackMs: 3_000, sweepEveryMs: 1, pageSize: 100, sliceRecords: 2_000 },
    jushuitan: { orders: 20_000, changesPerRequest: 2, insertsPerRequest: 1, lateCommits: { share: 0.2, minMs: 10, maxMs: 2_000 }, latencyMs: 10 },
  });
  const worker = job.startWorker();
  await expect.poll(async () => (await sql`select 1 from worker`.execute(job.store.db)).rows.length, { timeout: 60_000 }).toBe(1);
  const run = job.sync();
  await untilLoaded(3_000);
  await postgres.kill();
  await postgres.restart();
  await untilLoaded(7_000);
  await temporal.kill();
  await temporal.restart();
  await untilLoaded(12_000);
  await worker.kill();
  job.startWorker();
  await run;
  await job.freeze();
  for (let again = 0; again < 3; again++) {
    await new Promise((resolve) => setTimeout(resolve, 3_500));
    await job.sync();
  }
  expect(await job.compare()).toMatchObject({ missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 });
}, 600_000);
