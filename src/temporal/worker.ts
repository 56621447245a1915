import { randomUUID } from "node:crypto";
import { hostname } from "node:os";
import { fileURLToPath } from "node:url";
import { Client } from "@temporalio/client";
import { type NativeConnection, Worker } from "@temporalio/worker";
import { sql } from "kysely";
import { createActivities } from "../../activities/index.ts";
import { tendKept } from "../store/keeping.ts";
import { configParts } from "../store/worker-config.ts";
import type { Services } from "../sync/services.ts";
import { closeTargets } from "../target/open.ts";
import { ownBuild } from "./build.ts";
import { watchBuilds } from "./current-build.ts";

export interface WorkerOptions {
  connection: NativeConnection;
  namespace: string;
  services: Services;
  /** Told of what Temporal refuses about builds; the worker goes on. */
  onProblem?: (error: unknown) => void;
}

/** How often a worker shows in the store that it lives (ms). */
export const WORKER_SIGN_MS = 2_000;
/** How often it removes kept rows whose time is over (ms). */
const TEND_MS = 60_000;

/**
 * A worker for all pipelines of the config. `run` returns when the worker was shut down (SIGTERM, SIGINT, or `shutdown()`);
 * activities under way get up to ten seconds to come to a stop, what they stored stands.
 */
export async function createWorker({ connection, namespace, services, onProblem = () => undefined }: WorkerOptions): Promise<{ run(): Promise<void>; shutdown(): void }> {
  const { taskQueue, heartbeatMs } = services.config.runtime;
  const build = ownBuild(services.config.runtime);
  const worker = await Worker.create({
    connection, namespace, taskQueue,
    workflowsPath: fileURLToPath(new URL(`../../workflows/${build === null ? "index" : "versioned"}.ts`, import.meta.url)),
    activities: createActivities(services),
    // A run stays with the build that began it; workflows/versioned.ts names those that do not.
    ...(build === null ? {} : { workerDeploymentOptions: { version: build, useWorkerVersioning: true, defaultVersioningBehavior: "PINNED" } }),
    shutdownGraceTime: "2 seconds",
    shutdownForceTime: "10 seconds",
    maxConcurrentActivityTaskExecutions: 40,
    maxCachedWorkflows: 100,
    // A frozen worker's open polls swallow a task each until it times out: few of them are enough here.
    workflowTaskPollerBehavior: { type: "simple-maximum", maximum: 2 },
    activityTaskPollerBehavior: { type: "simple-maximum", maximum: 4 },
    // A killed worker's workflow tasks are given to another one soon.
    stickyQueueScheduleToStartTimeout: Math.min(5_000, Math.max(1_000, heartbeatMs)),
    // Heartbeats are how cancellation reaches an activity: not slower than needed.
    maxHeartbeatThrottleInterval: Math.max(500, Math.floor(heartbeatMs / 2)),
  });
  let ended = false;
  return {
    shutdown: () => {
      ended = true;
      if (worker.getState() === "RUNNING") worker.shutdown();
    },
    async run() {
      const id = randomUUID();
      const sign = () => showSign(services, id, build?.buildId ?? "").catch(() => undefined);
      const timer = setInterval(() => void sign(), WORKER_SIGN_MS);
      await sign();
      const tend = tending(services);
      const tender = setInterval(tend, TEND_MS);
      tend();
      const endWatch = watchBuilds(services, build, { client: new Client({ connection, namespace }), namespace }, onProblem);
      try {
        const running = worker.run();
        // It may have been told to stop before it ran.
        if (ended) worker.shutdown();
        await running;
      } finally {
        clearInterval(timer);
        clearInterval(tender);
        endWatch();
        await closeTargets(services.config);
        await sql`delete from worker where id = ${id}`.execute(services.store.db).catch(() => undefined);
      }
    },
  };
}

/** One look after kept rows at a time; what fails is tried again by the next. */
function tending({ store, config }: Services): () => void {
  let under = false;
  const keep = Object.fromEntries(Object.values(config.pipelines).map(({ name, source }) => [name, source.keepRows]));
  return () => {
    if (under) return;
    under = true;
    void tendKept(store.db, keep).catch(() => undefined).finally(() => (under = false));
  };
}

async function showSign({ store, config }: Services, id: string, buildId: string): Promise<void> {
  const parts = Object.fromEntries(Object.values(config.pipelines).map((pipeline) => [pipeline.name, configParts(config, pipeline)]));
  await sql`
    insert into worker (id, host, pid, task_queue, build_id, config)
    values (${id}, ${hostname()}, ${process.pid}, ${config.runtime.taskQueue}, ${buildId}, ${JSON.stringify(parts)}::jsonb)
    on conflict (id) do update set seen_at = clock_timestamp()
  `.execute(store.db);
  await sql`delete from worker where seen_at < clock_timestamp() - interval '1 day'`.execute(store.db);
}
