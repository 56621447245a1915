import { proxyActivities } from "@temporalio/workflow";
import type { AuditActivities, BackfillActivities, RunActivities, TokenActivities } from "../activities/types.ts";

/**
 * Activities of a run. Whatever the source or the target cannot do now is tried again for as long as it takes: a run that
 * waits is visible, a run that gave up would be a gap. What only a person can mend fails at once. Failures bring their own,
 * growing delay (activities/support.ts); the policy's is that of a worker that was lost, where another goes on at once.
 */
export function runActivities(heartbeatMs: number) {
  return proxyActivities<RunActivities & BackfillActivities & AuditActivities & TokenActivities>({
    startToCloseTimeout: "24 hours",
    heartbeatTimeout: heartbeatMs,
    retry: { initialInterval: "1 second", backoffCoefficient: 1 },
  });
}
