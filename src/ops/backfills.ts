import { type Client, WorkflowNotFoundError } from "@temporalio/client";
import type { RangeRequest } from "../../activities/types.ts";
import type { BackfillProgress } from "../../workflows/types.ts";
import { TidemarkError } from "../errors.ts";
import { formatInstant, parseShanghai } from "../source/time.ts";
import type { Place } from "../store/requests.ts";
import { findStream } from "../store/streams.ts";
import { type BackfillStatus, backfillStatus } from "../sync/requests.ts";
import { type RemapStatus, remapStatus } from "../sync/remaps.ts";
import type { Services } from "../sync/services.ts";

/** The ranges that people asked for: those that are open in their order, then the latest others. @param requestId only this one */
export async function backfillRanges({ store }: Services, name: string, requestId: string | null = null): Promise<BackfillStatus[]> {
  const stream = await findStream(store.db, name);
  return stream === null ? [] : backfillStatus(store.db, stream.id, requestId);
}

export interface BackfillNow {
  running: boolean;
  /** null: none runs, or no worker answers for it. */
  progress: BackfillProgress | null;
}

export interface BackfillView extends BackfillNow {
  ranges: BackfillStatus[];
  remaps: RemapStatus[];
}

/** What a backfill does by its own word, the ranges, and remaps: ranges that it has not taken up yet stand behind the others as `waiting`. */
export async function backfillView(services: Services, client: Client, name: string): Promise<BackfillView> {
  const now = await backfillNow(client, name);
  const ranges = await backfillRanges(services, name);
  const waiting = new Map((now.progress?.waiting ?? []).map((one) => [one.requestId, one]));
  for (const { requestId } of ranges) waiting.delete(requestId);
  const stream = await findStream(services.store.db, name);
  return { ...now, ranges: [...ranges, ...[...waiting.values()].map(waitingRange)], remaps: stream === null ? [] : await remapStatus(services.store.db, stream.id) };
}

function waitingRange({ requestId, from, to }: RangeRequest): BackfillStatus {
  return {
    requestId, from: formatInstant(parseShanghai(from)) ?? from, to: formatInstant(parseShanghai(to)) ?? to, state: "waiting", place: null, skipped: [],
    slices: 0, read: 0, loaded: 0, requests: 0, percent: 0, leftMs: 0, recordsLeft: null, requestsLeft: null,
  };
}

/** What a signal to a backfill carries. */
export type Control =
  | { signal: "pause" | "resume" }
  | { signal: "cancelRange"; requestId: string }
  | { signal: "moveRange"; requestId: string; to: Place };

/** Whether the pipeline's backfill runs, and what it does by its own word. */
export async function backfillNow(client: Client, name: string): Promise<BackfillNow> {
  const handle = client.workflow.getHandle(`backfill/${name}`);
  const described = await handle.describe().catch((error: unknown) => {
    if (error instanceof WorkflowNotFoundError) return null;
    throw error;
  });
  if (described?.status.name !== "RUNNING") return { running: false, progress: null };
  return { running: true, progress: await handle.query<BackfillProgress>("progress").catch(() => null) };
}

/**
 * Signals the pipeline's running backfill.
 * @throws TidemarkError `TM_BACKFILL_NONE` when none runs, `TM_RANGE_UNKNOWN`
 */
export async function controlBackfill(services: Services, client: Client, name: string, control: Control): Promise<string> {
  const before = control.signal === "moveRange" && typeof control.to === "object" ? [control.to.before] : [];
  for (const requestId of "requestId" in control ? [control.requestId, ...before] : []) await requireOpen(services, client, name, requestId);
  const workflowId = `backfill/${name}`;
  await client.workflow.getHandle(workflowId).signal(control.signal, ...payloadOf(control)).catch((error: unknown) => {
    if (!(error instanceof WorkflowNotFoundError)) throw error;
    throw new TidemarkError("TM_BACKFILL_NONE", `no backfill of ${name} runs`, { fix: `"tidemark backfill ${name} --from … --to …" starts one; ranges that were left open are read with it.` });
  });
  return workflowId;
}

async function requireOpen(services: Services, client: Client, name: string, requestId: string): Promise<void> {
  const stored = await backfillRanges(services, name, requestId);
  const [range] = stored.length > 0 ? stored : (await backfillView(services, client, name)).ranges.filter((one) => one.requestId === requestId);
  if (range !== undefined && range.state !== "done" && range.state !== "cancelled") return;
  const why = range === undefined ? `there is no range ${requestId} of ${name}` : `the range ${requestId} of ${name} is ${range.state}`;
  throw new TidemarkError("TM_RANGE_UNKNOWN", why, { path: "request", fix: `Take an open one from "tidemark backfill list ${name}".` });
}

function payloadOf(control: Control): unknown[] {
  if (control.signal === "cancelRange") return [control.requestId];
  if (control.signal !== "moveRange") return [];
  return [{ requestId: control.requestId, ...(typeof control.to === "object" ? control.to : { to: control.to }) }];
}
