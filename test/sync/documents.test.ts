import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { TargetError } from "../../src/errors.ts";
import type { MappingConfig } from "../../src/mapping/types.ts";
import { type QeasySimulator, startQeasy } from "../../src/simulator/qeasy/server.ts";
import { documentsOf, takeBatch } from "../../src/store/batches.ts";
import { commitSlice } from "../../src/store/commit.ts";
import { addDoubts, planDoubts } from "../../src/store/doubts.ts";
import { listEntries } from "../../src/store/quarantine-entries.ts";
import { planReplay } from "../../src/store/replay.ts";
import { getSlice, type Slice } from "../../src/store/slices.ts";
import { getApi, rowsFromTexts } from "../../src/source/jushuitan/index.ts";
import { loadBatches } from "../../src/sync/load.ts";
import { stagedRows } from "../../src/sync/staged.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import type { StagedRow } from "../../src/store/pages.ts";
import { DATABASES } from "../support/databases.ts";
import { type Bench, type ConfigOverrides, ORDERS, qeasyOf, row, sliceContext, startBench, tableTarget } from "../support/pipeline.ts";
import { sliceTools } from "../support/slices.ts";

let bench: Bench;
let qeasy: QeasySimulator | undefined;
afterEach(() => Promise.all([bench.store.close(), qeasy?.close()]));
const { extracted, loadAll, sender } = sliceTools(() => bench);

const start = async (mapping: Partial<MappingConfig>, target: ConfigOverrides["target"] = {}) => (bench = await startBench({ mapping: { id: "o_id", ...mapping }, target }));
const into = async (mapping: Partial<MappingConfig>, target: ConfigOverrides["target"] = {}) => {
  qeasy = await startQeasy();
  await start(mapping, { baseUrl: qeasy.url, ...target });
};
const order = (id: number, version: number, more = "") => row(String(id), version, { raw: `{"o_id":${id},"ts":${version}${more}}` });
const lines = (id: number, version: number, skus: string[]) => order(id, version, `,"items":[${skus.map((sku) => `{"sku":"${sku}","qty":1.50}`).join(",")}]`);
const transform = (slice: Slice) => transformSlice(sliceContext(bench, slice), 1);
const load = (slice: Slice, attempt = 1) => loadBatches(sliceContext(bench, slice), { ...sender(), attempt });
const commit = (slice: Slice) => commitSlice(bench.store, slice, 0);
const index = async () => (await sql<{ id: string; held: string; version: string; documents: string[] | null }>`select id, held, version::text, documents from record order by id`.execute(bench.store.db)).rows;
const entries = async () => (await listEntries(bench.store.db, {}, 10)).entries;
const held = async (id: string) => {
  const answer = await fetch(`${qeasy!.url}/_admin/record?id=${id}`);
  return answer.ok ? answer.text() : null;
};

const PAID = { filter: "record.paid" };
const paid = (id: number, version: number, is: unknown) => order(id, version, `,"paid":${JSON.stringify(is)}`);

test("records that the filter leaves out are counted and held as such; they are not sent, nor looked at again in that version", async () => {
  await start(PAID);
  const slice = await extracted([paid(1, 2, true), paid(2, 3, false), paid(3, 4, "maybe"), paid(4, 5, false)]);
  expect(await transform(slice)).toEqual({ batches: 1, waiting: 0 });
  expect(await loadAll(slice)).toEqual(["1"]);
  expect(await commit(slice)).toMatchObject({ state: "committed", counts: { read: 4, loaded: 1, documents: 1, filtered: 2, quarantined: 1 } });
  expect((await index()).map(({ id, held: state, version }) => [id, state, version])).toEqual([["1", "loaded", "2"], ["2", "filtered", "3"], ["3", "quarantined", "4"], ["4", "filtered", "5"]]);
  const again = await extracted([paid(1, 2, true), paid(2, 3, false), paid(4, 4, true)], "5", "sweep");
  expect(await transform(again)).toEqual({ batches: 0, waiting: 0 });
  expect(await commit(again)).toMatchObject({ counts: { read: 3, unchanged: 2, superseded: 1, filtered: 0 } });
});

test("a later version that passes is loaded, and one that does not leaves the target as it was", async () => {
  await into(PAID);
  for (const [version, is, states] of [[2, false, "filtered"], [3, true, "loaded"], [4, false, "filtered"]] as const) {
    const slice = await extracted([paid(1, version, is)], String(version - 1));
    await transform(slice);
    await load(slice);
    expect(await commit(slice)).toMatchObject({ state: "committed", counts: { [states]: 1 } });
    expect(await index()).toMatchObject([{ held: states, version: String(version) }]);
  }
  expect(await held("1")).toBe('{"id":"1","o_id":1,"ts":3,"paid":true}');
});

test("a version that is left out waits for an older one in flight, and is not overtaken by one that is read later", async () => {
  await start(PAID);
  const older = await extracted([paid(1, 2, true)]);
  await transform(older);
  const newer = await extracted([paid(1, 3, false)], "2", "sweep");
  expect(await transform(newer)).toEqual({ batches: 0, waiting: 1 });
  expect(await index()).toMatchObject([{ held: null }]);
  expect(await loadAll(older)).toEqual(["1"]);
  expect(await transform(newer)).toEqual({ batches: 0, waiting: 0 });
  expect(await index()).toMatchObject([{ held: "filtered", version: "3" }]);
  const late = await extracted([paid(1, 2, true)], "2", "sweep");
  expect(await transform(late)).toEqual({ batches: 0, waiting: 0 });
  expect(await commit(late)).toMatchObject({ counts: { superseded: 1 } });
});

test("a newer version that is left out settles the entry in quarantine, and the doubt of an older one", async () => {
  await start(PAID);
  const first = await extracted([paid(1, 2, "maybe")]);
  await transform(first);
  await commit(first);
  expect(await entries()).toMatchObject([{ id: "1", code: "TM_MAPPING_EXPRESSION", state: "open" }]);
  await bench.store.transaction((tx) => addDoubts(tx, sql`values (${bench.stream.id}::bigint, '1', 7::bigint, 'z', 1::numeric, null::bigint, null, null::bigint)`, 0));
  const second = await extracted([paid(1, 3, false)], "2");
  await transform(second);
  await commit(second);
  expect(await entries()).toMatchObject([{ id: "1", state: "resolved" }]);
  await bench.store.transaction((tx) => planDoubts(tx, bench.stream.id, null, false));
  expect((await sql`select 1 from doubt`.execute(bench.store.db)).rows).toEqual([]);
});

test("an exploded record is one member of its batch, with its documents, and is loaded when the target has all of them", async () => {
  await into({ explode: { list: "items" } }, { batchSize: 2 });
  const slice = await extracted([lines(1, 2, ["a", "b", "c"]), lines(2, 3, []), lines(3, 4, ["d"])]);
  expect(await transform(slice)).toEqual({ batches: 2, waiting: 0 });
  await load(slice);
  expect(await commit(slice)).toMatchObject({ state: "committed", counts: { read: 3, loaded: 2, documents: 4, filtered: 1 } });
  expect(await held("1-2")).toBe('{"id":"1-2","o_id":1,"ts":2,"items":{"sku":"b","qty":1.50}}');
  expect(await held("3-1")).toContain('"sku":"d"');
  expect(qeasy!.store.size).toBe(4);
  expect(await index()).toMatchObject([{ id: "1", held: "loaded", documents: ["1-1", "1-2", "1-3"] }, { id: "2", held: "filtered", documents: null }, { id: "3", held: "loaded", documents: ["3-1"] }]);
  const next = await extracted([lines(1, 5, ["e"])], "4");
  await transform(next);
  await load(next);
  // Deletes never: what the order no longer has stays as it was.
  expect([await held("1-1"), await held("1-3")]).toEqual([expect.stringContaining('"sku":"e"'), expect.stringContaining('"sku":"c"')]);
  expect(await index()).toMatchObject([{ documents: ["1-1"], version: "5" }, {}, {}]);
});

test("a batch of exploded records that is taken over is the same batch, document by document", async () => {
  await start({ explode: { list: "items" } });
  const slice = await extracted([lines(1, 2, ["a", "b"]), lines(2, 3, ["c"])]);
  await transform(slice);
  const first = await takeBatch(bench.store, slice, sender(), bench.pipeline.target);
  const second = await takeBatch(bench.store, slice, { ...sender(), attempt: 2 }, bench.pipeline.target);
  expect(documentsOf(second!)).toEqual(documentsOf(first!));
  expect(documentsOf(first!).map((documents) => documents.map(({ id }) => id))).toEqual([["1-1", "1-2"], ["2-1"]]);
});

test("a record of which one document is refused is set aside whole, and its replay sends all of it", async () => {
  await into({ explode: { list: "items" } }, { maxBytes: 70 });
  const slice = await extracted([lines(1, 2, ["a", "too long for a request of seventy bytes"]), lines(2, 3, ["b", "c"])]);
  await transform(slice);
  await load(slice);
  expect(await commit(slice)).toMatchObject({ counts: { loaded: 1, quarantined: 1 } });
  expect(await entries()).toMatchObject([{ id: "1", code: "TM_RECORD_TOO_LARGE", reason: expect.stringMatching(/^document "1-2": /) as string, state: "open" }]);
  expect(await held("1-1")).toBeNull();
  qeasyOf(bench.pipeline).maxBytes = null;
  await planReplay(bench.store, { streamId: bench.stream.id, source: bench.pipeline.source, archive: false, filter: {}, read: (texts) => stagedRows("o_id", "o_id", rowsFromTexts(texts, getApi(ORDERS))) });
  const { rows: [planned] } = await sql<{ id: string }>`update slice set token = ${bench.token} where purpose = 'replay' returning id::text`.execute(bench.store.db);
  const replay = (await getSlice(bench.store.db, planned!.id))!;
  await transform(replay);
  await load(replay);
  expect([await held("1-1"), await held("1-2")]).toEqual([expect.stringContaining('"a"'), expect.stringContaining("too long")]);
  expect(await entries()).toMatchObject([{ id: "1", state: "resolved" }]);
});

test("a record of which the target takes one document and refuses another is in quarantine, not loaded", async () => {
  await into({ explode: { list: "items" } });
  const slice = await extracted([lines(1, 2, ["a", "b"]), lines(2, 3, ["c"])]);
  await transform(slice);
  const context = sliceContext(bench, slice);
  const target = context.target();
  const send: typeof target.send = async (records, key, guard) => {
    if (records.some(({ id }) => id === "1-2")) throw new TargetError("refused", "TM_TARGET_REFUSED", "no");
    await target.send(records, key, guard);
  };
  await loadBatches({ ...context, target: () => ({ ...target, send }) }, sender());
  expect(await commit(slice)).toMatchObject({ counts: { loaded: 1, quarantined: 1 } });
  expect(await index()).toMatchObject([{ held: "quarantined" }, { held: "loaded" }]);
  expect(await entries()).toMatchObject([{ id: "1", code: "TM_TARGET_REFUSED", state: "open" }]);
  expect(await held("1-1")).not.toBeNull();
});

test("a record whose claim is lost between two of its requests is not loaded, and what was sent of it is doubtful at once", async () => {
  await into({ explode: { list: "items" } }, { batchSize: 1 });
  const slice = await extracted([lines(1, 2, ["a", "b"])]);
  await transform(slice);
  const context = sliceContext(bench, slice);
  const target = context.target();
  const losing = { ...target, send: async (...given: Parameters<typeof target.send>) => {
    await target.send(...given);
    // Another batch takes the record, as it may once the lease has run out.
    await sql`update record set batch_id = null, claim_until = null where id = '1'`.execute(bench.store.db);
  } };
  expect(await loadBatches({ ...context, target: () => losing }, sender())).toEqual({ batches: 1 });
  expect(await held("1-1")).not.toBeNull();
  expect(await held("1-2")).toBeNull();
  expect(await index()).toMatchObject([{ held: null }]);
  expect((await sql`select id, due_at <= clock_timestamp() as due from doubt`.execute(bench.store.db)).rows).toEqual([{ id: "1", due: true }]);
  expect((await sql`select outcome from item`.execute(bench.store.db)).rows).toEqual([{ outcome: "pending" }]);
});

test("two records that make a document of one id: the first has it, the other is set aside, in whatever batch it comes", async () => {
  const code = "export const transform = (record) => record.items.map((item) => ({ id: item.sku, of: record.o_id }));";
  await into({ script: { file: "/x/hook.ts", code, hash: "h", timeoutMs: 10_000 } });
  const first = await extracted([lines(1, 2, ["a", "b"]), lines(2, 3, ["b", "c"]), lines(3, 4, ["d"])]);
  await transform(first);
  await load(first);
  expect(await commit(first)).toMatchObject({ counts: { loaded: 2, quarantined: 1 } });
  expect(await entries()).toMatchObject([{ id: "2", code: "TM_DOCUMENT_ID", reason: expect.stringContaining('the record "1" has a document with the id "b" too') as string }]);
  const second = await extracted([lines(3, 5, ["d", "e"]), lines(4, 6, ["e"])], "4");
  await transform(second);
  await load(second);
  expect(await commit(second)).toMatchObject({ counts: { loaded: 1, quarantined: 1 } });
  expect(await held("b")).toContain('"of":1');
  expect(await held("e")).toContain('"of":3');
  const third = await extracted([5, 6, 7, 8].map((id) => lines(id, id + 2, ["a"])), "6");
  await expect(transform(third)).rejects.toMatchObject({ code: "TM_MAPPING_REFUSES_ALL", message: expect.stringContaining("4 records of a batch (TM_DOCUMENT_ID)") as string });
}, 30_000);

test("into a table a script's list goes document by document; a record that no longer makes one of them is set aside, so that no row is left behind", async () => {
  const database = await DATABASES[0]!.open();
  const code = "export const transform = (record) => record.items.map((item) => ({ id: `${record.o_id}-${item.sku}`, sku: item.sku, qty: item.qty }));";
  bench = await startBench({ mapping: { id: "o_id", script: { file: "/x/hook.ts", code, hash: "h", timeoutMs: 10_000 } }, into: tableTarget({ use: "postgres", url: database.url }) });
  const rows = async () => (await database.query("select id, qty, _version from orders order by id")).map((row) => Object.values(row).join(" "));
  const run = async (...records: StagedRow[]) => {
    const slice = await extracted(records, String(Number(records[0]!.version) - 1));
    await transform(slice);
    await load(slice);
    return (await commit(slice)).counts;
  };
  expect(await run(lines(1, 2, ["a", "b"]), lines(2, 3, ["a"]), lines(3, 4, []))).toMatchObject({ read: 3, loaded: 2, filtered: 1 });
  expect(await rows()).toEqual(["1-a 1.50 2", "1-b 1.50 2", "2-a 1.50 3"]);
  // In whatever version it comes, and beside one that grows.
  for (const version of [5, 7]) expect(await run(lines(1, version, ["b", "c"]), lines(2, version + 1, ["a", "d"]))).toMatchObject({ loaded: 1, quarantined: 1 });
  expect(await rows()).toEqual(["1-a 1.50 2", "1-b 1.50 2", "2-a 1.50 8", "2-d 1.50 8"]);
  expect(await entries()).toMatchObject([{ id: "1", code: "TM_DOCUMENT_GONE", reason: expect.stringContaining('the document "1-a"') as string, state: "open" }]);
  expect(await run(lines(1, 9, ["c", "b", "a"]))).toMatchObject({ loaded: 1 });
  expect(await entries()).toMatchObject([{ state: "resolved" }]);
  expect(await rows()).toEqual(["1-a 1.50 9", "1-b 1.50 9", "1-c 1.50 9", "2-a 1.50 8", "2-d 1.50 8"]);
}, 30_000);
