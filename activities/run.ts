import { getSlice, type Slice } from "../src/store/slices.ts";
import { acquireLease, releaseLease, touchLease } from "../src/store/leases.ts";
import { lookbackAge } from "../src/store/clock.ts";
import { commitSlice } from "../src/store/commit.ts";
import { clearDoubts } from "../src/store/doubts.ts";
import { ensureStream, findStream } from "../src/store/streams.ts";
import { planSlice } from "../src/store/plan.ts";
import { releaseForward } from "../src/quota/budget.ts";
import { checkpointOf, sliceLabel } from "../src/sync/labels.ts";
import { fallBackToWindows } from "../src/sync/fallback.ts";
import { extractSlice } from "../src/sync/extract.ts";
import { loadBatches } from "../src/sync/load.ts";
import { pipelineContext, type Services } from "../src/sync/services.ts";
import { beginStream } from "../src/sync/start.ts";
import { transformSlice } from "../src/sync/transform.ts";
import { Context } from "@temporalio/activity";
import { SourceError } from "../src/errors.ts";
import { keepLaneOf, runOnSlice } from "./lane.ts";
import { endsRun, leaseTtlMs, run, type Running } from "./support.ts";
import type { CommitAnswer, RunActivities, RunRef } from "./types.ts";

/** The activities of sync runs and backfills: each joins one step of src/sync with Temporal. */
export function createRunActivities(services: Services): RunActivities {
  const { store } = services;
  const context = (ref: { pipeline: string; lane: RunRef["lane"] }, running: Running) =>
    pipelineContext(services, ref.pipeline, ref.lane, running);
  const keepLane = (ref: RunRef) => keepLaneOf(services, ref);

  const onSlice = <T>(ref: RunRef, sliceId: string, work: (slice: Slice, running: Running) => Promise<T>) => runOnSlice(services, ref, sliceId, work);

  async function commitNow(ref: RunRef, slice: Slice, running: Running): Promise<CommitAnswer> {
    const { source } = context(ref, running).pipeline;
    return commitSlice(store, slice, await lookbackAge(store.db, source.account, source.lookbackMs), source.keepRows !== "none");
  }

  return {
    beginRun({ pipeline, lane, owner }) {
      let token: { streamId: string; token: string } | undefined;
      return run(async (running) => {
        const work = context({ pipeline, lane }, running);
        const stream = await ensureStream(store, work.pipeline, work.account);
        const lease = await acquireLease(store, stream.id, lane, owner, leaseTtlMs());
        if (!lease.held) return { state: "held", owner: lease.owner, waitMs: lease.waitMs };
        token = { streamId: stream.id, token: lease.token };
        await beginStream(work, stream).catch(async (error: unknown) => {
          // The run is over, and the next one has nothing to wait for.
          if (running.signal.aborted || endsRun(error)) {
            token = undefined;
            await releaseLease(store.db, stream.id, lane, lease.token);
          }
          throw error;
        });
        return { state: "begun", streamId: stream.id, token: lease.token, parallel: work.pipeline.target.parallel };
      }, async () => token === undefined || touchLease(store.db, token.streamId, lane, token.token, leaseTtlMs()));
    },

    planSlice: (ref, headRead, busy) =>
      run(async (running) => {
        const { pipeline, api } = context(ref, running);
        await clearDoubts(store.db, ref.streamId);
        const slice = await planSlice(store, {
          streamId: ref.streamId, lane: ref.lane, token: ref.token, source: pipeline.source, api, headRead, busy,
        });
        return slice === null ? null : { id: slice.id, purpose: slice.purpose, ...sliceLabel(slice) };
      }, keepLane(ref)),

    extract: (ref, sliceId) =>
      onSlice(ref, sliceId, async (slice, running) => {
        const work = context(ref, running);
        try {
          const got = await extractSlice({ ...work, slice });
          const after = await getSlice(store.db, slice.id);
          return { ...got, to: after === null ? "" : sliceLabel(after).to ?? "", requests: after?.requests ?? 0 };
        } catch (error) {
          if (!(error instanceof SourceError && error.kind === "walk" && work.pipeline.source.cursor === "auto")) throw error;
          await fallBackToWindows(store, slice, work.pipeline, error);
          return { state: "fallback", pass: 1, reachedEnd: false, to: "", requests: 0 };
        } finally {
          if (ref.lane === "forward") await releaseForward(store, work.account.name);
        }
      }),

    transform: (ref, sliceId, pass) =>
      onSlice(ref, sliceId, async (slice, running) => {
        const ready = await transformSlice({ ...context(ref, running), slice }, pass);
        return { ...ready, committed: ready.batches + ready.waiting > 0 ? null : await commitNow(ref, slice, running) };
      }),

    load: (ref, sliceId) =>
      onSlice(ref, sliceId, (slice, running) => {
        const { activityId, attempt, workflowExecution } = Context.current().info;
        return loadBatches({ ...context(ref, running), slice }, { token: ref.token, activityId: `${activityId}@${workflowExecution?.runId}`, attempt });
      }),

    commit: (ref, sliceId) =>
      onSlice(ref, sliceId, (slice, running) => commitNow(ref, slice, running)),

    endRun: (ref) =>
      run(async () => {
        await releaseLease(store.db, ref.streamId, ref.lane, ref.token);
        const stream = await findStream(store.db, ref.pipeline);
        return stream === null ? null : checkpointOf(stream);
      }),
  };
}
