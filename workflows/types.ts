import type { AuditCounts, AuditRequest, RangeRequest } from "../activities/types.ts";
import type { SliceCounts } from "../src/store/commit.ts";

/** What is carried from run to run when a workflow continues as new. */
export interface Totals {
  counts: SliceCounts;
  slices: number;
  /** First slice's beginning and last slice's end: versions or ISO 8601 times. */
  from: string | null;
  to: string | null;
}

export interface SyncInput {
  pipeline: string;
  /** ms without a sign after which an activity is given to another worker. */
  heartbeatMs: number;
  /** Set by the workflow itself when it continues as new. */
  totals?: Totals;
}

/** What a finished run tells. */
export interface RunSummary extends Totals {
  pipeline: string;
  checkpoint: string | null;
}

export interface AuditInput {
  pipeline: string;
  heartbeatMs: number;
  /** Without times: everything. Without a request id, as a schedule starts it, the run's own. */
  options: Omit<AuditRequest, "requestId"> & { requestId?: string };
  /** Set by the workflow itself when it continues as new. */
  auditId?: string;
  totals?: Totals;
}

export interface AuditSummary {
  pipeline: string;
  auditId: string;
  counts: AuditCounts;
}

export interface BackfillInput {
  pipeline: string;
  heartbeatMs: number;
  /** Signals that came in but were not written down yet, and whether the backfill is paused. */
  pending?: BackfillMessage[];
  paused?: boolean;
  totals?: Totals;
}

export type BackfillMessage = { do: "add"; range: RangeRequest } | { do: "cancel"; requestId: string } | { do: "look" };

export interface BackfillProgress {
  paused: boolean;
  slices: number;
  counts: SliceCounts;
  /** What is being read now. */
  reading: string | null;
  /** Why it waits, when it waits. */
  waitingFor: string | null;
  /** Messages that could not be used, and why; the latest 20. */
  refused: string[];
}
