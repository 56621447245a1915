import { createHash } from "node:crypto";
import { TargetError } from "../errors.ts";
import type { OutRecord, SendGuard, Target } from "./contract.ts";

/** Asked before each request: which ids may still be sent, and until when. `written` hears of each request that may reach the target. */
export type Recheck = () => Promise<{ allowed: ReadonlySet<string>; guard: SendGuard; written?: (ids: readonly string[]) => void }>;

export interface RefusedRecord {
  record: OutRecord;
  error: TargetError;
}

/** What became of the records; those in neither list were left out because another batch took their ids over. */
export interface Delivery {
  loaded: OutRecord[];
  refused: RefusedRecord[];
}

/**
 * Sends records in requests of the target's size, halving what the target refuses or finds too large until the refused records stand alone. Claims are
 * checked again before every request, halves included.
 * @param form what made the records: the same in another form has another key
 * @param maxRefused a delivery in which everything is refused stops the pipeline above this many
 * @throws TargetError `retry`, `misconfigured` or `lease-lost`: nothing is to be quarantined
 */
export async function deliver(target: Target, records: readonly OutRecord[], form: string, maxRefused: number, recheck: Recheck): Promise<Delivery> {
  const loaded: OutRecord[] = [];
  const refused: RefusedRecord[] = [];
  const most = target.bytesPerRequest ?? Infinity;
  const small: OutRecord[] = [];
  for (const record of records) {
    if (sizeOf(record) <= most) small.push(record);
    else refused.push({ record, error: tooLarge(record, most) });
  }
  const open = chunks(small, target.recordsPerRequest, most).toReversed();
  for (let group = open.pop(); group !== undefined; group = open.pop()) {
    const { allowed, guard, written } = await recheck();
    const records = group.filter((record) => allowed.has(record.id));
    if (records.length === 0) continue;
    written?.(records.map((record) => record.id));
    const error = await attempt(target, records, form, guard);
    if (error === null) loaded.push(...records);
    else if (records.length === 1) refused.push({ record: records[0]!, error });
    else open.push(records.slice(Math.ceil(records.length / 2)), records.slice(0, Math.ceil(records.length / 2)));
  }
  if (loaded.length === 0 && refused.length > maxRefused) {
    const first = refused[0]!.error;
    throw new TargetError("misconfigured", "TM_TARGET_REFUSES_ALL", `the target refused all ${refused.length} records of a batch, each on its own; the first time: ${first.message}`, {
      fix: "Look at the target's reason: more likely its set-up is wrong than every record. Nothing was quarantined. target.maxRefused raises the limit.",
    });
  }
  return { loaded, refused };
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
  for (const record of records) {
    const size = sizeOf(record);
    const group = groups.at(-1);
    if (group === undefined || group.length >= most || size > left) {
      groups.push([record]);
      left = mostBytes - size;
    } else {
      group.push(record);
      left -= size;
    }
  }
  return groups;
}
