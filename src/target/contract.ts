/** A document of a mapped record, most often its only one, on its way to a target. */
export interface OutRecord {
  /** The target's id, unique within the pipeline. */
  id: string;
  /** The id of the record whose document it is: its own where there is only one. */
  recordId: string;
  /** The record's id in the source, for quarantine. */
  sourceId: string;
  /** The record's version as text; part of the idempotency key. */
  version: string;
  /** The slice that it was read with. */
  slice: string;
  /** The document as JSON text, digits as the source sent them. */
  json: string;
}

/** What has to hold for a request, or a statement, to be sent. */
export interface SendGuard {
  /** Aborts when the work is cancelled. */
  signal: AbortSignal;
  /** Called directly before the request is written; throws when the claims might run out before the request's own time limit. */
  beforeWrite(): void;
}

/**
 * Where records go. Sending the same records twice under the same key must be harmless: the delivery repeats whatever
 * has no known outcome.
 */
export interface Target {
  /** Most records that one request may carry. */
  readonly recordsPerRequest: number;
  /** Most bytes that the records of one request may have, a comma after each counted; null: no limit. */
  readonly bytesPerRequest: number | null;
  /**
   * One request. Resolves when the target has taken every record.
   * @throws TargetError whose kind says what follows
   */
  send(records: readonly OutRecord[], key: string, guard: SendGuard): Promise<void>;
  /** Sees whether the target can be reached and accepts the credentials, without writing a record. @returns what was tried */
  check(signal: AbortSignal): Promise<string>;
  /**
   * Everything that the target holds, some hundred records at a time; null where it cannot be read.
   * @throws TargetError
   */
  readonly held: ((signal: AbortSignal) => AsyncIterable<HeldRecord[]>) | null;
  /** Ends connections, once nothing is being sent any more. */
  close?(): Promise<void>;
}

/** A record that a target holds. */
export interface HeldRecord {
  /** The target's id. */
  id: string;
  /** As `send` got it; null: not known. */
  version: string | null;
}
