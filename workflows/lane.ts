import { CancellationScope, setCurrentDetails, sleep, workflowInfo } from "@temporalio/workflow";
import type { ExtractAnswer, RunRef, SliceRef } from "../activities/types.ts";
import type { SliceCounts } from "../src/store/commit.ts";
import type { runActivities } from "./options.ts";
import type { Totals } from "./types.ts";

type Activities = ReturnType<typeof runActivities>;

export function noTotals(): Totals {
  const counts: SliceCounts = { read: 0, duplicate: 0, unchanged: 0, superseded: 0, quarantined: 0, filtered: 0, loaded: 0, documents: 0, requests: 0, pages: 0 };
  return { counts, slices: 0, from: null, to: null };
}

/** A lane of one pipeline under this run's token. */
export interface LaneRun {
  ref: RunRef;
  parallel: number;
  totals: Totals;
  activities: Activities;
}

/** Waits until the lane is this run's. Its activities are called under the token that it gets. */
export async function takeLane(activities: Activities, pipeline: string, lane: RunRef["lane"], totals: Totals): Promise<LaneRun> {
  const { workflowId, firstExecutionRunId } = workflowInfo();
  for (let nap = 1_000; ; nap = Math.min(nap * 2, 15_000)) {
    const answer = await activities.beginRun.executeWithOptions({ summary: `take the ${lane} lane` }, [
      { pipeline, lane, owner: `${workflowId}/${firstExecutionRunId}` },
    ]);
    if (answer.state === "begun") {
      const { streamId, token, parallel } = answer;
      return { ref: { pipeline, lane, streamId, token }, parallel, totals, activities };
    }
    await sleep(Math.min(Math.max(answer.waitMs, 500), nap), { summary: `${answer.owner} has the ${lane} lane` });
  }
}

/** Gives the lane back, also when the run failed or was cancelled. */
export function leaveLane({ activities, ref }: LaneRun): Promise<string | null> {
  return CancellationScope.nonCancellable(() => activities.endRun(ref));
}

/** Reads one slice. Loading the slice before it may go on meanwhile. */
export function extractSlice({ activities, ref }: LaneRun, slice: SliceRef): Promise<ExtractAnswer> {
  return activities.extract.executeWithOptions({ summary: slice.label }, [ref, slice.id]);
}

/** Transforms, loads and commits an extracted slice. @returns false when the checkpoint had moved and the slice was dropped */
export async function finishSlice(run: LaneRun, slice: SliceRef, got: ExtractAnswer): Promise<boolean> {
  const { activities, ref } = run;
  for (let waitMs = 250; ; waitMs = Math.min(waitMs * 2, 10_000)) {
    const ready = await activities.transform.executeWithOptions({ summary: slice.label }, [ref, slice.id, got.pass]);
    await CancellationScope.cancellable(async () => {
      const lanes = Array.from({ length: Math.min(run.parallel, ready.batches) }, (_, i) =>
        activities.load.executeWithOptions({
          summary: `sender ${i + 1}: ${ready.batches} batches of ${slice.label}`, cancellationType: "WAIT_CANCELLATION_COMPLETED",
        }, [ref, slice.id]));
      try {
        await Promise.all(lanes);
      } catch (error) {
        // A run that failed must not go on sending.
        CancellationScope.current().cancel();
        await Promise.allSettled(lanes);
        throw error;
      }
    });
    if (ready.waiting === 0) {
      const committed = ready.committed ?? await activities.commit.executeWithOptions({ summary: slice.label }, [ref, slice.id]);
      if (committed.state === "committed") addCounts(run.totals, committed.counts, slice, got);
      if (committed.state !== "waiting") return committed.state === "committed";
    }
    await sleep(waitMs, { summary: "ids of this slice are in flight in another batch" });
  }
}

function addCounts(totals: Totals, counts: SliceCounts, slice: SliceRef, got: ExtractAnswer): void {
  for (const key of Object.keys(counts) as (keyof SliceCounts)[]) {
    if (key in totals.counts) totals.counts[key] += counts[key];
  }
  totals.slices += 1;
  totals.from ??= slice.from;
  if (got.to !== "") totals.to = got.to;
}

/** What Temporal's UI shows of the run. */
export function showTotals(title: string, { counts, slices, to }: Totals, reading: string | null): void {
  setCurrentDetails([
    `**${title}**`,
    "",
    "| read | duplicate | unchanged | superseded | quarantined | filtered | loaded | requests | slices |",
    "| --- | --- | --- | --- | --- | --- | --- | --- | --- |",
    `| ${counts.read} | ${counts.duplicate} | ${counts.unchanged} | ${counts.superseded} | ${counts.quarantined} | ${counts.filtered} | ${counts.loaded} | ${counts.requests} | ${slices} |`,
    "",
    reading === null ? "" : `Reading ${reading}.`,
    to === null ? "" : `Committed up to ${to}.`,
  ].join("\n"));
}
