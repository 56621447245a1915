/** What an error carries beside its message; all of it is safe to print. */
export interface ErrorDetails {
  /** Where it is wrong: a config path such as `pipelines.orders.source.pageSize`, or a file. */
  path?: string;
  /** What a person does about it. */
  fix?: string;
  cause?: unknown;
  /** Numbers and names for programs; never order data, tokens or secrets. */
  details?: Record<string, unknown>;
}

/**
 * The base of every error that a user can meet. `code` is stable (`TM_…`) and listed in docs/errors.md;
 * message, path and fix never hold secrets or order data.
 */
export class TidemarkError extends Error {
  readonly code: string;
  readonly path: string | undefined;
  readonly fix: string | undefined;
  readonly details: Record<string, unknown>;

  constructor(code: string, message: string, more: ErrorDetails = {}) {
    super(message, more.cause === undefined ? {} : { cause: more.cause });
    this.name = new.target.name;
    this.code = code;
    this.path = more.path;
    this.fix = more.fix;
    this.details = more.details ?? {};
  }
}

/** The configuration is wrong; nothing was started. */
export class ConfigError extends TidemarkError {}

/** How a caller goes on after a failed request to the source. */
export type SourceFailureKind =
  | "transient" // worth another attempt later, unchanged
  | "final" // no attempt helps until a person acts
  | "walk"; // the answers contradict the cursor's assumptions

/** A request to the source failed, or its answers cannot be trusted. */
export class SourceError extends TidemarkError {
  readonly kind: SourceFailureKind;
  constructor(kind: SourceFailureKind, code: string, message: string, more: ErrorDetails = {}) {
    super(code, message, more);
    this.kind = kind;
  }
}

/** The consequence of a target's answer (docs/errors.md has the table). */
export type TargetFailureKind =
  | "retry" // 408, 429, 5xx, network: the same batch again
  | "refused" // 400, 409, 422, or a refusal inside a 200: halve until the records are found
  | "too-large" // 413: halve, never quarantine above one record
  | "misconfigured" // 401, 403, 404, …: the slice waits for a person
  | "lease-lost"; // nothing was sent: the claims ran out first

/** A request to the target failed. */
export class TargetError extends TidemarkError {
  readonly kind: TargetFailureKind;
  readonly retryAfterMs: number | undefined;
  constructor(kind: TargetFailureKind, code: string, message: string, more: ErrorDetails & { retryAfterMs?: number } = {}) {
    super(code, message, more);
    this.kind = kind;
    this.retryAfterMs = more.retryAfterMs;
  }
}

/** The store refused a change: a lost lease, a checkpoint that moved, an unbalanced ledger. */
export class StoreError extends TidemarkError {}
