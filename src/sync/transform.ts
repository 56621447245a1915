import { sql } from "kysely";
import { ConfigError } from "../errors.ts";
import { elementsOf, withStringMember } from "../json/raw.ts";
import { type Document, type MappedRow, type Mapper, oneDocument, openMapper } from "../mapping/mapper.ts";
import { insertBatch, newBatchId } from "../store/batches.ts";
import { claimDocuments, claimItems, goneDocuments, type Item, type ItemPosition, lockSliceItems, pendingItems, releaseClaims } from "../store/claims.ts";
import { classifySlice } from "../store/classify.ts";
import type { Db, Tx } from "../store/db.ts";
import { NO_ID, pageBody } from "../store/pages.ts";
import { filterItems, quarantineHolders, quarantineItems, type Refusal } from "../store/quarantine.ts";
import { findStream, fingerprints, refuseChanged } from "../store/streams.ts";
import type { SliceContext } from "./context.ts";

/** What a slice has ready to be loaded. */
export interface Transformation {
  /** Batches that are not done yet. */
  batches: number;
  /** Rows whose id is in flight in another batch; they are tried again once it has ended. */
  waiting: number;
}

/**
 * Turns an extracted slice into batches: sorts its rows, maps those that need work, claims their ids and stores each batch
 * with its members. Records that cannot be mapped go to quarantine, those of which nothing is to be sent are left out; the rest goes on. May be repeated at any point.
 * @throws StoreError `TM_PIPELINE_CHANGED`
 */
export async function transformSlice(context: SliceContext, pass: number): Promise<Transformation> {
  const { store, slice, pipeline, account } = context;
  const stream = await findStream(store.db, pipeline.name);
  // A worker may have been started before the pipeline was changed.
  if (stream?.id === slice.streamId) refuseChanged(pipeline, stream, fingerprints(pipeline, account));
  await classifySlice(store, slice, pass, resendsHeld(context));
  const mapper = openMapper(pipeline, await context.strategy());
  try {
    await makeBatches(context, mapper);
  } finally {
    await mapper?.close();
  }
  const { rows: left } = await sql<Transformation>`
    select (select count(*)::int from batch where slice_id = s.id and state <> 'done') as batches,
      (select count(*)::int from item where slice_id = s.id and outcome = 'pending') as waiting
    from slice s where s.id = ${slice.id} and s.state = 'classified'
  `.execute(store.db);
  // Dropped meanwhile, or committed: nothing is left to wait for.
  return left[0] ?? { batches: 0, waiting: 0 };
}

/** Whether records go out again that the index holds in this very version. */
function resendsHeld({ slice, pipeline }: SliceContext): boolean {
  return !pipeline.target.idCheck || slice.purpose === "remap";
}

async function makeBatches(context: SliceContext, mapper: Mapper | null): Promise<void> {
  const rows = rowReader(context);
  let position: ItemPosition | null = { seq: -1, ord: -1 };
  while (position !== null) {
    const after: ItemPosition = position;
    const mapped = mapper === null ? null : await mapAhead(context, after, rows, mapper);
    position = await context.store.transaction((tx) => makeBatch(tx, context, after, rows, mapped));
    if (position !== null) context.progress(position.seq);
  }
}

/** The records of the next batch, by source id, and the position of the last item looked at. */
interface MappedItems {
  oneEach: boolean;
  rows: ReadonlyMap<string, MappedRow>;
  last: ItemPosition | null;
}

/** Maps before anything is claimed or locked: a script may take its time. @throws ConfigError `TM_MAPPING_REFUSES_ALL` */
async function mapAhead({ store, slice, pipeline, signal }: SliceContext, after: ItemPosition, rowOf: RowReader, mapper: Mapper): Promise<MappedItems> {
  const items = await pendingItems(store.db, slice.id, after, pipeline.target.batchSize);
  const usable = items.filter((item) => !item.id.startsWith(NO_ID) && !item.collides);
  const raws: string[] = [];
  for (const item of usable) raws.push(await rowOf(store.db, item));
  const mapped = await mapper.map(usable.map(({ id }, i) => ({ id, raw: raws[i]! })), signal);
  const refused = mapped.filter((row) => "code" in row);
  if (refused.length > pipeline.target.maxRefused && refused.length === mapped.length) throw refusesAll(pipeline.name, refused);
  const last = items.at(-1);
  return { oneEach: mapper.oneEach === true, rows: new Map(usable.map((item, i) => [item.sourceId, mapped[i]!])), last: last === undefined ? null : { seq: last.seq, ord: last.ord } };
}

/** Names codes and fields only: the reasons hold data of the records. */
function refusesAll(name: string, refused: readonly { code: string; field: string | null }[]): ConfigError {
  const reasons = new Set(refused.map(({ code, field }) => (field === null ? code : `${code} in field ${JSON.stringify(field)}`)));
  return new ConfigError("TM_MAPPING_REFUSES_ALL", `the mapping refuses each of ${refused.length} records of a batch (${[...reasons].slice(0, 5).join(", ")}); nothing was set aside`, {
    path: `pipelines.${name}.mapping`, fix: `Look at "tidemark preview ${name}", correct the mapping and restart the workers; or raise target.maxRefused to have such records set aside.`,
  });
}

type RowReader = (db: Db | Tx, item: Item) => Promise<string>;

/** Gives the raw rows of items that come in reading order, one page in memory at a time. */
function rowReader({ slice }: SliceContext): RowReader {
  let page: { pass: number; seq: number; rows: string[] } | undefined;
  return async (db, item) => {
    if (page?.seq !== item.seq || page.pass !== item.pass) {
      page = { pass: item.pass, seq: item.seq, rows: elementsOf(await pageBody(db, slice.id, item.pass, item.seq)) };
    }
    return page.rows[item.ord - 1]!;
  };
}

/** One batch from the next pending items. @returns the position of the last item looked at, or null when none is left */
async function makeBatch(tx: Tx, context: SliceContext, after: ItemPosition, rowOf: RowReader, mapped: MappedItems | null): Promise<ItemPosition | null> {
  const { slice, pipeline, account } = context;
  if (!(await lockSliceItems(tx, slice))) return null;
  const pending = await pendingItems(tx, slice.id, after, pipeline.target.batchSize);
  // What was not mapped is behind the last one that was, or became pending meanwhile: it stays.
  const items = mapped === null ? pending : pending.filter((item) => item.id.startsWith(NO_ID) || item.collides || mapped.rows.has(item.sourceId));
  const last = mapped === null ? items[items.length - 1] : mapped.last;
  if (last === undefined || last === null) return null;
  const { target } = pipeline;
  const batchId = await newBatchId(tx);
  const { claimed, collided } = await claimItems(tx, slice, items.filter((item) => !item.id.startsWith(NO_ID) && !item.collides), batchId, {
    leaseMs: target.leaseMs, zombieAfterMs: target.zombieAfterMs, resendHeld: resendsHeld(context),
  });
  const refusals = new Map<string, Refusal>();
  const holders = new Set(collided.values());
  const records: { sourceId: string; id: string; documents: Document[] }[] = [];
  const filtered: Item[] = [];
  const refuse = async (item: Item, { code, reason }: Pick<Refusal, "code" | "reason">) => refusals.set(item.sourceId, { code, reason, sourceId: item.sourceId, raw: await rowOf(tx, item) });
  for (const item of items) {
    const record = claimed.has(item.sourceId) ? (mapped?.rows.get(item.sourceId) ?? oneDocument(item.id, withStringMember(await rowOf(tx, item), "id", item.id))) : null;
    const refusal = refusalOf(item, collided, holders, pipeline.mapping.id) ?? (record !== null && "code" in record ? record : null);
    if (refusal !== null) await refuse(item, refusal);
    else if (record !== null && "documents" in record && record.documents.length === 0) filtered.push(item);
    else if (record !== null && "documents" in record) records.push({ sourceId: item.sourceId, id: item.id, documents: record.documents });
  }
  if (mapped !== null && !mapped.oneEach) {
    const conflicts = await documentConflicts(tx, context, records);
    if (conflicts.size > target.maxRefused && conflicts.size === records.length) throw refusesAll(pipeline.name, [...conflicts.values()].map(({ code }) => ({ code, field: null })));
    for (const item of items) if (conflicts.has(item.id)) await refuse(item, conflicts.get(item.id)!);
  }
  await releaseClaims(tx, slice, batchId, [...items.filter((item) => refusals.has(item.sourceId)), ...filtered].map((item) => item.id));
  await quarantineItems(tx, slice, batchId, [...refusals.values()]);
  await quarantineHolders(tx, slice, items.filter((item) => collided.has(item.sourceId)).map((item) => item.id), COLLISION);
  await filterItems(tx, slice, batchId, filtered.map((item) => item.sourceId));
  const sent = records.filter((record) => !refusals.has(record.sourceId));
  if (sent.length > 0) await insertBatch(tx, slice, batchId, sent, fingerprints(pipeline, account).target);
  return { seq: last.seq, ord: last.ord };
}

/** Records whose documents others have, or that would leave rows behind: what a table holds is summed up, and nothing there tells such a row from others. */
async function documentConflicts(tx: Tx, { slice, pipeline: { target } }: SliceContext, records: Parameters<typeof claimDocuments>[2]): Promise<Map<string, Pick<Refusal, "code" | "reason">>> {
  const others = await claimDocuments(tx, slice, records);
  const gone = target.use === "postgres" || target.use === "mysql" ? await goneDocuments(tx, slice, records) : new Map<string, string>();
  return new Map<string, Pick<Refusal, "code" | "reason">>([
    ...[...gone].map(([record, id]) => [record, { code: "TM_DOCUMENT_GONE", reason: `the record was loaded as the document ${JSON.stringify(id)} too, and no longer makes it; its row would stay in the table beside the others` }] as const),
    ...[...others].map(([record, { id, owner }]) => [record, { code: "TM_DOCUMENT_ID", reason: `the record ${JSON.stringify(owner)} has a document with the id ${JSON.stringify(id)} too; one would overwrite the other` }] as const),
  ]);
}

const COLLISION = "two records of the source have the same id for the target; sending both would overwrite one with the other";

function refusalOf(item: Item, collided: ReadonlyMap<string, string>, holders: ReadonlySet<string>, idField: string): Pick<Refusal, "code" | "reason"> | null {
  if (item.id.startsWith(NO_ID)) {
    return { code: "TM_NO_ID", reason: `the record has no usable ${idField}: it is missing, empty or not a plain value` };
  }
  if (item.collides || collided.has(item.sourceId) || holders.has(item.sourceId)) return { code: "TM_ID_COLLISION", reason: COLLISION };
  return null;
}
