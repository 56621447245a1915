import { randomUUID } from "node:crypto";
import { type Client, type ScheduleHandle, ScheduleNotFoundError, ScheduleOverlapPolicy, WorkflowExecutionAlreadyStartedError, type WorkflowExecutionDescription } from "@temporalio/client";
import { TidemarkError } from "../errors.ts";
import type { Services } from "../sync/services.ts";
import { knownBuilds, type Place } from "../temporal/current-build.ts";
import { searchAttributes, syncId } from "../temporal/schedules.ts";
import { liveWorkers, PATIENCE_MS, pollersOf } from "./workers.ts";

/** A started workflow. */
export interface Started {
  workflowId: string;
  runId: string;
}

const POLL_MS = 200;

/**
 * Starts a run of the pipeline through its schedule, after the one that may be under way; without a schedule under the id
 * `sync/<pipeline>`. Returns when a run that began after this call exists.
 * @throws TidemarkError `TM_NO_WORKER`
 */
export async function startSync(client: Client, { config }: Services, pipeline: string, options: { signal: AbortSignal }): Promise<Started> {
  const { taskQueue, heartbeatMs } = config.runtime;
  const schedule = client.schedule.getHandle(syncId(pipeline));
  const before = await recentRuns(schedule);
  if (before === null) {
    for (;;) {
      await endOfCurrentRun(client, syncId(pipeline), options.signal);
      const handle = await client.workflow.start("sync", {
        workflowId: syncId(pipeline), taskQueue, args: [{ pipeline, heartbeatMs }], workflowTaskTimeout: "5 seconds",
        staticSummary: `sync ${pipeline}: what changed in the source, into the target`, typedSearchAttributes: searchAttributes(pipeline, "sync"),
      }).catch((error: unknown) => {
        // Somebody else was quicker; that run may have begun before this call.
        if (error instanceof WorkflowExecutionAlreadyStartedError) return null;
        throw error;
      });
      if (handle !== null) return { workflowId: handle.workflowId, runId: handle.firstExecutionRunId };
    }
  }
  await schedule.trigger(ScheduleOverlapPolicy.BUFFER_ONE);
  for (;;) {
    options.signal.throwIfAborted();
    const started = (await recentRuns(schedule))?.find((run) => !before.some((known) => known.runId === run.runId));
    if (started !== undefined) return started;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The schedule's latest runs, or null when there is no such schedule. */
async function recentRuns(schedule: ScheduleHandle): Promise<Started[] | null> {
  try {
    const { info } = await schedule.describe();
    return info.recentActions.map(({ action }) => ({ workflowId: action.workflow.workflowId, runId: action.workflow.firstExecutionRunId }));
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return null;
    throw error;
  }
}

async function endOfCurrentRun(client: Client, workflowId: string, signal: AbortSignal): Promise<void> {
  for (;;) {
    signal.throwIfAborted();
    const description = await client.workflow.getHandle(workflowId).describe().catch(() => null);
    if (description?.status.name !== "RUNNING") return;
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

export interface BackfillStarted extends Started {
  /** Names the range in the store. */
  requestId: string;
}

/** A range of modified time: ms UTC, `to` exclusive; with `force` also what audits have verified. */
export interface BackfillAsked {
  from: number;
  to: number;
  force?: boolean;
}

/** Asks the pipeline's backfill workflow for a range, starting it if needed. */
export async function startBackfill(client: Client, services: Services, pipeline: string, { from, to, force = false }: BackfillAsked): Promise<BackfillStarted> {
  const requestId = randomUUID();
  const request = { from: new Date(from).toISOString(), to: new Date(to).toISOString(), requestId, force };
  return { ...(await signalBackfill(client, services, pipeline, "addRange", [request])), requestId };
}

/** Signals the pipeline's backfill workflow, starting it if needed. */
export async function signalBackfill(client: Client, { config }: Services, pipeline: string, signal: string, signalArgs: unknown[] = []): Promise<Started> {
  const { taskQueue, heartbeatMs } = config.runtime;
  const handle = await client.workflow.signalWithStart("backfill", {
    workflowId: `backfill/${pipeline}`, taskQueue, args: [{ pipeline, heartbeatMs }], signal, signalArgs,
    workflowTaskTimeout: "5 seconds",
    staticSummary: `backfill ${pipeline}: ranges of modified time that people asked for`, typedSearchAttributes: searchAttributes(pipeline, "backfill"),
  });
  return { workflowId: handle.workflowId, runId: handle.signaledRunId };
}

/** How long to look for a worker before anything is started, and for one that takes the run's first task (ms): under 10 s together. */
const WORKER_MS = 4_000;
const UNTAKEN_MS = 4_000;

/**
 * Fails early where nothing would happen: no worker polls the task queue, or none takes the workflow's first task.
 * @throws TidemarkError `TM_NO_WORKER`
 */
export async function requireWorker({ config }: Services, place: Place): Promise<void> {
  const until = Date.now() + WORKER_MS;
  while ((await pollersOf(config, place)).length === 0) {
    if (Date.now() > until) throw noWorker(config.runtime.taskQueue);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** How a wait for a worker is ended, and who is told what it waits for. */
export interface Waiting {
  signal: AbortSignal;
  onNote?: ((text: string) => void) | undefined;
}

/**
 * Waits until a worker takes the run's first task: as long as any lives, since one of another build takes over by itself. With
 * worker versioning none may live for half a minute meanwhile.
 * @throws TidemarkError `TM_NO_WORKER` when no worker lives
 */
export async function requireTaken(services: Services, place: Place, started: Started, { signal, onNote }: Waiting): Promise<void> {
  const { taskQueue, versioning } = services.config.runtime;
  let told = false;
  const until = performance.now() + UNTAKEN_MS;
  let aloneUntil = performance.now() + (versioning ? PATIENCE_MS : UNTAKEN_MS);
  for (;;) {
    signal.throwIfAborted();
    const description: WorkflowExecutionDescription = await place.client.workflow.getHandle(started.workflowId, started.runId).describe();
    // Started, first task scheduled: only a worker adds a third event.
    if (description.status.name !== "RUNNING" || description.historyLength > 2) return;
    if (performance.now() > until) {
      if ((await liveWorkers(services)) > 0) aloneUntil = performance.now() + (versioning ? PATIENCE_MS : 0);
      if (performance.now() > aloneUntil) throw noWorker(taskQueue);
      if (!told) onNote?.(await awaited(services, place));
      told = true;
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** What a run that nobody takes waits for. */
async function awaited(services: Services, place: Place): Promise<string> {
  const { current, live } = await knownBuilds(services, place);
  const named = (build: string) => (build === "" ? "without a build" : `of build ${build}`);
  if (live.length === 0) return `The run waits for a worker ${named(current)}: none lives right now.`;
  if (live.includes(current)) return `The run waits for a worker ${named(current)}: one lives, and has not taken it yet.`;
  return `The run waits for a worker ${named(current)}, where Temporal sends new runs, and none lives. Workers ${live.map(named).join(" and ")} take over within a minute.`;
}

function noWorker(taskQueue: string): TidemarkError {
  return new TidemarkError("TM_NO_WORKER", `no worker polls the task queue "${taskQueue}", so the run would only wait`, {
    fix: 'Start one with "tidemark worker" (or "tidemark dev" for everything on this machine). Runs that were started wait for it in Temporal.',
  });
}
