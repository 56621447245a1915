import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import type { LoadedConfig } from "../config/load.ts";
import type { TidemarkConfig } from "../config/types.ts";
import { TidemarkError } from "../errors.ts";
import { configParts } from "../store/worker-config.ts";
import type { Services } from "../sync/services.ts";
import { type Place, WORKER_GONE_MS } from "../temporal/current-build.ts";

/** So long a wait goes on without any worker (ms): one that is restarted comes back meanwhile. */
export const PATIENCE_MS = 30_000;

/** How many workers of the config's task queue live, by the signs that they leave in the store. */
export async function liveWorkers({ store, config }: Services): Promise<number> {
  const { rows } = await sql<{ live: number }>`
    select count(*)::int as live from worker
    where task_queue = ${config.runtime.taskQueue} and seen_at > clock_timestamp() - ${WORKER_GONE_MS} * interval '1 ms'
  `.execute(store.db);
  return rows[0]!.live;
}

/** A poller that was heard of longer ago is gone (ms): long polls end after a minute. */
const POLLER_AGE_MS = 75_000;
/** TASK_QUEUE_TYPE_WORKFLOW. */
const WORKFLOW_TASKS = 1;

/** Who polls the config's task queue by Temporal's word: process id and host, `7@host`. */
export async function pollersOf(config: TidemarkConfig, { client, namespace }: Place): Promise<string[]> {
  const { pollers } = await client.workflowService.describeTaskQueue({ namespace, taskQueue: { name: config.runtime.taskQueue }, taskQueueType: WORKFLOW_TASKS });
  return (pollers ?? []).filter(({ lastAccessTime }) => Date.now() - Number(lastAccessTime?.seconds ?? 0) * 1000 < POLLER_AGE_MS).map(({ identity }) => identity ?? "");
}

/** Workers that run with another config of a pipeline than a command. */
export interface OtherConfig {
  workers: number;
  /** All that live. */
  of: number;
  /** What differs: `source`, `mapping`, `target`, `account`. */
  parts: string[];
}

/** Whether live workers do a pipeline by another config than this one; null: none does. Values of unset variables are left out. */
export async function otherConfig({ store }: Services, config: LoadedConfig, name: string): Promise<OtherConfig | null> {
  const pipeline = config.pipelines[name]!;
  const lacks = (place: string) => config.unset.some(({ path }) => path.startsWith(`${place}.`));
  const own = Object.entries(configParts(config, pipeline)).filter(([part]) => !lacks(part === "account" ? `accounts.${pipeline.source.account}` : `pipelines.${name}.${part}`));
  const { rows } = await sql<{ config: Record<string, Record<string, string>> }>`
    select config from worker where task_queue = ${config.runtime.taskQueue} and config <> '{}'
      and seen_at > clock_timestamp() - ${WORKER_GONE_MS} * interval '1 ms'
  `.execute(store.db);
  const differing = rows.map((row) => own.filter(([part, digest]) => row.config[name]?.[part] !== digest).map(([part]) => part)).filter((parts) => parts.length > 0);
  return differing.length === 0 ? null : { workers: differing.length, of: rows.length, parts: [...new Set(differing.flat())] };
}

/** Never resolves; rejects with `TM_NO_WORKER` when no worker has lived for half a minute. Ends quietly with the signal. */
export async function workersGone(services: Services, signal: AbortSignal): Promise<never> {
  for (let seenAt = performance.now(); ; ) {
    await sleep(2_000, undefined, { signal });
    if ((await liveWorkers(services).catch(() => 1)) > 0) seenAt = performance.now();
    if (performance.now() - seenAt > PATIENCE_MS) {
      throw new TidemarkError("TM_NO_WORKER", `no worker of the task queue "${services.config.runtime.taskQueue}" has given a sign for ${PATIENCE_MS / 1000} s`, {
        fix: 'Start one with "tidemark worker" (or "tidemark dev"); what was started goes on with it.',
      });
    }
  }
}
