import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { getApi } from "../../src/source/jushuitan/index.ts";
import { extractSlice } from "../../src/sync/extract.ts";
import { planSlice } from "../../src/store/plan.ts";
import { type Seen, serve } from "../source/jushuitan/wire.ts";
import { type Bench, sliceContext, startBench } from "../support/pipeline.ts";
import { sliceTools } from "../support/slices.ts";
import { commitSlice } from "../../src/store/commit.ts";
import { transformSlice } from "../../src/sync/transform.ts";

const SHOPS = "/open/shops/query";
let bench: Bench;
let close: () => unknown = () => undefined;
afterEach(async () => {
  await close();
  await bench.store.close();
});
const { loadAll } = sliceTools(() => bench);

/** A list by page, as it is when request n comes (from 1). */
async function listed(pages: (n: number) => (string | number)[][], beyond: (asked: number, all: (string | number)[][]) => (string | number)[] = () => []): Promise<number[]> {
  const asked: number[] = [];
  const server = await serve((seen: Seen) => {
    const { page_index: page } = JSON.parse(seen.form["biz"]!) as { page_index: number };
    asked.push(page);
    const all = pages(asked.length);
    const rows = (all[page - 1] ?? beyond(page, all)).map((id) => `{"shop_id":${String(id).replace(/\D.*/, "")},"shop_name":"${id}"}`);
    return `{"code":0,"data":{"has_next":false,"datas":[${rows.join(",")}]}}`;
  });
  close = server.close;
  bench = await startBench({
    account: { appKey: "demo-app", appSecret: "demo-secret", accessToken: "00112233445566778899aabbccddeeff", baseUrl: server.baseUrl },
    source: { api: SHOPS, cursor: "snapshot", pageSize: 2 }, mapping: { id: "shop_id" },
  });
  return asked;
}

const read = async () => {
  const slice = await bench.slice({ kind: "snapshot" });
  return { slice, got: await extractSlice(sliceContext(bench, slice)) };
};
const load = async () => {
  const { slice, got } = await read();
  await transformSlice(sliceContext(bench, slice), got.pass);
  const sent = await loadAll(slice);
  const { counts } = await commitSlice(bench.store, slice, 0);
  return { sent, counts };
};

test("all is read page by page until a page is empty, whatever has_next says, and twice: one pass cannot show that nothing shifted", async () => {
  const asked = await listed(() => [[1, 2], [3, 4], [5]]);
  expect((await read()).got).toMatchObject({ state: "extracted", pass: 2, reachedEnd: true });
  expect(asked).toEqual([1, 2, 3, 4, 1, 2, 3, 4]);
});

test.each([
  ["its last page again beyond the end", (_asked: number, all: (string | number)[][]) => all.at(-1)!],
  ["page 1 again", (_asked: number, all: (string | number)[][]) => all[0]!],
])("a source that answers %s ends a pass by it", async (_what, beyond) => {
  const asked = await listed(() => [[1, 2], [3]], beyond);
  expect((await read()).got).toMatchObject({ state: "extracted", pass: 2 });
  expect(asked).toEqual([1, 2, 3, 1, 2, 3]);
});

test("a row that moves to a page already read is met by another pass", async () => {
  // Shop 1 is gone after the first answer: shop 3 moves up.
  await listed((n) => (n === 1 ? [[1, 2], [3, 4]] : [[2, 3], [4]]));
  const { slice, got } = await read();
  expect(got).toMatchObject({ state: "extracted", pass: 3 });
  const { rows } = await sql<{ ids: string[] }>`select source_ids as ids from page where slice_id = ${slice.id} and pass = 3 order by seq`.execute(bench.store.db);
  expect(rows.flatMap(({ ids }) => ids)).toEqual(["2", "3", "4"]);
});

test("a list that never holds still is unproven: nothing of it counts, and the next run tries again", async () => {
  await listed((n) => [[n, n + 1_000]]);
  await expect(read()).rejects.toMatchObject({ code: "TM_SNAPSHOT_UNPROVEN" });
  const { rows } = await sql`select state, unproven_by is not null as marked, (select count(*)::int from page) as pages from slice`.execute(bench.store.db);
  expect(rows).toEqual([{ state: "open", marked: true, pages: 0 }]);
});

test("each reading is compared with the last one: what is new or changed is sent, what is gone stays in the target", async () => {
  let now: (string | number)[][] = [[1, 2], [3]];
  await listed(() => now);
  expect((await load()).sent).toEqual(["1", "2", "3"]);
  expect(await load()).toMatchObject({ sent: [], counts: { read: 3, unchanged: 3 } });
  now = [[1, "3 renamed"], [4]];
  expect(await load()).toMatchObject({ sent: ["3", "4"], counts: { read: 3, unchanged: 1, loaded: 2 } });
  const { rows } = await sql`select id from record where held = 'loaded' order by id`.execute(bench.store.db);
  expect(rows).toEqual(["1", "2", "3", "4"].map((id) => ({ id })));
});

test("a run reads all of it once; what may have arrived late is sent once more by a reading of its own", async () => {
  await listed(() => [["1 new"]]);
  const plan = (headRead: boolean) => planSlice(bench.store, {
    streamId: bench.stream.id, lane: "forward", token: bench.token, source: bench.pipeline.source, api: getApi(SHOPS), headRead, busy: null,
  });
  await sql`update stream set cursor = 'snapshot', head_read_at = clock_timestamp() - interval '1 hour'`.execute(bench.store.db);
  const first = (await plan(false))!;
  expect(first).toMatchObject({ kind: "snapshot", purpose: "forward" });
  await transformSlice(sliceContext(bench, first), (await extractSlice(sliceContext(bench, first))).pass);
  expect(await loadAll(first)).toEqual(["1"]);
  await commitSlice(bench.store, first, 0);
  expect(await plan(true)).toBeNull();
  await sql`insert into doubt (stream_id, id, hash, read_no, due_at) values (${bench.stream.id}, '1', 'old', 0, clock_timestamp())`.execute(bench.store.db);
  const again = (await plan(true))!;
  expect(again).toMatchObject({ kind: "snapshot", purpose: "resend", rangeId: expect.any(String) as string });
  const got = await extractSlice(sliceContext(bench, again));
  await transformSlice(sliceContext(bench, again), got.pass);
  expect(await loadAll(again)).toEqual(["1"]);
});
