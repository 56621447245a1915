import { ApplicationFailure, Context } from "@temporalio/activity";
import { TemporalFailure } from "@temporalio/common";
import { linkedTo } from "../src/abort.ts";
import { SourceError, StoreError, TargetError, TidemarkError } from "../src/errors.ts";
import { sqlState } from "../src/store/db.ts";

/** What a running activity offers to the work inside it. */
export interface Running {
  signal: AbortSignal;
  /** Reports a stored step: the number travels with the heartbeat. */
  progress: (done: number) => void;
}

/**
 * Runs an activity's work with a heartbeat a step and by timer, so that a long wait for budget does not look like a dead
 * worker, and turns errors into Temporal failures. `keepAlive` runs with the timer; false means that the lane was lost.
 */
export async function run<T>(work: (running: Running) => Promise<T>, keepAlive?: () => Promise<boolean>): Promise<T> {
  const context = Context.current();
  const { signal, abort, release } = linkedTo(context.cancellationSignal);
  let lost: StoreError | undefined;
  let done = 0;
  const beat = () => context.heartbeat({ done });
  const timer = setInterval(() => {
    beat();
    keepAlive?.().then((alive) => {
      if (!alive) abort((lost = new StoreError("TM_LEASE_LOST", "another run has taken over this lane")));
    }, () => undefined);
  }, Math.max(250, Math.floor((context.info.heartbeatTimeoutMs ?? 30_000) / 3)));
  try {
    beat();
    return await work({
      signal,
      progress: (step) => {
        done = Math.max(done, step);
        beat();
      },
    });
  } catch (error) {
    throw toFailure(lost ?? error, done > 0 ? 1 : context.info.attempt);
  } finally {
    clearInterval(timer);
    release();
  }
}

/** How long a lane stays with a run that gives no sign (ms): three heartbeats. */
export function leaseTtlMs(): number {
  return Math.max(10_000, 3 * (Context.current().info.heartbeatTimeoutMs ?? 30_000));
}

/**
 * An error as Temporal keeps it in history: code, message, path and fix, nothing else. Errors that only a person can end fail
 * the activity at once; the others are tried again, after what the other end asked for or a time that grows with each attempt.
 * @param attempt 1 for a first attempt and for one that got further
 */
export function toFailure(error: unknown, attempt = 1): unknown {
  const nextRetryDelay = Math.min(2 ** (attempt - 1), 10) * 1_000;
  if (error instanceof TidemarkError) {
    const { code, path, fix } = error;
    const options = { message: withoutContent(error), type: code, details: [{ code, path, fix }] };
    if (endsRun(error)) return ApplicationFailure.create({ ...options, nonRetryable: true });
    return ApplicationFailure.create({ ...options, nextRetryDelay: (error instanceof TargetError ? error.retryAfterMs : undefined) ?? nextRetryDelay });
  }
  // A driver's error text may quote a statement's values.
  const state = sqlState(error);
  if (/^[0-9A-Z]{5}$/.test(state)) return ApplicationFailure.create({ message: `the store answered with SQLSTATE ${state}`, type: "TM_STORE", nextRetryDelay });
  // A parser's message quotes what it parsed.
  if (error instanceof SyntaxError) return ApplicationFailure.create({ message: "unexpected text was received", type: "SyntaxError", nextRetryDelay });
  // As they are, these tell Temporal that the activity ended because it was cancelled.
  if (error instanceof TemporalFailure || (error instanceof Error && error.name === "AbortError")) return error;
  return ApplicationFailure.fromError(error, { nextRetryDelay });
}

/** Histories hold no order data: what an end answered is left out where it may be records; the worker's log has it. */
function withoutContent(error: TidemarkError): string {
  if (!(error instanceof SourceError || error instanceof TargetError)) return error.message;
  return error.message.replace(/[{[].*$/s, "(content not kept in history)").replace(/\d{6,}/g, "#");
}

/** Whether only a person can end what an error tells of, so that its activity is not tried again. */
export function endsRun(error: unknown): boolean {
  if (!(error instanceof TidemarkError)) return false;
  if (error instanceof SourceError) return error.kind !== "transient";
  if (error instanceof TargetError) return error.kind === "misconfigured";
  return true;
}
