import { ApplicationFailure, Context } from "@temporalio/activity";
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
  const stop = new AbortController();
  const signal = AbortSignal.any([context.cancellationSignal, stop.signal]);
  let done = 0;
  const beat = () => context.heartbeat({ done });
  const timer = setInterval(() => {
    beat();
    keepAlive?.().then((alive) => {
      if (!alive) stop.abort(new StoreError("TM_LEASE_LOST", "another run has taken over this lane"));
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
    throw toFailure(signal.aborted && stop.signal.aborted ? stop.signal.reason : error, done > 0);
  } finally {
    clearInterval(timer);
  }
}

/** How long a lane stays with a run that gives no sign (ms): three heartbeats. */
export function leaseTtlMs(): number {
  return Math.max(10_000, 3 * (Context.current().info.heartbeatTimeoutMs ?? 30_000));
}

/**
 * An error as Temporal keeps it in history: code, message, path and fix, nothing else. Errors that only a person can end fail
 * the activity at once; the others are tried again.
 */
export function toFailure(error: unknown, progressed = false): unknown {
  if (error instanceof TidemarkError) {
    const { code, path, fix } = error;
    const options = { message: withoutContent(error), type: code, details: [{ code, path, fix }] };
    if (isFinal(error)) return ApplicationFailure.create({ ...options, nonRetryable: true });
    // The policy's delay grows with each attempt; one that got further starts over.
    const delay = (error instanceof TargetError ? error.retryAfterMs : undefined) ?? (progressed ? 1_000 : undefined);
    return ApplicationFailure.create({ ...options, ...(delay === undefined ? {} : { nextRetryDelay: delay }) });
  }
  // A driver's error text may quote a statement's values.
  const state = sqlState(error);
  if (/^[0-9A-Z]{5}$/.test(state)) return ApplicationFailure.create({ message: `the store answered with SQLSTATE ${state}`, type: "TM_STORE" });
  // A parser's message quotes what it parsed.
  if (error instanceof SyntaxError) return ApplicationFailure.create({ message: "unexpected text was received", type: "SyntaxError" });
  return error;
}

/** Histories hold no order data: what an end answered is left out where it may be records; the worker's log has it. */
function withoutContent(error: TidemarkError): string {
  if (!(error instanceof SourceError || error instanceof TargetError)) return error.message;
  return error.message.replace(/[{[].*$/s, "(content not kept in history)").replace(/\d{6,}/g, "#");
}

function isFinal(error: TidemarkError): boolean {
  if (error instanceof SourceError) return error.kind !== "transient";
  if (error instanceof TargetError) return error.kind === "misconfigured";
  return true;
}
