import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import type { MappingConfig } from "../../src/mapping/types.ts";
import { commitSlice } from "../../src/store/commit.ts";
import { classifySlice, markExtracted } from "../../src/store/classify.ts";
import { listEntries, showEntry } from "../../src/store/quarantine-entries.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import { type Bench, row, sliceContext, stage, startBench } from "../support/pipeline.ts";
import { sliceTools } from "../support/slices.ts";

let bench: Bench;
afterEach(() => bench.store.close());
const { extracted, loadAll } = sliceTools(() => bench);

/** Rows whose amount is a number, but for those in `bad`. */
const rows = (count: number, bad: number[], from = 2) => Array.from({ length: count }, (_, i) => {
  const raw = `{"o_id":${i + 1},"ts":${from + i},"amount":${bad.includes(i + 1) ? '"none"' : "206.00"},"note":1.0}`;
  return row(String(i + 1), from + i, { raw });
});
const start = async (mapping: Partial<MappingConfig>, batchSize = 100) => (bench = await startBench({ mapping: { id: "o_id", ...mapping }, target: { batchSize } }));
const record = { fields: { total: { from: "amount", type: "decimal" as const } } };
const payloads = async () => (await sql<{ payload: string }>`select payload from batch order by id`.execute(bench.store.db)).rows.map(({ payload }) => payload);

test("a record that cannot be mapped is set aside with field, value and its row as it came; the others go on and the ledger balances", async () => {
  await start({ record });
  const slice = await extracted(rows(4, [2]));
  expect(await transformSlice(sliceContext(bench, slice), 1)).toEqual({ batches: 1, waiting: 0 });
  expect(await payloads()).toEqual([`[${[1, 3, 4].map((id) => `{"id":"${id}","total":"206.00","o_id":${id},"ts":${id + 1},"note":1.0}`).join(",")}]`]);
  const { entries } = await listEntries(bench.store.db, {}, 10);
  expect(entries).toMatchObject([{ id: "2", code: "TM_MAPPING_VALUE", reason: 'field "total": "none"; expected a decimal number', version: "3", state: "open" }]);
  expect(await showEntry(bench.store.db, entries[0]!.entry)).toMatchObject({ raw: '{"o_id":2,"ts":3,"amount":"none","note":1.0}' });
  expect(await loadAll(slice)).toEqual(["1", "3", "4"]);
  expect(await commitSlice(bench.store, slice, 0)).toMatchObject({ state: "committed", counts: { read: 4, loaded: 3, quarantined: 1 } });
  const again = await extracted(rows(4, [2]), "5", "sweep");
  expect(await transformSlice(sliceContext(bench, again), 1)).toEqual({ batches: 0, waiting: 0 });
  const newer = await extracted(rows(2, [], 20), "5");
  await transformSlice(sliceContext(bench, newer), 1);
  expect((await loadAll(newer)).toSorted()).toEqual(["1", "2"]);
  expect((await listEntries(bench.store.db, {}, 10)).entries).toMatchObject([{ id: "2", state: "resolved" }]);
});

test("small batches take every row once, good or bad", async () => {
  await start({ record }, 2);
  const slice = await extracted(rows(7, [1, 4, 7]));
  await transformSlice(sliceContext(bench, slice), 1);
  expect(await loadAll(slice)).toEqual(["2", "3", "5", "6"]);
  expect(await commitSlice(bench.store, slice, 0)).toMatchObject({ state: "committed", counts: { read: 7, loaded: 4, quarantined: 3 } });
});

test("a batch of which every record is refused stops the pipeline: the mapping is wrong, not the records", async () => {
  await start({ record });
  const slice = await extracted(rows(4, [1, 2, 3, 4]));
  await expect(transformSlice(sliceContext(bench, slice), 1)).rejects.toMatchObject({
    code: "TM_MAPPING_REFUSES_ALL", message: expect.stringMatching(/4 records.*TM_MAPPING_VALUE in field "total"/) as string,
  });
  expect((await listEntries(bench.store.db, {}, 10)).total).toBe(0);
  bench.pipeline.target.maxRefused = 4;
  expect(await transformSlice(sliceContext(bench, slice), 1)).toEqual({ batches: 0, waiting: 0 });
  expect((await listEntries(bench.store.db, {}, 10)).total).toBe(4);
});

test("what is in flight elsewhere is not set aside for its mapping: it waits", async () => {
  await start({ record });
  const first = await extracted(rows(2, []));
  await transformSlice(sliceContext(bench, first), 1);
  const second = await extracted(rows(2, [1], 10), "5", "sweep");
  expect(await transformSlice(sliceContext(bench, second), 1)).toEqual({ batches: 0, waiting: 2 });
  expect((await listEntries(bench.store.db, {}, 10)).total).toBe(0);
  await loadAll(first);
  expect(await transformSlice(sliceContext(bench, second), 1)).toEqual({ batches: 1, waiting: 0 });
  expect((await listEntries(bench.store.db, {}, 10)).entries).toMatchObject([{ id: "1", version: "10" }]);
});

test("a row that becomes pending after the others were mapped is not sent as it is: it waits for its own turn", async () => {
  await start({ record });
  const slice = await extracted(rows(3, []));
  await classifySlice(bench.store, slice, 1, false);
  const set = (outcome: string) => sql`update item set outcome = ${outcome} where slice_id = ${slice.id} and source_id = '2'`.execute(bench.store.db);
  await set("unchanged");
  const transaction = bench.store.transaction.bind(bench.store);
  const store = { ...bench.store, transaction: async <T>(work: Parameters<typeof transaction<T>>[0]) => {
    await set("pending");
    return transaction(work);
  } };
  expect(await transformSlice({ ...sliceContext(bench, slice), store }, 1)).toEqual({ batches: 1, waiting: 1 });
  expect(await transformSlice(sliceContext(bench, slice), 1)).toEqual({ batches: 2, waiting: 0 });
  expect(await payloads()).toEqual([[1, 3], [2]].map((batch) => `[${batch.map((id) => `{"id":"${id}","total":"206.00","o_id":${id},"ts":${id + 1},"note":1.0}`).join(",")}]`));
});

test("a script that takes longer than a transaction may be silent holds nothing up", async () => {
  const code = "export const transform = (record) => { if (record.o_id === 2) for (;;); return { seen: record.o_id }; };";
  await start({ script: { file: "/x/hook.ts", code, hash: "h", timeoutMs: 1_000 } });
  const slice = await extracted(rows(3, []));
  const context = sliceContext(bench, slice);
  const mapped = transformSlice(context, 1);
  // Whoever else wants the slice's row gets it while the script runs.
  await expect.poll(async () => (await sql`update slice set requests = requests + 1 where id = ${slice.id} and state = 'classified' returning id`.execute(bench.store.db)).rows.length, { timeout: 20_000 }).toBe(1);
  expect(await payloads()).toEqual([]);
  expect(await mapped).toEqual({ batches: 1, waiting: 0 });
  expect(await payloads()).toEqual(['[{"id":"1","seen":1},{"id":"3","seen":3}]']);
  expect((await listEntries(bench.store.db, {}, 10)).entries).toMatchObject([{ id: "2", code: "TM_MAPPING_SCRIPT", reason: "hook.ts: no answer within 1000 ms" }]);
}, 60_000);

test("without a mapping rows pass through with their white space; nothing is read twice", async () => {
  await start({});
  const slice = await bench.slice({ kind: "version", fromVersion: "1" });
  await stage(bench, slice, [row("1", 2, { raw: '{ "o_id" : 1 }' })]);
  await markExtracted(bench.store, slice, { endVersion: "2" });
  await transformSlice(sliceContext(bench, slice), 1);
  expect(await payloads()).toEqual(['[{"id":"1", "o_id" : 1 }]']);
});
