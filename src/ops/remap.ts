import { ConfigError, TidemarkError } from "../errors.ts";
import { getApi, rowsFromTexts } from "../source/jushuitan/index.ts";
import type { RowCounts } from "../store/commit.ts";
import { addRemap, cancelRemaps, countRemap, otherForms, type RemapCount, type RemapRange, remapOutcome, sampleKept } from "../store/remap.ts";
import { findStream, fingerprints, refuseChanged } from "../store/streams.ts";
import { countOf } from "../sync/labels.ts";
import { type RemapStatus, remapStatus } from "../sync/remaps.ts";
import { accountOf, pipelineOf, requireWindows, type Services } from "../sync/services.ts";
import { stagedRows } from "../sync/staged.ts";
import { type OpenedTemporal, runLink } from "./open.ts";
import { requireTaken, requireWorker, signalBackfill, type Waiting } from "./start.ts";
import { backfillDid } from "./wait.ts";

/** What `remap` prints. */
export interface RemapReport extends RemapCount {
  pipeline: string;
  status: "nothing" | "started" | "completed";
  workflowId: string | null;
  runId: string | null;
  link: string | null;
  /** With `wait`: how the records ended. */
  counts?: RowCounts;
  slices?: number;
}

/** Kept rows whose ids are looked at. */
const SAMPLE = 500;

/**
 * Applies the pipeline's present mapping to the rows that it keeps, and has the result loaded; the source is not asked.
 * @throws TidemarkError `TM_NOT_KEPT`, `TM_NOT_LOADED`, `TM_PIPELINE_CHANGED`, `TM_REMAP_ID`, with `wait` `TM_REMAP_CANCELLED`, and others
 */
export async function remapPipeline(
  services: Services, temporal: OpenedTemporal, name: string, range: RemapRange, options: Waiting & { wait: boolean },
): Promise<RemapReport> {
  const { config, store } = services;
  const pipeline = pipelineOf(config, name);
  if (pipeline.source.keepRows === "none") {
    throw new ConfigError("TM_NOT_KEPT", `pipeline ${name} keeps no rows, so its records can only be read from the source again`, {
      path: `pipelines.${name}.source.keepRows`, fix: `Set keepRows and read everything once ("tidemark backfill ${name} --from … --to … --force"); or "tidemark deploy --reload ${name}".`,
    });
  }
  if (range.from !== undefined || range.to !== undefined) requireWindows(config, name, "--from or --to");
  const stream = await findStream(store.db, name);
  if (stream === null) {
    throw new TidemarkError("TM_NOT_LOADED", `pipeline ${name} has not loaded anything yet`, { path: `pipelines.${name}`, fix: `Run "tidemark sync ${name} --wait" first.` });
  }
  refuseChanged(pipeline, stream, fingerprints(pipeline, accountOf(config, pipeline.source.account)));
  await requireSameIds(services, name, stream.id);
  if (options.wait) await requireWorker(services, temporal);
  const count = await countRemap(store.db, stream.id, range);
  if (count.kept === 0) return { ...count, pipeline: name, status: "nothing", workflowId: null, runId: null, link: null };
  const remap = await addRemap(store.db, stream.id, range, count.kept, pipeline.target.zombieAfterMs);
  const started = await signalBackfill(temporal.client, services, name, "look");
  const report = { ...count, pipeline: name, ...started, link: runLink(temporal, started.workflowId, started.runId) };
  const before = await otherForms(store.db, stream.id);
  if (before > 0) options.onNote?.(`Waits for ${countOf(before, "slice")} that the mapping before has loaded in part: "tidemark sync ${name}" and the backfill end them.`);
  if (!options.wait) return { ...report, status: "started" };
  await requireTaken(services, temporal, started, options);
  const did = await backfillDid(temporal, name, async () => (await remapOutcome(store.db, remap)) !== null, options.signal);
  const outcome = await remapOutcome(store.db, remap);
  if (outcome === "cancelled") {
    throw new TidemarkError("TM_REMAP_CANCELLED", `the remap of ${name} was cancelled before its end`, { fix: `What the target took stays; "tidemark backfill list ${name}" tells how far it came. "tidemark remap ${name}" begins anew.` });
  }
  if (!did || outcome === null) {
    throw new TidemarkError("TM_RUN_FAILED", "the backfill workflow ended before the remap was committed", { fix: "See its history in Temporal's UI; the remap goes on with the pipeline's next backfill." });
  }
  const { slices, ...counts } = outcome;
  return { ...report, status: "completed", counts, slices };
}

/**
 * Ends the pipeline's remaps that are not done; what the target took of them stays. The backfill needs no word of it.
 * @returns them, as far as they came
 * @throws TidemarkError `TM_REMAP_NONE`
 */
export async function cancelRemap({ config, store }: Services, name: string): Promise<RemapStatus[]> {
  const { target } = pipelineOf(config, name);
  const stream = await findStream(store.db, name);
  const ids = stream === null ? [] : await cancelRemaps(store, stream.id, target.zombieAfterMs);
  if (stream === null || ids.length === 0) throw new TidemarkError("TM_REMAP_NONE", `no remap of ${name} is open`, { fix: `"tidemark backfill list ${name}" shows the latest.` });
  return (await remapStatus(store.db, stream.id)).filter(({ remap }) => ids.includes(remap));
}

/** @throws ConfigError `TM_REMAP_ID` */
async function requireSameIds({ config, store }: Services, name: string, streamId: string): Promise<void> {
  const { source, mapping } = pipelineOf(config, name);
  const api = getApi(source.api, config.apis);
  const kept = await sampleKept(store.db, streamId, SAMPLE);
  const now = stagedRows(mapping.id, api.idField, rowsFromTexts(kept.map(({ raw }) => raw), api, source.params));
  if (kept.every(({ id }, i) => id === now[i]!.targetId)) return;
  throw new ConfigError("TM_REMAP_ID", `mapping.id of ${name} gives records other ids than they were loaded under: they would be in the target twice`, {
    path: `pipelines.${name}.mapping.id`, fix: `Set it back; or load everything anew into another place: "tidemark deploy --reload ${name}".`,
  });
}
