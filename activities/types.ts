import type { AuditNumbers } from "../src/store/audit-report.ts";
import type { SliceCounts } from "../src/store/commit.ts";
import type { Lane } from "../src/store/leases.ts";
import type { Place } from "../src/store/requests.ts";
import type { Purpose } from "../src/store/slices.ts";
import type { BackfillLeft, BackfillStatus } from "../src/sync/requests.ts";
import type { RefreshReport } from "../src/tokens/tokens.ts";

/** What activities and workflows hand each other: ids, counts and times. Orders, tokens and secrets never pass here. */

/** A run that owns a lane of a pipeline, under its fencing token. */
export interface RunRef {
  pipeline: string;
  lane: Lane;
  streamId: string;
  token: string;
}

export interface BeginInput {
  pipeline: string;
  lane: Lane;
  /** The same for all runs of one continued workflow. */
  owner: string;
}

export type BeginAnswer =
  | { state: "begun"; streamId: string; token: string; parallel: number }
  /** Another run has the lane; it may be over in `waitMs`. */
  | { state: "held"; owner: string; waitMs: number };

export interface SliceRef {
  id: string;
  purpose: Purpose;
  /** What it reads, for people: versions or times, no order data. */
  label: string;
  /** null where nothing is asked of the source. */
  from: string | null;
  to: string | null;
}

export interface ExtractAnswer {
  /**
   * `fallback`: the version walk cannot be trusted and windows are used from now on.
   * `unproven`: a second that never held still; the next run tries it again.
   */
  state: "extracted" | "split" | "fallback" | "unproven";
  pass: number;
  reachedEnd: boolean;
  /** Where a version slice ended, or the window's end; "" for neither. */
  to: string;
  /** HTTP requests that reading it took so far. */
  requests: number;
}

export interface TransformAnswer {
  batches: number;
  waiting: number;
  /** Where nothing was left to load, the slice was committed at once. */
  committed: CommitAnswer | null;
}

export interface CommitAnswer {
  state: "committed" | "dropped" | "waiting";
  counts: SliceCounts;
}

export interface RangeRequest {
  /** ISO 8601; inclusive. */
  from: string;
  /** ISO 8601; exclusive. */
  to: string;
  /** Made by the caller: the same request twice makes one range. */
  requestId: string;
  /** Read what audits have verified, too. */
  force?: boolean;
}

/** What a person wants changed of a backfill's ranges. */
export type RangeChange =
  | { do: "add"; range: RangeRequest }
  | { do: "cancel"; requestId: string }
  | { do: "move"; requestId: string; to: Place };

/** A backfill's ranges. */
export interface RangesView extends BackfillLeft {
  ranges: BackfillStatus[];
}

export interface RunActivities {
  beginRun(input: BeginInput): Promise<BeginAnswer>;
  /** @param busy the slice that is being loaded meanwhile */
  planSlice(run: RunRef, headRead: boolean, busy: string | null): Promise<SliceRef | null>;
  extract(run: RunRef, sliceId: string): Promise<ExtractAnswer>;
  transform(run: RunRef, sliceId: string, pass: number): Promise<TransformAnswer>;
  load(run: RunRef, sliceId: string): Promise<{ batches: number }>;
  commit(run: RunRef, sliceId: string): Promise<CommitAnswer>;
  /** Gives the lane back. @returns the checkpoint: a version, or an ISO 8601 time */
  endRun(run: RunRef): Promise<string | null>;
}

export interface BackfillActivities {
  /**
   * In their order; repeating it changes nothing, by the batch's UUID; only histories of 0.1.0-alpha.1 have none.
   * @returns what was wrong with those that could not be used, and the ranges afterwards
   */
  changeRanges(run: RunRef, messages: RangeChange[], batch?: string): Promise<{ refused: string[]; view: RangesView }>;
  viewRanges(run: RunRef): Promise<RangesView>;
}

/** What an audit is asked for; without times: the whole of the pipeline's first load, up to the settle delay. */
export interface AuditRequest {
  requestId: string;
  /** ISO 8601; inclusive. */
  from?: string;
  /** ISO 8601; exclusive. */
  to?: string;
  /** Instead of `from`: this much of the closed time (ms), and what came since the last audit's end. */
  lastMs?: number;
  /** Compare ids even where counts agree. */
  byIds: boolean;
  /** Have what is missing or stale loaded. */
  repair: boolean;
  /** Compare the target's own list with the index first. */
  target?: boolean;
}

/** How an audit ended: numbers only, the findings lie in the store. */
export type AuditCounts = Omit<AuditNumbers, "comparing">;

export interface AuditActivities {
  beginAudit(run: RunRef, request: AuditRequest): Promise<string>;
  /** The target's own list against the index. */
  compareTarget(run: RunRef, auditId: string): Promise<void>;
  countWindows(run: RunRef, auditId: string): Promise<void>;
  /** @returns how many windows have to be compared by ids */
  judgeWindows(run: RunRef, auditId: string): Promise<number>;
  /** @returns whether the slice goes on to be loaded */
  compare(run: RunRef, sliceId: string, pass: number): Promise<boolean>;
  endAudit(run: RunRef, auditId: string): Promise<AuditCounts>;
}

export interface TokenActivities {
  refreshToken(account: string): Promise<RefreshReport>;
}
