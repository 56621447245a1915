import { sql } from "kysely";
import { StoreError } from "../errors.ts";
import { getApi, rowsFromTexts } from "../source/jushuitan/index.ts";
import { type EntryFilter, requireEntries } from "../store/quarantine-entries.ts";
import { planReplay, type ReplayPlan } from "../store/replay.ts";
import { findStream } from "../store/streams.ts";
import { pipelineOf, type Services } from "../sync/services.ts";
import { stagedRows } from "../sync/staged.ts";
import { type OpenedTemporal, runLink } from "./open.ts";
import { requireTaken, requireWorker, signalBackfill, type Waiting } from "./start.ts";
import { backfillDid } from "./wait.ts";

/** What `quarantine replay` prints. */
export interface ReplayReport extends ReplayPlan {
  pipeline: string;
  workflowId: string | null;
  runId: string | null;
  link: string | null;
  status: "nothing" | "started" | "completed";
  /** With `wait`: how the replayed records ended. */
  counts?: { loaded: number; quarantined: number; filtered: number; superseded: number; duplicate: number; unchanged: number };
}

/**
 * Tries quarantined records again, by the ordinary way: open ones, unless the filter says otherwise.
 * @throws TidemarkError `TM_ENTRY_UNKNOWN` and others
 */
export async function replayQuarantine(
  services: Services, temporal: OpenedTemporal, name: string, filter: EntryFilter, options: Waiting & { wait: boolean },
): Promise<ReplayReport> {
  const { source, mapping } = pipelineOf(services.config, name);
  await requireEntries(services.store.db, { state: "open", ...filter, pipeline: name });
  const stream = await findStream(services.store.db, name);
  if (stream === null) return { ...NOTHING, pipeline: name };
  if (options.wait) await requireWorker(services, temporal);
  const api = getApi(source.api, services.config.apis);
  const plan = await planReplay(services.store, {
    streamId: stream.id, source, archive: api.archive, filter, read: (texts) => stagedRows(mapping.id, api.idField, rowsFromTexts(texts, api, source.params)),
  });
  if (plan.slice === null) return { ...NOTHING, ...plan, pipeline: name };
  const started = await signalBackfill(temporal.client, services, name, "look");
  const report = { ...plan, pipeline: name, ...started, link: runLink(temporal, started.workflowId, started.runId) };
  if (!options.wait) return { ...report, status: "started" };
  await requireTaken(services, temporal, started, options);
  const slice = plan.slice;
  const did = await backfillDid(temporal, name, async () => (await outcome(services, slice)) !== null, options.signal);
  const counts = await outcome(services, slice);
  if (!did || counts === null) {
    throw new StoreError("TM_RUN_FAILED", "the backfill workflow ended before the replay was committed", { fix: "See its history in Temporal's UI; the replay goes on with the pipeline's next backfill." });
  }
  return { ...report, status: "completed", counts };
}

const NOTHING = { slice: null, replayed: 0, newer: 0, reread: 0, unreachable: 0, workflowId: null, runId: null, link: null, status: "nothing" as const };

async function outcome({ store }: Services, slice: string): Promise<NonNullable<ReplayReport["counts"]> | null> {
  const { rows } = await sql<NonNullable<ReplayReport["counts"]>>`
    select loaded::int, quarantined::int, filtered::int, superseded::int, duplicate::int, unchanged::int from slice where id = ${slice} and state = 'committed'
  `.execute(store.db);
  return rows[0] ?? null;
}
