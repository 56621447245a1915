import { createAudit, compareSlice } from "../src/store/audits.ts";
import { auditCounts, auditRange } from "../src/store/audit-report.ts";
import { getApi } from "../src/source/jushuitan/index.ts";
import { compareTarget, countWindows, endAudit, judgeWindows } from "../src/sync/audit.ts";
import { pipelineContext, type Services } from "../src/sync/services.ts";
import { runInLane, runOnSlice } from "./lane.ts";
import type { Running } from "./support.ts";
import type { AuditActivities, RunRef } from "./types.ts";

/** Comparisons of the index with the source. */
export function createAuditActivities(services: Services): AuditActivities {
  const { store } = services;
  const context = (ref: RunRef, running: Running) => pipelineContext(services, ref.pipeline, ref.lane, running);

  return {
    beginAudit: (ref, request) =>
      runInLane(services, ref, async (running) => {
        const { pipeline } = context(ref, running);
        const range = await auditRange(store.db, ref.streamId, pipeline.source, request);
        return createAudit(store, ref.streamId, { ...request, ...range }, getApi(pipeline.source.api, services.config.apis).windowMs);
      }),
    compareTarget: (ref, auditId) => runInLane(services, ref, (running) => compareTarget(context(ref, running), auditId)),
    countWindows: (ref, auditId) => runInLane(services, ref, (running) => countWindows(context(ref, running), auditId)),
    judgeWindows: (ref, auditId) =>
      runInLane(services, ref, async (running) => {
        await judgeWindows(context(ref, running), ref.streamId, auditId);
        return (await auditCounts(store.db, auditId)).comparing;
      }),
    compare: (ref, sliceId, pass) => runOnSlice(services, ref, sliceId, (slice) => compareSlice(store, slice, pass)),
    endAudit: (ref, auditId) =>
      runInLane(services, ref, async (running) => {
        await endAudit(context(ref, running), ref.streamId, auditId);
        const { comparing: _comparing, ...counts } = await auditCounts(store.db, auditId);
        return counts;
      }),
  };
}
