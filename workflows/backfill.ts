import {
  ActivityFailure, allHandlersFinished, ApplicationFailure, condition, ContinueAsNew, continueAsNew, defineQuery, defineSignal,
  isCancellation, patched, setHandler, uuid4,
} from "@temporalio/workflow";
import type { RangeChange, RangesView, SliceRef } from "../activities/types.ts";
import { type AnyPayload, readAddRange, readCancelRange, readMoveRange, UNREAD, valueOf } from "./backfill-messages.ts";
import { leaveLane, noTotals, showTotals, takeLane } from "./lane.ts";
import { runActivities } from "./options.ts";
import { notePace, paceOf } from "./pace.ts";
import { isLong, readOn } from "./read-on.ts";
import type { BackfillInput, BackfillMessage, BackfillProgress, BackfillState, RunSummary } from "./types.ts";

/** Adds a range of modified time, a RangeRequest; the same request id twice makes one range. */
export const addRangeSignal = defineSignal<AnyPayload>("addRange", UNREAD);
/** Ends a range by its request id; what was read of it stays. */
export const cancelRangeSignal = defineSignal<AnyPayload>("cancelRange", UNREAD);
/** Changes the order: { requestId, to: "first" | "last" } or { requestId, before }. */
export const moveRangeSignal = defineSignal<AnyPayload>("moveRange", UNREAD);
/** Something else for this lane lies in the store, such as records of quarantine to be tried again. */
export const lookSignal = defineSignal<AnyPayload>("look", UNREAD);
export const pauseSignal = defineSignal<AnyPayload>("pause", UNREAD);
export const resumeSignal = defineSignal<AnyPayload>("resume", UNREAD);
export const progressQuery = defineQuery<BackfillProgress>("progress");

/** The ranges are looked at again after this long (ms of workflow time), or when a signal changed them. */
const VIEW_MS = 10_000;
/** Signals written down by one activity. */
const MESSAGES = 50;

/**
 * Reads the ranges that people ask for, by closed windows, on what forward runs leave of the request budget. Ranges live in
 * the store; a signal that is not written down yet is carried along. Ends when no range is left; continues as new after
 * 3,000 events, or when Temporal suggests it.
 */
export async function backfill(input: BackfillInput): Promise<RunSummary> {
  const { pipeline, mostEvents } = input;
  const totals = input.totals ?? noTotals();
  const pending: BackfillMessage[] = [...(input.pending ?? [])];
  const state: BackfillState = input.state ?? { paused: false, waitingFor: null, refused: [], view: { ranges: [], open: 0, leftMs: 0 }, samples: [] };
  let { batch } = input;
  let nowReading: string | null = null;
  let viewedAt = 0;
  /** Committed when the ranges were looked at. */
  let viewedSlices = -1;
  const take = (read: (payload: unknown) => RangeChange | { refused: string }) => (...payloads: AnyPayload) => {
    const message = read(valueOf(payloads));
    if ("refused" in message) refuse(message.refused);
    else pending.push(message);
  };
  setHandler(addRangeSignal, take(readAddRange), { description: "Add a range { from, to, requestId, force? } of modified time" });
  setHandler(cancelRangeSignal, take(readCancelRange), { description: "End a range by its request id, a text" });
  setHandler(moveRangeSignal, take(readMoveRange), { description: 'Change the order: { requestId, to: "first" | "last" } or { requestId, before }' });
  setHandler(lookSignal, () => void pending.push({ do: "look" }), { description: "Look for work in the store" });
  setHandler(pauseSignal, () => void (state.paused = true), { description: "Stop after the slice under way" });
  setHandler(resumeSignal, () => void (state.paused = false), { description: "Go on" });
  setHandler(progressQuery, progress, { description: "Ranges, counts, pace, and what is being read" });

  const activities = runActivities(input.heartbeatMs);
  const runAgain = () => continueAsNew<typeof backfill>({ ...input, pending, batch, state, totals });
  const run = await takeLane(activities, pipeline, "backfill", totals);
  for (;;) {
    try {
      const finished = await readOn(run, { before, reading }, mostEvents);
      if (finished) {
        await lookAgain();
        if (state.view.open === 0) break;
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
  showTotals(`backfill ${pipeline}: done`, totals, null);
  return { pipeline, checkpoint, ...totals };

  function progress(): BackfillProgress {
    const { view, samples, ...rest } = state;
    const waiting = pending.flatMap((message) => (message.do === "add" ? [message.range] : []));
    return { ...rest, slices: totals.slices, counts: totals.counts, reading: nowReading, ranges: view.ranges, waiting, ...paceOf(samples, view) };
  }

  function refuse(why: string): void {
    state.refused.push(why);
    state.refused.splice(0, state.refused.length - 20);
  }

  async function before(): Promise<boolean> {
    notePace(state.samples, totals, Date.now());
    await writeDown();
    if (Date.now() - viewedAt > VIEW_MS) await lookAgain();
    if (!state.paused) return true;
    rest("a resume signal");
    showTotals(`backfill ${pipeline}: paused`, totals, null);
    // The slice before may still be loaded: what is told at rest goes with its commit. Histories of 0.1.0-alpha.1 do not.
    const fresh = patched("view-at-rest");
    if (fresh && viewedSlices !== totals.slices) await lookAgain();
    await condition(() => !state.paused || pending.length > 0 || (fresh && viewedSlices !== totals.slices));
    state.waitingFor = null;
    return false;
  }

  /** Nothing is read meanwhile, and a rest is no part of the pace. */
  function rest(waitingFor: string): void {
    state.waitingFor = waitingFor;
    nowReading = null;
    state.samples.length = 0;
  }

  /** Turns signals into rows of the store, in the order in which they came. */
  async function writeDown(): Promise<void> {
    while (pending.length > 0 && !isLong(mostEvents)) {
      const messages = pending.slice(0, MESSAGES);
      const changes = messages.filter((message) => message.do !== "look");
      if (changes.length > 0) {
        batch ??= uuid4();
        const { refused, view } = await activities.changeRanges(run.ref, changes, batch);
        refused.forEach(refuse);
        look(view);
      }
      pending.splice(0, messages.length);
      batch = undefined;
    }
  }

  async function lookAgain(): Promise<void> {
    const { slices } = totals;
    look(await activities.viewRanges(run.ref));
    viewedSlices = slices;
  }

  function look(view: RangesView): void {
    state.view = view;
    viewedAt = Date.now();
  }

  function reading(slice: SliceRef | null): void {
    nowReading = slice?.label ?? null;
    showTotals(`backfill ${pipeline}`, totals, nowReading);
  }

  /** What only a person can mend is waited for: ending would lose the signals. Any signal, or half a minute, tries again. */
  async function waitForMending(error: unknown): Promise<void> {
    const cause = error instanceof ActivityFailure ? error.cause : error;
    if (cause instanceof ApplicationFailure && cause.type === "TM_LEASE_LOST") return runAgain();
    rest(cause instanceof Error ? `${cause instanceof ApplicationFailure ? `${cause.type}: ` : ""}${cause.message}` : String(cause));
    showTotals(`backfill ${pipeline}: waits for a person. ${state.waitingFor}`, totals, null);
    const seen = pending.length;
    await condition(() => pending.length > seen, "30 seconds");
    state.waitingFor = null;
  }
}
