import { type Client, WorkflowNotFoundError } from "@temporalio/client";
import type { BackfillProgress } from "../../workflows/types.ts";
import { TidemarkError } from "../errors.ts";
import { findStream } from "../store/streams.ts";
import type { Services } from "../sync/services.ts";
import { type BackfillStatus, backfillStatus } from "./status.ts";

/** The latest ranges that people asked for, newest first. */
export async function backfillRanges({ store }: Services, name: string): Promise<BackfillStatus[]> {
  const stream = await findStream(store.db, name);
  return stream === null ? [] : backfillStatus(store, stream.id);
}

/** What the pipeline's backfill does now, by its own word; null when none runs or no worker answers for it. */
export async function backfillProgress(client: Client, name: string): Promise<BackfillProgress | null> {
  const handle = client.workflow.getHandle(`backfill/${name}`);
  const described = await handle.describe().catch((error: unknown) => {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  });
  if (described?.status.name !== "RUNNING") return null;
  return handle.query<BackfillProgress>("progress").catch(() => null);
}

/**
 * Signals the pipeline's running backfill.
 * @throws TidemarkError `TM_BACKFILL_NONE` when none runs, `TM_RANGE_UNKNOWN`
 */
export async function controlBackfill(services: Services, client: Client, name: string, signal: string, requestId?: string): Promise<string> {
  if (requestId !== undefined && !(await backfillRanges(services, name)).some((range) => range.requestId === requestId)) {
    throw new TidemarkError("TM_RANGE_UNKNOWN", `there is no range ${requestId} of ${name}`, { path: "request", fix: `Take one from "tidemark backfill list ${name}".` });
  }
  const workflowId = `backfill/${name}`;
  await client.workflow.getHandle(workflowId).signal(signal, ...(requestId === undefined ? [] : [requestId])).catch((error: unknown) => {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    throw new TidemarkError("TM_BACKFILL_NONE", `no backfill of ${name} runs`, { fix: `"tidemark backfill ${name} --from … --to …" starts one; ranges that were left open are read with it.` });
  });
  return workflowId;
}
