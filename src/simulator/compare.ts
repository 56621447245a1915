import { createInterface } from "node:readline";
import { Readable } from "node:stream";
import { z } from "zod";
import { compareIds } from "./ids.ts";
import { memberText, objectMembers, scalar } from "./json-bytes.ts";

const KEY_FIELDS: Record<string, string> = { "/open/orders/out/simple/query": "io_id" };
const FIRST_IDS = 20;

const line = z.object({ id: z.string(), ts: z.string().nullable(), hash: z.string() });
type Line = z.infer<typeof line>;

/** What to compare. */
export interface CompareOptions {
  jushuitanUrl: string;
  qeasyUrl: string;
  /** The source's interface, such as `/open/orders/single/query`. */
  api: string;
  /** Source ids that are rightly not in the target (in quarantine): never counted as missing. */
  refused?: readonly string[];
}

/** Source and target, record by record. */
export interface Comparison {
  /** Records that the source shows, archived ones included. */
  source: number;
  target: number;
  /** Source records that the target does not hold. */
  missing: number;
  /** Records held in another version (`ts`) than the source's. */
  stale: number;
  /** Records held in the right version, or without one, whose text differs. */
  wrongContent: number;
  /** Target records whose id the source does not know. */
  unknown: number;
  /** Of the unknown: those whose own key field names a source record, so that this record is there twice under two ids. */
  duplicated: number;
  missingIds: string[];
  staleIds: string[];
}

/** Compares every record of a frozen source with what the target holds; both listings are streamed, so any size will do. */
export async function compareSourceAndTarget({ jushuitanUrl, qeasyUrl, api, refused = [] }: CompareOptions): Promise<Comparison> {
  const result: Comparison = { source: 0, target: 0, missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0, missingIds: [], staleIds: [] };
  const excused = new Set(refused);
  const truth = lines(`${jushuitanUrl}/_admin/truth?api=${encodeURIComponent(api)}`);
  const records = lines(`${qeasyUrl}/_admin/records`);
  let [source, target] = [await next(truth), await next(records)];
  while (source !== null || target !== null) {
    const order = source === null ? 1 : target === null ? -1 : compareIds(source.id, target.id);
    if (source !== null && order <= 0) result.source++;
    if (target !== null && order >= 0) result.target++;
    if (order === 0) judge(source as Line, target as Line, result);
    else if (order < 0) noteMissing((source as Line).id, excused, result);
    else await noteUnknown((target as Line).id, { jushuitanUrl, qeasyUrl, api }, result);
    [source, target] = [order <= 0 ? await next(truth) : source, order >= 0 ? await next(records) : target];
  }
  return result;
}

function judge(source: Line, target: Line, result: Comparison): void {
  if (target.ts !== null && target.ts !== source.ts) {
    result.stale++;
    if (result.staleIds.length < FIRST_IDS) result.staleIds.push(source.id);
  } else if (target.hash !== source.hash) {
    result.wrongContent++;
  }
}

function noteMissing(id: string, excused: ReadonlySet<string>, result: Comparison): void {
  if (excused.has(id)) return;
  result.missing++;
  if (result.missingIds.length < FIRST_IDS) result.missingIds.push(id);
}

async function noteUnknown(id: string, { jushuitanUrl, qeasyUrl, api }: CompareOptions, result: Comparison): Promise<void> {
  result.unknown++;
  const held = await fetch(`${qeasyUrl}/_admin/record?id=${encodeURIComponent(id)}`);
  const raw = Buffer.from(await held.arrayBuffer());
  if (!held.ok) return;
  const key = scalar(memberText(raw, objectMembers(raw) ?? [], KEY_FIELDS[api] ?? "o_id"));
  if (key === null) return;
  const known = await fetch(`${jushuitanUrl}/_admin/record?api=${encodeURIComponent(api)}&id=${encodeURIComponent(key)}`);
  await known.arrayBuffer();
  if (known.ok) result.duplicated++;
}

async function* lines(url: string): AsyncGenerator<Line> {
  const response = await fetch(url);
  if (!response.ok || response.body === null) throw new Error(`${url} answered HTTP ${response.status}`);
  for await (const text of createInterface({ input: Readable.fromWeb(response.body), crlfDelay: Infinity })) yield line.parse(JSON.parse(text));
}

async function next(from: AsyncGenerator<Line>): Promise<Line | null> {
  const { value, done } = await from.next();
  return done === true ? null : value;
}
