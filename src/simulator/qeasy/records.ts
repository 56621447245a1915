import { compareIds } from "../ids.ts";
import { contentHash, documentValues, memberText, objectMembers, scalar, type Span } from "../json-bytes.ts";

/** A record as it came. */
export interface Received {
  id: string;
  /** The record's text, byte for byte. */
  raw: Buffer;
  /** Digits of its `ts` as written; null without. */
  ts: string | null;
  /** Its `modified` as written; null without. */
  modified: string | null;
}

/** A record as it is held. */
export interface Held {
  /** Null when texts are not kept. */
  raw: Buffer | null;
  hash: string | null;
  ts: string | null;
  modified: string | null;
  /** Times it was written since it was last absent. */
  writes: number;
}

/** What came so far. */
export interface RecordCounts {
  records: number;
  created: number;
  /** Records that came again in the version held. */
  sameVersion: number;
  /** Records that came in an older version than the one held. */
  olderVersion: number;
  newerVersion: number;
  /** Records whose version cannot be compared with the one held. */
  unknownVersion: number;
}

/** What is wrong with a request's body. */
export class BodyError extends Error {}

/**
 * The records of a body: an array of objects or one object, each with its text exactly as received.
 * @param envelope the key of the body's object that holds them; null: the body itself
 * @throws BodyError
 */
export function readRecords(whole: Buffer, envelope: string | null): Received[] {
  const body = envelope === null ? whole : Buffer.from(memberText(whole, objectMembers(whole) ?? [], envelope) ?? "");
  try {
    return documentValues(body).map((span, index) => readRecord(body, span, index));
  } catch (error) {
    if (error instanceof SyntaxError) throw new BodyError(error.message);
    throw error;
  }
}

function readRecord(body: Buffer, { start, end, members }: Span, index: number): Received {
  if (members === null) throw new BodyError(`record ${index}: not an object`);
  const id = memberText(body, members, "id");
  if (id === null || !id.startsWith('"') || id === '""') throw new BodyError(`record ${index}: id must be a non-empty string`);
  const ts = scalar(memberText(body, members, "ts"));
  const modified = scalar(memberText(body, members, "modified"));
  return { id: JSON.parse(id) as string, raw: body.subarray(start, end), ts: ts !== null && /^\d+$/.test(ts) ? ts : null, modified };
}

/** What the target holds: the record that came last for each id. */
export class RecordStore {
  counts: RecordCounts = RecordStore.noCounts();
  private readonly held = new Map<string, Held>();
  private sorted: string[] | null = null;

  static noCounts(): RecordCounts {
    return { records: 0, created: 0, sameVersion: 0, olderVersion: 0, newerVersion: 0, unknownVersion: 0 };
  }

  get size(): number {
    return this.held.size;
  }

  take({ id, raw, ts, modified }: Received, keepText: boolean, keepNewest: boolean): void {
    this.counts.records++;
    const before = this.held.get(id);
    const order = before === undefined ? null : compareVersions({ ts, modified }, before);
    if (before === undefined) this.counts.created++;
    else if (order === null) this.counts.unknownVersion++;
    else if (order === 0) this.counts.sameVersion++;
    else if (order < 0) this.counts.olderVersion++;
    else this.counts.newerVersion++;

    if (before === undefined) this.sorted = null;
    if (before !== undefined && order !== null && order < 0 && keepNewest) {
      before.writes++;
      return;
    }
    // A copy: a slice would keep the whole request in memory.
    this.held.set(id, { raw: keepText ? Buffer.from(raw) : null, hash: keepText ? null : contentHash(raw), ts, modified, writes: (before?.writes ?? 0) + 1 });
  }

  get(id: string): Held | undefined {
    return this.held.get(id);
  }

  delete(id: string): boolean {
    this.sorted = null;
    return this.held.delete(id);
  }

  clear(): void {
    this.sorted = null;
    this.held.clear();
  }

  /** Ids in their order (`compareIds`) behind `after`. */
  *idsAfter(after: string | null): Generator<string> {
    const sorted = (this.sorted ??= [...this.held.keys()].sort(compareIds));
    for (const id of sorted) if (after === null || compareIds(id, after) > 0) yield id;
  }
}

/** Hash of a held record's content less its added id. */
export function hashOf(held: Held): string {
  return held.hash ?? contentHash(held.raw as Buffer);
}

/** Negative when `a` is older; null when they cannot be compared. `ts` decides if both have one, else `modified`. */
function compareVersions(a: Pick<Held, "ts" | "modified">, b: Pick<Held, "ts" | "modified">): number | null {
  if (a.ts !== null && b.ts !== null) {
    const [left, right] = [BigInt(a.ts), BigInt(b.ts)];
    return left < right ? -1 : left > right ? 1 : 0;
  }
  if (a.modified === null || b.modified === null) return null;
  return a.modified < b.modified ? -1 : a.modified > b.modified ? 1 : 0;
}
