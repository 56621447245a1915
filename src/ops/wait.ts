import { WorkflowFailedError } from "@temporalio/client";
import { ActivityFailure, ApplicationFailure, ChildWorkflowFailure } from "@temporalio/common";
import { TidemarkError } from "../errors.ts";
import type { OpenedTemporal } from "./open.ts";

const POLL_MS = 500;

/**
 * Waits until what a backfill workflow was asked for is done by the store.
 * @returns false when the workflow completed without it
 * @throws TidemarkError with the code of what a person has to mend, or of what the workflow failed with; `TM_RUN_FAILED` when it ended otherwise
 */
export async function backfillDid(temporal: OpenedTemporal, name: string, isDone: () => Promise<boolean>, signal: AbortSignal): Promise<boolean> {
  const handle = temporal.client.workflow.getHandle(`backfill/${name}`);
  let completed = false;
  for (;;) {
    signal.throwIfAborted();
    if (await isDone()) return true;
    const { status } = await handle.describe();
    if (status.name === "COMPLETED") {
      // Once more: it may have ended between the two looks.
      if (completed) return false;
      completed = true;
    }
    if (status.name === "FAILED") throw asTidemark(await handle.result().catch((error: unknown) => error));
    if (status.name !== "RUNNING" && status.name !== "COMPLETED" && status.name !== "CONTINUED_AS_NEW") {
      throw new TidemarkError("TM_RUN_FAILED", `the backfill workflow ended as ${status.name}`, { fix: "See its history in Temporal's UI; what was asked for stays in the store and goes on with the next backfill." });
    }
    const waitingFor = status.name === "RUNNING" ? await handle.query<{ waitingFor: string | null }>("progress").then((now) => now.waitingFor, () => null) : null;
    const coded = waitingFor === null ? null : /^(TM_[A-Z_]+): (.*)$/s.exec(waitingFor);
    if (coded !== null) throw new TidemarkError(coded[1]!, coded[2]!, { fix: "The backfill goes on by itself once that is mended." });
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** The failure's own code, message and fix, as an activity wrote them. */
export function asTidemark(error: unknown): unknown {
  let cause: unknown = error;
  while ((cause instanceof WorkflowFailedError || cause instanceof ActivityFailure || cause instanceof ChildWorkflowFailure) && cause.cause !== undefined) cause = cause.cause;
  if (!(cause instanceof ApplicationFailure)) return error;
  const [details] = (cause.details ?? []) as [{ path?: string; fix?: string }?];
  return new TidemarkError(cause.type ?? "TM_RUN_FAILED", cause.message, {
    ...(details?.path === undefined ? {} : { path: details.path }), ...(details?.fix === undefined ? {} : { fix: details.fix }),
  });
}
