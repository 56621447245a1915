import { setTimeout as sleep } from "node:timers/promises";
import { signalBackfill } from "../../src/ops/start.ts";
import type { ServerHandle } from "../../src/local/managed-process.ts";
import { pipelineName } from "../support/job.ts";
import type { World } from "./world.ts";

const DAY_MS = 86_400_000;
const TEN_MINUTES_MS = 600_000;

/** One thing that goes wrong, or one that people do meanwhile. */
export async function something(world: World): Promise<void> {
  const { random, servers } = world;
  const pick = random.below(100);
  if (pick < 18) await killWorker(world);
  else if (pick < 34) void freezeWorker(world, random.between(500, 8_000));
  else if (pick < 48) void cutNetwork(world, random.between(300, 8_000));
  else if (pick < 54) await restarted(servers.postgres, "Postgres", world);
  else if (pick < 60) await restarted(servers.temporal, "Temporal", world);
  else if (pick < 66) await revokeTokens(world);
  else if (pick < 70) await moveClock(world);
  else if (pick < 82) await startRun(world, "sync");
  else if (pick < 93) await askBackfill(world);
  else await startRun(world, "audit");
}

async function killWorker(world: World): Promise<void> {
  const { workers, random, say } = world;
  const at = random.below(workers.length);
  const worker = workers[at]!;
  say(`kill worker ${at}`);
  const killed = worker.process;
  world.restart(worker);
  await killed.kill();
}

/** Also for longer than every timeout, so that it wakes up and tries to send its stale batch. */
async function freezeWorker({ workers, random, say }: World, ms: number): Promise<void> {
  const at = random.below(workers.length);
  const worker = workers[at]!;
  if (worker.frozen) return;
  say(`freeze worker ${at} for ${ms} ms`);
  worker.frozen = true;
  const { pid } = worker.process;
  process.kill(pid, "SIGSTOP");
  await sleep(ms);
  if (worker.frozen && worker.process.pid === pid) process.kill(pid, "SIGCONT");
  worker.frozen = false;
}

/** From the store, from Temporal or from both: either nothing passes for a while and then arrives late, or the connections break. */
async function cutNetwork({ workers, random, say }: World, ms: number): Promise<void> {
  const at = random.below(workers.length);
  const which = random.below(3);
  const breaks = random.below(3) === 0;
  const worker = workers[at]!;
  if (worker.cut) return;
  const links = [[worker.store], [worker.temporal], [worker.store, worker.temporal]][which]!;
  say(`${breaks ? "break" : "cut"} worker ${at} from ${["the store", "Temporal", "both"][which]} for ${ms} ms`);
  worker.cut = true;
  for (const link of links) {
    if (breaks) link.reset();
    link.stall();
  }
  await sleep(ms);
  for (const link of links) link.mend();
  worker.cut = false;
}

/** All processes run and all networks pass again. */
export async function untilMended({ workers }: World): Promise<void> {
  while (workers.some((worker) => worker.frozen || worker.cut)) await sleep(100);
}

async function restarted(server: ServerHandle, name: string, { say }: World): Promise<void> {
  say(`kill ${name}`);
  await server.kill();
  await server.restart();
}

/** Two schedules at most, and an audit. Nobody waits for it; what a killed server refuses, or what runs already, is not started. */
export async function startRun({ job, random, say }: World, type: "sync" | "audit"): Promise<void> {
  const pipeline = pipelineName(job);
  say(`start ${type}`);
  const { taskQueue, heartbeatMs } = job.config.runtime;
  const options = { byIds: random.below(2) === 0, repair: true };
  await job.temporal.client.workflow.start(type, {
    workflowId: `${type}/${pipeline}-${random.below(type === "sync" ? 2 : 1)}`, taskQueue, args: [{ pipeline, heartbeatMs, ...(type === "audit" ? { options } : {}) }], workflowTaskTimeout: "2 seconds",
  }).catch(() => undefined);
}

async function askBackfill({ job, random, say }: World): Promise<void> {
  const to = Date.now() - random.below(2 * DAY_MS);
  const range = { from: new Date(to - random.between(60_000, 3 * DAY_MS)).toISOString(), to: new Date(to).toISOString(), requestId: random.hex(8) };
  say(`backfill ${range.from} to ${range.to}`);
  await signalBackfill(job.temporal.client, job.services, pipelineName(job), "addRange", [range]).catch(() => undefined);
}

async function revokeTokens({ job, say }: World): Promise<void> {
  say("revoke tokens");
  await fetch(`${job.source.url}/_admin/revoke-tokens`, { method: "POST", body: "{}" });
}

/** Some orders lose an item with their second change: all of them are in the target by now. */
export async function loseItems({ job, say }: World): Promise<void> {
  say("change orders twice");
  for (const count of [200, 200]) await fetch(`${job.source.url}/_admin/change`, { method: "POST", body: JSON.stringify({ count }) });
}

async function moveClock({ job, random, say, clockMayJump }: World): Promise<void> {
  const offset = [-TEN_MINUTES_MS, 0, TEN_MINUTES_MS][random.below(3)]!;
  if (!clockMayJump) return;
  say(`the source's clock is ${offset / 1_000} s off`);
  await job.configureSource({ clockOffsetMs: offset });
}
