import { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from "@temporalio/common";
import { continueAsNew, executeChild, setCurrentDetails, workflowInfo } from "@temporalio/workflow";
import type { AuditCounts } from "../activities/types.ts";
import { leaveLane, noTotals, takeLane } from "./lane.ts";
import { runActivities } from "./options.ts";
import { readOn } from "./read-on.ts";
import type { sync } from "./sync.ts";
import type { AuditInput, AuditSummary } from "./types.ts";

const PIPELINE = defineSearchAttributeKey("TidemarkPipeline", SearchAttributeType.KEYWORD);
const KIND = defineSearchAttributeKey("TidemarkKind", SearchAttributeType.KEYWORD);

/**
 * Compares closed windows with the source: the source's count, a catch-up of forward runs, the same count again and the index.
 * Windows that differ, or of which there are no counts, are read and compared id by id; what is missing or stale is loaded where that is wanted. Takes the
 * requests that forward runs leave over. About 10 events a compared slice; continues as new after 3,000 events, or when Temporal suggests it.
 */
export async function audit(input: AuditInput): Promise<AuditSummary> {
  const { pipeline, heartbeatMs } = input;
  const totals = input.totals ?? noTotals();
  const activities = runActivities(heartbeatMs);
  const run = await takeLane(activities, pipeline, "audit", totals);
  try {
    const auditId = input.auditId ?? await activities.beginAudit(run.ref, { requestId: workflowInfo().firstExecutionRunId, ...input.options });
    const show = (what: string) => setCurrentDetails(`**audit ${pipeline}**\n\n${what}`);
    let comparing = true;
    if (input.auditId === undefined) {
      if (input.options.target === true) {
        show("Compares what the target holds with the index.");
        await activities.compareTarget.executeWithOptions({ summary: "what the target holds" }, [run.ref, auditId]);
      }
      show("Asks the source for its counts, where it announces any.");
      await activities.countWindows.executeWithOptions({ summary: "first counts" }, [run.ref, auditId]);
      await catchUp("before");
      show("Asks for the counts again.");
      comparing = (await activities.judgeWindows.executeWithOptions({ summary: "second counts, and the index" }, [run.ref, auditId])) > 0;
    }
    const finished = !comparing || await readOn(run, {
      before: () => Promise.resolve(true),
      reading: (slice) => show(slice === null ? "Compared all that differed." : `Compares ${slice.label}.`),
    });
    if (!finished) return await continueAsNew<typeof audit>({ ...input, auditId, totals });
    if (comparing) await catchUp("after");
    const counts = await activities.endAudit(run.ref, auditId);
    show(details(counts));
    return { pipeline, auditId, counts };
  } finally {
    await leaveLane(run);
  }

  /** A forward run of its own: it waits for the one that may be under way. */
  async function catchUp(when: string): Promise<void> {
    await executeChild<typeof sync>("sync", {
      workflowId: `sync/${pipeline}-audit-${workflowInfo().runId}-${when}`, args: [{ pipeline, heartbeatMs }],
      typedSearchAttributes: new TypedSearchAttributes([{ key: PIPELINE, value: pipeline }, { key: KIND, value: "sync" }]),
      staticSummary: `sync ${pipeline}: catch up for an audit`,
    });
  }
}

function details({ windows, byCount, byIds, differing, unproven, missing, stale, extra, repaired }: AuditCounts): string {
  return [
    `${windows} ${windows === 1 ? "window" : "windows"}: ${byCount} verified by count, ${byIds} by ids, ${differing} ${differing === 1 ? "differs" : "differ"}, ${unproven} unproven.`,
    "",
    "| missing | stale | repaired | no longer reported |",
    "| --- | --- | --- | --- |",
    `| ${missing} | ${stale} | ${repaired} | ${extra} |`,
  ].join("\n");
}
