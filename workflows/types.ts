import type { AuditCounts, AuditRequest, RangeChange, RangeRequest, RangesView } from "../activities/types.ts";
import type { SliceCounts } from "../src/store/commit.ts";
import type { BackfillStatus } from "../src/sync/requests.ts";

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

/** What a backfill takes along when it continues as new. */
export interface BackfillState {
  paused: boolean;
  /** Why it waits, when it waits. */
  waitingFor: string | null;
  /** Messages that could not be used, and why; the latest 20. */
  refused: string[];
  /** As last seen. */
  view: RangesView;
  samples: PaceSample[];
}

export interface BackfillInput {
  pipeline: string;
  heartbeatMs: number;
  /** Events of its history after which a run continues as new; default 3,000. */
  mostEvents?: number;
  /** Set by the workflow itself when it continues as new: signals that came in but were not written down yet, and its state. */
  pending?: BackfillMessage[];
  /** Names the first of `pending`, where some of them may be written down already. */
  batch?: string | undefined;
  state?: BackfillState;
  totals?: Totals;
}

export type BackfillMessage = RangeChange | { do: "look" };

/** How far a run was when a slice had been committed. */
export interface PaceSample {
  /** Workflow time (ms). */
  at: number;
  slices: number;
  read: number;
  requests: number;
}

/** How fast it goes over the latest slices, and what is left. null: not known yet. */
export interface Pace {
  recordsPerMinute: number | null;
  requestsPerMinute: number | null;
  /** Modified time that is still to be read, of all ranges together (ms). */
  leftMs: number;
  /** By what the open ranges held so far. */
  recordsLeft: number | null;
  /** At that pace (ms). */
  timeLeftMs: number | null;
}

export interface BackfillProgress extends Pace {
  paused: boolean;
  slices: number;
  counts: SliceCounts;
  /** What is being read now. */
  reading: string | null;
  waitingFor: string | null;
  refused: string[];
  /** The open ranges in their order, then the latest others; at most 20. */
  ranges: BackfillStatus[];
  /** Asked for by signals that are not written down yet, as they came. */
  waiting: RangeRequest[];
}
