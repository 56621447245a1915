import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { TidemarkError } from "../errors.ts";
import type { Services } from "../sync/services.ts";
import { WORKER_GONE_MS } from "../temporal/current-build.ts";

/** So long a wait goes on without any worker (ms): one that is restarted comes back meanwhile. */
const PATIENCE_MS = 30_000;

/** How many workers of the config's task queue live, by the signs that they leave in the store. */
export async function liveWorkers({ store, config }: Services): Promise<number> {
  const { rows } = await sql<{ live: number }>`
    select count(*)::int as live from worker
    where task_queue = ${config.runtime.taskQueue} and seen_at > clock_timestamp() - ${WORKER_GONE_MS} * interval '1 ms'
  `.execute(store.db);
  return rows[0]!.live;
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
