import {
  ActivityFailure, allHandlersFinished, ApplicationFailure, condition, ContinueAsNew, continueAsNew, defineQuery, defineSignal,
  isCancellation, setHandler,
} from "@temporalio/workflow";
import type { RangeRequest, SliceRef } from "../activities/types.ts";
import { type LaneRun, leaveLane, noTotals, showTotals, takeLane } from "./lane.ts";
import { runActivities } from "./options.ts";
import { readOn } from "./read-on.ts";
import type { BackfillInput, BackfillMessage, BackfillProgress, RunSummary } from "./types.ts";

/** Adds a range of modified time; the same request id twice makes one range. */
export const addRangeSignal = defineSignal<[RangeRequest]>("addRange");
/** Ends a range by its request id; what was read of it stays. */
export const cancelRangeSignal = defineSignal<[string]>("cancelRange");
/** Something else for this lane lies in the store, such as records of quarantine to be tried again. */
export const lookSignal = defineSignal("look");
export const pauseSignal = defineSignal("pause");
export const resumeSignal = defineSignal("resume");
export const progressQuery = defineQuery<BackfillProgress>("progress");

/**
 * Reads the ranges that people ask for, by closed windows, on what forward runs leave of the request budget. Ranges live in
 * the store; a signal that is not written down yet is carried along. Ends when no range is left; continues as new when
 * Temporal suggests it.
 */
export async function backfill(input: BackfillInput): Promise<RunSummary> {
  const totals = input.totals ?? noTotals();
  const pending: BackfillMessage[] = [...(input.pending ?? [])];
  const state: Omit<BackfillProgress, "slices" | "counts"> = { paused: input.paused ?? false, reading: null, waitingFor: null, refused: [] };
  setHandler(addRangeSignal, (range) => void pending.push({ do: "add", range }), { description: "Add a range { from, to, requestId } of modified time" });
  setHandler(cancelRangeSignal, (requestId) => void pending.push({ do: "cancel", requestId }), { description: "End a range by its request id" });
  setHandler(lookSignal, () => void pending.push({ do: "look" }), { description: "Look for work in the store" });
  setHandler(pauseSignal, () => void (state.paused = true), { description: "Stop after the slice under way" });
  setHandler(resumeSignal, () => void (state.paused = false), { description: "Go on" });
  setHandler(progressQuery, () => ({ ...state, slices: totals.slices, counts: totals.counts }), { description: "Counts and what is being read" });

  const activities = runActivities(input.heartbeatMs);
  const runAgain = () => continueAsNew<typeof backfill>({ ...input, pending, paused: state.paused, totals });
  const run = await takeLane(activities, input.pipeline, "backfill", totals);
  for (;;) {
    try {
      const finished = await readOn(run, { before, reading });
      if (finished && (await activities.openRanges(run.ref)) === 0) break;
      if (finished) {
        await condition(() => pending.length > 0, "10 seconds");
        continue;
      }
      await condition(allHandlersFinished);
      await runAgain();
    } catch (error) {
      if (isCancellation(error) || error instanceof ContinueAsNew) throw error;
      await waitForMending(error);
    }
  }
  const checkpoint = await leaveLane(run);
  // A signal that came in meanwhile would be lost with the end of this run.
  if (pending.length > 0) await runAgain();
  showTotals(`backfill ${input.pipeline}: done`, totals, null);
  return { pipeline: input.pipeline, checkpoint, ...totals };

  async function before(): Promise<boolean> {
    await writeDown(run, pending, state.refused);
    if (!state.paused) return true;
    state.waitingFor = "a resume signal";
    showTotals(`backfill ${input.pipeline}: paused`, totals, null);
    await condition(() => !state.paused || pending.length > 0);
    state.waitingFor = null;
    return false;
  }

  function reading(slice: SliceRef | null): void {
    state.reading = slice?.label ?? null;
    showTotals(`backfill ${input.pipeline}`, totals, state.reading);
  }

  /** What only a person can mend is waited for: ending would lose the signals. Any signal, or half a minute, tries again. */
  async function waitForMending(error: unknown): Promise<void> {
    const cause = error instanceof ActivityFailure ? error.cause : error;
    if (cause instanceof ApplicationFailure && cause.type === "TM_LEASE_LOST") return runAgain();
    state.waitingFor = cause instanceof Error ? `${cause instanceof ApplicationFailure ? `${cause.type}: ` : ""}${cause.message}` : String(cause);
    showTotals(`backfill ${input.pipeline}: waits for a person. ${state.waitingFor}`, totals, null);
    const seen = pending.length;
    await condition(() => pending.length > seen, "30 seconds");
    state.waitingFor = null;
  }
}

/** Turns signals into rows of the store, in the order in which they came. */
async function writeDown(run: LaneRun, pending: BackfillMessage[], refused: string[]): Promise<void> {
  for (let message = pending[0]; message !== undefined; message = pending[0]) {
    try {
      if (message.do === "add") await run.activities.addRange(run.ref, message.range);
      else if (message.do === "cancel") await run.activities.cancelRange(run.ref, message.requestId);
    } catch (error) {
      // A wrong message must not hold up the others.
      if (!(error instanceof ActivityFailure && error.cause instanceof ApplicationFailure && error.cause.type === "TM_RANGE_INVALID")) throw error;
      refused.push(error.cause.message);
      refused.splice(0, refused.length - 20);
    }
    pending.shift();
  }
}
