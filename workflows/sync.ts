import { continueAsNew } from "@temporalio/workflow";
import { leaveLane, noTotals, showTotals, takeLane } from "./lane.ts";
import { runActivities } from "./options.ts";
import { readOn } from "./read-on.ts";
import type { RunSummary, SyncInput } from "./types.ts";

/**
 * One scheduled run of a pipeline: slice after slice until the source has nothing newer. Its range comes from the store's
 * checkpoint, never from the schedule's time. The next slice is read while this one is loaded; commits are in order.
 * About 45 events a slice; continues as new after 3,000 events, or when Temporal suggests it.
 */
export async function sync(input: SyncInput): Promise<RunSummary> {
  const totals = input.totals ?? noTotals();
  const run = await takeLane(runActivities(input.heartbeatMs), input.pipeline, "forward", totals);
  let finished = false;
  try {
    finished = await readOn(run, {
      before: () => Promise.resolve(true),
      reading: (slice) => showTotals(`sync ${input.pipeline}`, totals, slice?.label ?? null),
    });
  } catch (error) {
    await leaveLane(run);
    throw error;
  }
  if (!finished) await continueAsNew<typeof sync>({ ...input, totals });
  const checkpoint = await leaveLane(run);
  showTotals(`sync ${input.pipeline}: done`, totals, null);
  return { pipeline: input.pipeline, checkpoint, ...totals };
}
