import type { History } from "@temporalio/common/lib/proto-utils.js";

type Events = NonNullable<History["events"]>;

/** What a recorded run went through, each with what its history must show. */
export const KINDS = {
  normal: (events: Events) => endsWith(events, "workflowExecutionCompletedEventAttributes") && !retried(events),
  retried: (events: Events) => endsWith(events, "workflowExecutionCompletedEventAttributes") && retried(events),
  /** In the middle of a chain: it was begun by continuing as new, and ends so. */
  continued: (events: Events) =>
    Boolean(events[0]?.workflowExecutionStartedEventAttributes?.continuedExecutionRunId) && endsWith(events, "workflowExecutionContinuedAsNewEventAttributes"),
  signalled: (events: Events) => events.filter((event) => event.workflowExecutionSignaledEventAttributes).length > 3,
  cancelled: (events: Events) => endsWith(events, "workflowExecutionCanceledEventAttributes"),
  failed: (events: Events) => endsWith(events, "workflowExecutionFailedEventAttributes"),
  /** An audit that found something and loaded it. */
  repaired: (events: Events) => events.some((event) => event.activityTaskScheduledEventAttributes?.activityType?.name === "compare"),
} satisfies Record<string, (events: Events) => boolean>;

export type Kind = keyof typeof KINDS;

/** What every release's recording has at least. */
export const WANTED: Record<string, readonly Kind[]> = {
  sync: ["normal", "retried", "continued", "cancelled", "failed"],
  backfill: ["normal", "retried", "continued", "signalled", "cancelled"],
  audit: ["normal", "retried", "continued", "repaired", "cancelled"],
  refreshToken: ["normal", "retried"],
};

function endsWith(events: Events, attributes: keyof Events[number]): boolean {
  return Boolean(events.at(-1)?.[attributes]);
}

function retried(events: Events): boolean {
  return events.some((event) => (event.activityTaskStartedEventAttributes?.attempt ?? 1) > 1);
}
