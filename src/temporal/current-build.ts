import { setTimeout as sleep } from "node:timers/promises";
import type { Client } from "@temporalio/client";
import { sql } from "kysely";
import { TidemarkError } from "../errors.ts";
import type { Services } from "../sync/services.ts";
import { type Build, ownBuild } from "./build.ts";

/** How often a worker looks whether what is under way has workers (ms). */
const LOOK_MS = 10_000;
/** A build can be made current once its first poll has made it known: until then it is tried each second, so many times. */
const SOON_MS = 1_000;
const FIRST_TRIES = 15;
/** So long a build may be without a worker (ms): one that is restarted comes back meanwhile. */
const PATIENCE_MS = 30_000;
/** Without a sign for so long (ms) a worker counts as gone; they give one every two seconds. */
export const WORKER_GONE_MS = 10_000;

/** Workers without a version have this build id, here and in Temporal. */
const UNVERSIONED = "";
/** TASK_QUEUE_TYPE_WORKFLOW. */
const WORKFLOW_TASKS = 1;

export interface Place {
  client: Client;
  namespace: string;
}

/** A run under way that stays with the build that began it. */
interface PinnedRun {
  workflowId: string;
  runId: string;
  buildId: string;
}

/** The builds of which a worker lives, by the signs that workers leave in the store. */
async function liveBuilds({ store, config }: Services): Promise<Set<string>> {
  const { rows } = await sql<{ build: string }>`
    select distinct build_id as build from worker
    where task_queue = ${config.runtime.taskQueue} and seen_at > clock_timestamp() - ${WORKER_GONE_MS} * interval '1 ms'
  `.execute(store.db);
  return new Set(rows.map(({ build }) => build));
}

/** The build that new runs on the task queue go to; null: workers without a version. */
async function currentBuild({ client, namespace }: Place, taskQueue: string): Promise<Build | null> {
  const { versioningInfo } = await client.workflowService.describeTaskQueue({ namespace, taskQueue: { name: taskQueue }, taskQueueType: WORKFLOW_TASKS });
  const { deploymentName, buildId } = versioningInfo?.currentDeploymentVersion ?? {};
  return deploymentName && buildId ? { deploymentName, buildId } : null;
}

/** The build that new runs go to, and those of which a worker lives; "": without a version. */
export async function knownBuilds(services: Services, place: Place): Promise<{ current: string; live: string[] }> {
  const current = await currentBuild(place, services.config.runtime.taskQueue);
  return { current: current?.buildId ?? UNVERSIONED, live: [...(await liveBuilds(services))] };
}

async function makeCurrent({ client, namespace }: Place, deploymentName: string, buildId: string): Promise<void> {
  await client.workflowService.setWorkerDeploymentCurrentVersion({ namespace, deploymentName, buildId, identity: "tidemark", ignoreMissingTaskQueues: true });
}

async function pinnedRuns({ client }: Place, taskQueue: string): Promise<PinnedRun[]> {
  const query = `TaskQueue = "${taskQueue}" AND ExecutionStatus = "Running" AND TemporalWorkflowVersioningBehavior = "Pinned"`;
  const runs: PinnedRun[] = [];
  for await (const { workflowId, runId, searchAttributes } of client.workflow.list({ query })) {
    const version = String(searchAttributes["TemporalWorkerDeploymentVersion"]?.[0] ?? "");
    runs.push({ workflowId, runId, buildId: version.slice(version.indexOf(":") + 1) });
  }
  return runs;
}

/** Lets a run go on with the current build. */
async function unpin({ client, namespace }: Place, { workflowId, runId }: PinnedRun): Promise<void> {
  await client.workflowService.updateWorkflowExecutionOptions({
    namespace, workflowExecution: { workflowId, runId },
    workflowExecutionOptions: { versioningOverride: { autoUpgrade: true } }, updateMask: { paths: ["versioning_override"] },
  });
}

export interface BuildReport {
  /** Empty: without a version. */
  id: string;
  /** `no-worker`: no worker of this build lives, so the earlier one stays current. */
  change: "unchanged" | "current" | "no-worker";
  /** Runs under way that stay with another build, by its id. Its workers are needed until they have ended. */
  elsewhere: Record<string, number>;
}

/** A worker gives its first sign a moment before its first poll. */
async function makeCurrentSoon(place: Place, deploymentName: string, buildId: string): Promise<void> {
  for (let tries = 1; ; tries++) {
    try {
      return await makeCurrent(place, deploymentName, buildId);
    } catch (error) {
      if (tries === FIRST_TRIES) {
        throw new TidemarkError("TM_BUILD_REFUSED", `Temporal does not make build "${buildId}" current: ${error instanceof Error && error.cause instanceof Error ? error.cause.message : String(error)}`, {
          path: "runtime.versioning", fix: "Look whether a worker of this build runs and whether this user may change worker deployments, then deploy again.", cause: error,
        });
      }
      await sleep(SOON_MS);
    }
  }
}

/**
 * Sends new runs to this program's build, when a worker of it lives.
 * @returns null where no build was ever used
 * @throws TidemarkError `TM_BUILD_REFUSED`
 */
export async function switchBuild(services: Services, place: Place): Promise<BuildReport | null> {
  const { runtime } = services.config;
  const own = ownBuild(runtime);
  const current = await currentBuild(place, runtime.taskQueue);
  if (own === null && current === null) return null;
  const id = own?.buildId ?? UNVERSIONED;
  const same = id === (current?.buildId ?? UNVERSIONED);
  const lives = same || (await liveBuilds(services)).has(id);
  if (!same && lives) await makeCurrentSoon(place, (own ?? current)!.deploymentName, id);
  const elsewhere: Record<string, number> = {};
  for (const { buildId } of await pinnedRuns(place, runtime.taskQueue)) if (buildId !== id) elsewhere[buildId] = (elsewhere[buildId] ?? 0) + 1;
  return { id, change: same ? "unchanged" : lives ? "current" : "no-worker", elsewhere };
}

/**
 * Keeps everything on the task queue in reach of a worker, as long as a worker runs: the build of this worker becomes current
 * when the current one has no worker, and what is pinned to a build without workers goes on with the current one. At the
 * first look at once, so that a machine whose workers were exchanged goes on; later after PATIENCE_MS.
 * @returns ends it
 */
export function watchBuilds(services: Services, own: Build | null, place: Place, onProblem: (error: unknown) => void): () => void {
  const { taskQueue } = services.config.runtime;
  const id = own?.buildId ?? UNVERSIONED;
  const goneSince = new Map<string, number>();
  let patienceMs = 0;
  let tries = 0;
  let timer: NodeJS.Timeout | undefined;
  let ended = false;

  async function look(): Promise<void> {
    const live = await liveBuilds(services);
    const now = performance.now();
    for (const build of live) goneSince.delete(build);
    const gone = (build: string) => {
      if (live.has(build)) return false;
      if (!goneSince.has(build)) goneSince.set(build, now);
      return now - goneSince.get(build)! >= patienceMs;
    };
    const current = await currentBuild(place, taskQueue);
    const currentId = current?.buildId ?? UNVERSIONED;
    if (currentId !== id) {
      if (!gone(currentId)) return;
      await makeCurrent(place, (own ?? current)!.deploymentName, id);
    }
    if (own === null && current === null) return;
    for (const run of await pinnedRuns(place, taskQueue)) if (run.buildId !== id && gone(run.buildId)) await unpin(place, run);
  }

  const next = (afterMs: number) => {
    if (!ended) timer = setTimeout(() => void go(), afterMs);
  };
  async function go(): Promise<void> {
    try {
      await look();
      patienceMs = PATIENCE_MS;
      next(LOOK_MS);
    } catch (error) {
      const early = patienceMs === 0 && ++tries < FIRST_TRIES;
      if (!early && !ended) onProblem(error);
      next(early ? SOON_MS : LOOK_MS);
    }
  }
  void go();
  return () => {
    ended = true;
    clearTimeout(timer);
  };
}
