import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { takeBatch } from "../../src/store/batches.ts";
import { commitSlice } from "../../src/store/commit.ts";
import { listEntries, showEntry } from "../../src/store/quarantine-entries.ts";
import { ensureStream } from "../../src/store/streams.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import { strategyMapping } from "../mapping/support.ts";
import { type Bench, row, sliceContext, startBench } from "../support/pipeline.ts";
import { sliceTools } from "../support/slices.ts";

let bench: Bench;
afterEach(() => bench.store.close());
const { extracted, loadAll, sender } = sliceTools(() => bench);

const start = async (source: object, target?: object) => (bench = await startBench({ mapping: await strategyMapping(source, target), target: { batchSize: 100 } }));
const orders = (...raws: string[]) => raws.map((raw, i) => row(/"o_id":(\d+)/.exec(raw)![1]!, i + 2, { raw: raw.replace("}", `,"ts":${i + 2}}`) }));
const transform = async (...raws: string[]) => {
  const slice = await extracted(orders(...raws));
  await transformSlice(sliceContext(bench, slice), 1);
  return slice;
};
/** The documents of all batches: a record that is one of its own id stands as it is, others with their ids. */
const payloads = async () => {
  const { rows } = await sql<{ payload: string }>`select payload from batch order by id`.execute(bench.store.db);
  return rows.flatMap(({ payload }) => JSON.parse(payload) as (Record<string, unknown> | { json: Record<string, unknown> }[])[]).flatMap((record) => (Array.isArray(record) ? record.map(({ json }) => json) : [record]));
};
const request = (...entries: object[]) => ({ request: entries });

test("a row that its condition drops is read, counted and not sent; the ledger balances", async () => {
  await start({ condition: [[{ field: "status", logic: "eq", value: "Sent" }]] });
  const slice = await transform('{"o_id":1,"status":"Sent"}', '{"o_id":2,"status":"Cancelled"}');
  expect(await payloads()).toEqual([{ id: "1", o_id: 1, status: "Sent", ts: 2 }]);
  await loadAll(slice);
  expect(await commitSlice(bench.store, slice, 0)).toMatchObject({ state: "committed", counts: { read: 2, loaded: 1, filtered: 1 } });
});

test("lines of a row are documents of their own; the row counts once", async () => {
  await start({ beatFlat: ["items"] }, request({ field: "sku", value: "{{items_sku}}" }, { field: "n", type: "int", value: "{{items_qty}}" }));
  const slice = await transform('{"o_id":1,"items":[{"sku":"a","qty":"2"},{"sku":"b","qty":3}]}', '{"o_id":2,"items":[]}');
  expect(await payloads()).toEqual([{ id: "1-1", sku: "a", n: 2 }, { id: "1-2", sku: "b", n: 3 }, { id: "2" }]);
  await loadAll(slice);
  expect(await commitSlice(bench.store, slice, 0)).toMatchObject({ state: "committed", counts: { read: 2, loaded: 2 } });
});

test("two rows that are split into documents of one id do not overwrite each other", async () => {
  await start({ id: "items.oi_id", operation: { method: "splitArray", arrayKey: "items" } });
  await transform('{"o_id":1,"items":[{"oi_id":7}]}', '{"o_id":2,"items":[{"oi_id":7}]}', '{"o_id":3,"items":[{"oi_id":8}]}');
  expect((await payloads()).map(({ id }) => id)).toEqual(["7", "8"]);
  expect((await listEntries(bench.store.db, {}, 10)).entries).toMatchObject([{ id: "2", code: "TM_DOCUMENT_ID" }]);
});

test("what is random is drawn once: the batch is stored, and whoever sends it again sends the same", async () => {
  await start({}, request({ field: "no", value: "PD{{random}}" }, { field: "u", value: "_function UUID()" }, { field: "at", value: "{{CURRENT_TIME|timestamp_ms}}" }));
  const slice = await transform('{"o_id":1}', '{"o_id":2}');
  const first = await takeBatch(bench.store, slice, sender(1), bench.pipeline.target);
  await transformSlice(sliceContext(bench, slice), 1);
  const again = await takeBatch(bench.store, slice, sender(2), bench.pipeline.target);
  expect(again!.payload).toBe(first!.payload);
  expect(new Set((JSON.parse(first!.payload) as { no: string }[]).map(({ no }) => no)).size).toBe(2);
});

test("LAST_SYNC_TIME is the last commit of the pipeline", async () => {
  await start({}, request({ field: "from", type: "int", value: "{{LAST_SYNC_TIME|timestamp_ms}}" }));
  const slice = await transform('{"o_id":1}');
  await loadAll(slice);
  await commitSlice(bench.store, slice, 0);
  await sql`update stream set newest_commit_at = to_timestamp(1767225600)`.execute(bench.store.db);
  const next = await extracted([row("2", 50)]);
  await transformSlice(sliceContext(bench, next), 1);
  expect((await payloads()).at(-1)).toEqual({ id: "2", from: 1_767_225_600_000 });
});

test("a lookup reads what the pipeline of that strategy keeps; what is required and not there yet is set aside, and passes later", async () => {
  const entry = { field: "shop", value: "_findCollection find name from u-1 where shop_id={{shop}}", is_required: true };
  await start({}, request(entry, { field: "other", value: "_function IFNULL(_findCollection find name from u-1 where shop_id='9' _endFind,'none')" }));
  const shops = { ...bench.pipeline, name: "shops", strategy: "u-1", mapping: { id: "shop_id" }, source: { ...bench.pipeline.source, keepRows: "forever" as const } };
  bench.config.pipelines["shops"] = shops;
  const stream = await ensureStream(bench.store, shops, bench.config.accounts["main"]!);
  const keep = (id: string, name: string) => sql`insert into kept (stream_id, source_id, id, version, read_no, raw) values (${stream.id}, ${id}, ${id}, 1, 1, ${JSON.stringify({ shop_id: Number(id), name })})`.execute(bench.store.db);
  await keep("7", "杭州");
  const slice = await transform('{"o_id":1,"shop":"7"}', '{"o_id":2,"shop":8}');
  expect(await payloads()).toEqual([{ id: "1", shop: "杭州", other: "none" }]);
  const { entries } = await listEntries(bench.store.db, {}, 10);
  expect(entries).toMatchObject([{ id: "2", code: "TM_QEASY_LOOKUP_EMPTY", reason: expect.stringContaining("u-1") as string }]);
  expect(await showEntry(bench.store.db, entries[0]!.entry)).toMatchObject({ raw: '{"o_id":2,"shop":8,"ts":3}' });
  await loadAll(slice);
  await commitSlice(bench.store, slice, 0);
  await keep("8", "广州");
  const later = await extracted([row("2", 60, { raw: '{"o_id":2,"shop":8,"ts":60}' })]);
  await transformSlice(sliceContext(bench, later), 1);
  expect((await payloads()).at(-1)).toEqual({ id: "2", shop: "广州", other: "none" });
});

test.each<[string, object]>([["has not run yet", {}], ["keeps no rows", { source: { keepRows: "none" } }], ["stores other rows than the source's", { mapping: { id: "o_id", qeasy: { source: null, target: null, hash: "", changesRows: true, oneEach: true } } }]])("a strategy whose pipeline %s is not known to lookups", async (_, more) => {
  await start({}, request({ field: "shop", value: "_findCollection find name from u-1 where shop_id={{shop}}" }));
  const { source, ...rest } = more as { source?: object };
  bench.config.pipelines["shops"] = { ...bench.pipeline, name: "shops", strategy: "u-1", ...rest, source: { ...bench.pipeline.source, keepRows: "forever", ...source } };
  await ensureStream(bench.store, bench.config.pipelines["shops"], bench.config.accounts["main"]!);
  await transform('{"o_id":1,"shop":"7"}');
  expect((await listEntries(bench.store.db, {}, 10)).entries).toMatchObject([{ id: "1", code: "TM_QEASY_LOOKUP_UNKNOWN" }]);
});
