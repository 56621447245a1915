import { workflowInfo } from "@temporalio/workflow";
import type { SliceRef } from "../activities/types.ts";
import { extractSlice, finishSlice, type LaneRun } from "./lane.ts";

/** What a lane's owner wants to happen between slices. */
export interface Between {
  /** Before each slice. @returns false to look again without reading on, for example while paused */
  before(): Promise<boolean>;
  reading(slice: SliceRef | null): void;
}

/** A run's history holds no more events than about these; one slice adds some dozens. */
const MOST_EVENTS = 3_000;

/** Whether the history has become long enough to continue as new. */
export function isLong(mostEvents = MOST_EVENTS): boolean {
  const { continueAsNewSuggested, historyLength } = workflowInfo();
  return continueAsNewSuggested || historyLength >= mostEvents;
}

/**
 * Slice after slice until nothing is left to read. One slice is loaded while the next one is read, and commits are in order.
 * @returns false when the history has become long enough to continue as new; nothing is under way then
 */
export async function readOn(run: LaneRun, between: Between, mostEvents?: number): Promise<boolean> {
  let headRead = false;
  let loading = null as { sliceId: string; committed: Promise<boolean> } | null;
  const settle = async (): Promise<void> => {
    const committed = loading === null || (await loading.committed);
    loading = null;
    if (!committed) headRead = false;
  };
  for (;;) {
    if (isLong(mostEvents)) {
      await settle();
      return false;
    }
    if (!(await between.before())) continue;
    const slice: SliceRef | null = await run.activities.planSlice(run.ref, headRead, loading?.sliceId ?? null);
    between.reading(slice);
    if (slice === null) {
      if (loading === null) return true;
      await settle();
      continue;
    }
    const got = await Promise.race([extractSlice(run, slice), failureOf(loading?.committed)]);
    await settle();
    if (got.state !== "extracted") {
      run.totals.counts.requests += got.requests;
      continue;
    }
    if (slice.purpose === "audit" && !(await run.activities.compare.executeWithOptions({ summary: slice.label }, [run.ref, slice.id, got.pass]))) continue;
    if (slice.purpose === "forward" && got.reachedEnd) headRead = true;
    const committed = finishSlice(run, slice, got);
    // A failure is met at the next settle or race; until then it must not count as unhandled.
    committed.catch(() => undefined);
    loading = { sliceId: slice.id, committed };
  }
}

/** Never resolves; rejects when the slice that is being loaded fails, so that reading ahead does not hide it. */
function failureOf(committed: Promise<boolean> | undefined): Promise<never> {
  return new Promise((_, reject) => {
    committed?.catch(reject);
  });
}
