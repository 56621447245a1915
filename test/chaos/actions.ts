import { setTimeout as sleep } from "node:timers/promises";
import type { NodeProcess } from "../../src/local/spawn-node.ts";
import { signalBackfill } from "../../src/ops/start.ts";
import type { Random } from "../../src/simulator/random.ts";
import type { EmbeddedPostgres } from "../../src/store/embedded.ts";
import type { TemporalServer } from "../../src/temporal/server.ts";
import { type Job, pipelineName } from "../support/job.ts";

/** What is broken, and how it is put together again. */
export interface World {
  job: Job;
  postgres: EmbeddedPostgres;
  temporal: TemporalServer;
  random: Random;
  /** Two of them; frozen ones among them. */
  workers: NodeProcess[];
  frozen: Set<NodeProcess>;
  say: (what: string) => void;
}

const DAY_MS = 86_400_000;

/** One thing that goes wrong, or one that people do meanwhile. */
export async function something(world: World): Promise<void> {
  const { random } = world;
  const pick = random.below(100);
  if (pick < 20) await killWorker(world);
  else if (pick < 40) void freezeWorker(world, random.between(500, 8_000));
  else if (pick < 47) await restarted(world.postgres, "Postgres", world);
  else if (pick < 54) await restarted(world.temporal, "Temporal", world);
  else if (pick < 62) await admin(world, "revoke-tokens");
  else if (pick < 78) await startRun(world, "sync");
  else if (pick < 90) await askBackfill(world);
  else await startRun(world, "audit");
}

async function killWorker({ job, workers, frozen, random, say }: World): Promise<void> {
  const at = random.below(workers.length);
  const worker = workers[at]!;
  say(`kill worker ${at}`);
  frozen.delete(worker);
  await worker.kill();
  workers[at] = job.startWorker();
}

/** Also for longer than every timeout, so that it wakes up and tries to send its stale batch. */
async function freezeWorker({ workers, frozen, random, say }: World, ms: number): Promise<void> {
  const at = random.below(workers.length);
  const worker = workers[at]!;
  if (frozen.has(worker)) return;
  say(`freeze worker ${at} for ${ms} ms`);
  frozen.add(worker);
  process.kill(worker.pid, "SIGSTOP");
  await sleep(ms);
  thaw(worker, frozen);
}

export function thaw(worker: NodeProcess, frozen: Set<NodeProcess>): void {
  if (frozen.delete(worker)) process.kill(worker.pid, "SIGCONT");
}

async function restarted(server: EmbeddedPostgres | TemporalServer, name: string, { say }: World): Promise<void> {
  say(`kill ${name}`);
  await server.kill();
  await server.restart();
}

/** Nobody waits for it; what a killed server refuses is refused. */
export async function startRun({ job, random, say }: World, type: "sync" | "audit"): Promise<void> {
  const pipeline = pipelineName(job);
  say(`start ${type}`);
  const { taskQueue, heartbeatMs } = job.config.runtime;
  const options = { byIds: random.below(2) === 0, repair: true };
  await job.temporal.client.workflow.start(type, {
    workflowId: `${type}/${pipeline}-${random.hex(4)}`, taskQueue, args: [{ pipeline, heartbeatMs, ...(type === "audit" ? { options } : {}) }], workflowTaskTimeout: "2 seconds",
  }).catch(() => undefined);
}

async function askBackfill({ job, random, say }: World): Promise<void> {
  const to = Date.now() - random.below(2 * DAY_MS);
  const range = { from: new Date(to - random.between(60_000, 3 * DAY_MS)).toISOString(), to: new Date(to).toISOString(), requestId: random.hex(8) };
  say(`backfill ${range.from} to ${range.to}`);
  await signalBackfill(job.temporal.client, job.services, pipelineName(job), "addRange", [range]).catch(() => undefined);
}

async function admin({ job, say }: World, endpoint: string): Promise<void> {
  say(endpoint);
  await fetch(`${job.source.url}/_admin/${endpoint}`, { method: "POST", body: "{}" });
}
