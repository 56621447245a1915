import { createHash } from "node:crypto";
import { TargetError } from "../errors.ts";
import type { OutRecord, SendGuard, Target } from "./contract.ts";

/** Asked before each request: which records (by their ids) may still be sent, and until when. `written` hears of each request that may reach the target. */
export type Recheck = () => Promise<{ allowed: ReadonlySet<string>; guard: SendGuard; written?: (ids: readonly string[]) => void }>;

export interface RefusedRecord {
  record: OutRecord;
  error: TargetError;
}

/**
 * What became of the documents; those in neither list were left out because another batch took their record's id over, or
 * because another document of their record is refused.
 */
export interface Delivery {
  loaded: OutRecord[];
  /** One a record at the most. */
  refused: RefusedRecord[];
}

/**
 * Sends documents in requests of the target's size, those of a record together as far as that goes, halving what the target refuses or finds too large
 * until the refused ones stand alone. Claims are checked again before every request, halves included.
 * @param form what made the documents: the same in another form has another key
 * @param maxRefused a delivery in which everything is refused stops the pipeline above this many
 * @throws TargetError `retry`, `misconfigured` or `lease-lost`: nothing is to be quarantined
 */
export async function deliver(target: Target, records: readonly OutRecord[], form: string, maxRefused: number, recheck: Recheck): Promise<Delivery> {
  const loaded: OutRecord[] = [];
  const refused = new Map<string, RefusedRecord>();
  const most = target.bytesPerRequest ?? Infinity;
  for (const record of records) if (sizeOf(record) > most && !refused.has(record.recordId)) refused.set(record.recordId, { record, error: tooLarge(record, most) });
  const open = chunks(records.filter(({ recordId }) => !refused.has(recordId)), target.recordsPerRequest, most).toReversed();
  for (let group = open.pop(); group !== undefined; group = open.pop()) {
    // What is left of a record that is set aside waits for its replay.
    const wanted = group.filter(({ recordId }) => !refused.has(recordId));
    if (wanted.length === 0) continue;
    const { allowed, guard, written } = await recheck();
    const records = wanted.filter(({ recordId }) => allowed.has(recordId));
    if (records.length === 0) continue;
    written?.([...new Set(records.map(({ recordId }) => recordId))]);
    const error = await attempt(target, records, form, guard);
    if (error === null) loaded.push(...records);
    else if (records.length === 1) refused.set(records[0]!.recordId, { record: records[0]!, error });
    else {
      const middle = middleOf(records);
      open.push(records.slice(middle), records.slice(0, middle));
    }
  }
  if (refused.size > maxRefused && loaded.every(({ recordId }) => refused.has(recordId))) {
    const first = [...refused.values()][0]!.error;
    throw new TargetError("misconfigured", "TM_TARGET_REFUSES_ALL", `the target refused all ${refused.size} records of a batch, each on its own; the first time: ${first.message}`, {
      fix: "Look at the target's reason: more likely its set-up is wrong than every record. Nothing was quarantined. target.maxRefused raises the limit.",
    });
  }
  return { loaded, refused: [...refused.values()] };
}

/** Where to halve: between two records, as near to the middle as there is such a place. */
function middleOf(records: readonly OutRecord[]): number {
  const middle = Math.ceil(records.length / 2);
  const borders = records.flatMap(({ recordId }, i) => (i > 0 && recordId !== records[i - 1]!.recordId ? [i] : []));
  return borders.reduce((best, border) => (Math.abs(border - middle) < Math.abs(best - middle) ? border : best), borders[0] ?? middle);
}

/** @returns the refusal, or null on success; other errors are thrown */
async function attempt(target: Target, records: readonly OutRecord[], form: string, guard: SendGuard): Promise<TargetError | null> {
  try {
    await target.send(records, idempotencyKey(records, form), guard);
    return null;
  } catch (error) {
    if (error instanceof TargetError && (error.kind === "refused" || error.kind === "too-large")) return error;
    throw error;
  }
}

/** The same records in the same versions, order and form have the same key; each half has its own. */
export function idempotencyKey(records: readonly Pick<OutRecord, "id" | "version">[], form: string): string {
  const hash = createHash("sha256").update(form);
  for (const record of records) hash.update(JSON.stringify([record.id, record.version]));
  return hash.digest("hex").slice(0, 40);
}

/** In bytes, with the comma behind it. */
function sizeOf(record: OutRecord): number {
  return Buffer.byteLength(record.json) + 1;
}

function tooLarge(record: OutRecord, most: number): TargetError {
  return new TargetError("too-large", "TM_RECORD_TOO_LARGE", `the record has ${sizeOf(record)} bytes, and a request may carry ${most}; it was not sent`, {
    path: "target.maxBytes", fix: "Raise target.maxBytes if the target takes more, then replay the record.",
  });
}

function chunks(records: readonly OutRecord[], most: number, mostBytes: number): OutRecord[][] {
  const groups: OutRecord[][] = [];
  let left = 0;
  for (const [i, record] of records.entries()) {
    const size = sizeOf(record);
    const group = groups.at(-1);
    const first = record.recordId !== records[i - 1]?.recordId;
    if (group === undefined || group.length >= most || size > left || (first && !fits(i, most - group.length, left))) {
      groups.push([record]);
      left = mostBytes - size;
    } else {
      group.push(record);
      left -= size;
    }
  }
  return groups;

  /** Whether all documents of the record that begins at `from` have room. */
  function fits(from: number, room: number, bytes: number): boolean {
    let [count, size] = [0, 0];
    for (let at = from; records[at]?.recordId === records[from]!.recordId && count <= room && size <= bytes; at++) {
      count++;
      size += sizeOf(records[at]!);
    }
    return count <= room && size <= bytes;
  }
}
