import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { startJushuitan } from "../../src/simulator/jushuitan/server.ts";
import { passCounts } from "../../src/store/pages.ts";
import { planSlice } from "../../src/store/plan.ts";
import { getApi } from "../../src/source/jushuitan/index.ts";
import type { Slice } from "../../src/store/slices.ts";
import { extractSlice } from "../../src/sync/extract.ts";
import { type Answer, page, type Seen, serve } from "../source/jushuitan/wire.ts";
import { type Bench, type ConfigOverrides, ORDERS, sliceContext, stage, row, startBench } from "../support/pipeline.ts";

let bench: Bench;
let closeSource: () => unknown = () => undefined;
afterEach(async () => {
  await closeSource();
  await bench.store.close();
});

const APP = { appKey: "demo-app", appSecret: "demo-secret", accessToken: "00112233445566778899aabbccddeeff" };
const SECOND = 1_767_225_600_000;

/** A bench whose source answers as told. */
async function scripted(answer: Answer, overrides: ConfigOverrides = {}): Promise<{ seen: Seen[] }> {
  const server = await serve(answer);
  closeSource = server.close;
  bench = await startBench({ ...overrides, account: { ...APP, baseUrl: server.baseUrl } });
  return server;
}

/** A bench on the Jushuitan simulator. */
async function simulated(options: Parameters<typeof startJushuitan>[0], overrides: ConfigOverrides = {}): Promise<void> {
  const source = await startJushuitan({ ...APP, perSecond: null, perMinute: null, ...options });
  closeSource = () => source.close();
  bench = await startBench({ ...overrides, account: { ...APP, baseUrl: source.url } });
}

const extract = (slice: Slice) => extractSlice(sliceContext(bench, slice));
const biz = (seen: Seen) => JSON.parse(seen.form["biz"]!) as Record<string, unknown>;
const order = (id: number | string, more = "") => `{"o_id":${id},"modified":"2026-01-01 08:00:00"${more}}`;
const window = (purpose: Slice["purpose"] = "backfill", seconds = 1) =>
  bench.slice({ kind: "window", fromAt: SECOND, toAt: SECOND + seconds * 1_000 }, purpose);
const staged = async () => (await sql<{ no: number; ids: string[] }>`
  select page_no as no, source_ids as ids from page order by pass, seq`.execute(bench.store.db)).rows;

test.each(["always-true", "always-false"] as const)("has_next (%s) ends nothing and prolongs nothing", async (hasNext) => {
  await simulated({ orders: 120, days: 1, hasNext });
  expect(await extract(await bench.slice({ kind: "version", fromVersion: "1" }))).toMatchObject({ state: "extracted", reachedEnd: true });
  expect(new Set((await staged()).flatMap(({ ids }) => ids)).size).toBe(120);
  expect(await staged()).toHaveLength(3);
});

test("page 1, asked for the count, is kept only if it is the whole window; its rows are read last", async () => {
  await simulated({ orders: 120, days: 1 });
  const now = Math.floor(Date.now() / 1000) * 1000;
  const slice = await bench.slice({ kind: "window", fromAt: now - 2 * 86_400_000, toAt: now }, "backfill");
  expect(await extract(slice)).toMatchObject({ state: "extracted", pass: 1 });
  expect((await staged()).map(({ no, ids }) => [no, ids.length])).toEqual([[1, 0], [3, 20], [2, 50], [1, 50]]);
});

test("the walk goes on from the page that is stored, not from the answer in hand", async () => {
  let slice: Slice | undefined;
  const source = await scripted((seen, response) => {
    if (biz(seen)["start_ts"] !== 1) return page([order(1, ',"ts":9')]);
    // Another attempt is faster, and its answer was another one.
    void stage(bench, slice!, [row("1", 5), row("2", 7)], { isLast: false, reachedEnd: false }).then(() =>
      response.end(page([order(1, ',"ts":5'), order(2, ',"ts":7'), order(3, ',"ts":8')])));
    return undefined;
  }, { source: { pageSize: 3 } });
  slice = await bench.slice({ kind: "version", fromVersion: "1" });
  await extract(slice);
  expect(source.seen.map((seen) => biz(seen)["start_ts"])).toEqual([1, 7]);
});

const shanghai = (ms: number) => new Date(ms + 8 * 3_600_000).toISOString().slice(0, 19).replace("T", " ");

test("a run ends once it has passed all that was seen before it began; a sweep only where its range or the source ends", async () => {
  // Always full, and written just now: a source that never rests.
  let modified = shanghai(Date.now() - 5_000);
  await scripted((seen) => {
    const from = biz(seen)["start_ts"] as number;
    return page(Array.from({ length: 50 }, (_, n) => `{"o_id":${from + n},"ts":${from + n},"modified":"${modified}"}`));
  }, { source: { sliceRecords: 200, pageSize: 50 } });
  const pages = async (purpose: Slice["purpose"]) => {
    const slice = await bench.slice({ kind: "version", fromVersion: "1" }, purpose);
    await sql`update slice set created_at = created_at - interval '10 seconds'`.execute(bench.store.db);
    await sql`update lease set started_at = started_at - interval '10 seconds'`.execute(bench.store.db);
    const { reachedEnd } = await extract(slice);
    const { rows } = await sql<{ n: number }>`select count(*)::int as n from page where slice_id = ${slice.id}`.execute(bench.store.db);
    return [rows[0]!.n, reachedEnd];
  };
  expect(await pages("forward")).toEqual([1, true]);
  await sql`update lease set head_version = 120`.execute(bench.store.db);
  expect(await pages("forward")).toEqual([3, true]);
  expect(await pages("sweep")).toEqual([5, false]);
  // Dated into the future by a clock that was put back: who knows when it was written.
  modified = shanghai(Date.now() + 3_600_000);
  expect(await pages("forward")).toEqual([5, false]);
});

test("what an earlier run read of the head is not the head of the run that takes it over", async () => {
  await simulated({ orders: 5, days: 1 });
  const { store, stream, pipeline } = bench;
  const left = await bench.slice({ kind: "version", fromVersion: "1" });
  expect(await extract(left)).toMatchObject({ reachedEnd: true });
  await sql`update lease set until = clock_timestamp()`.execute(store.db);
  const token = await bench.lane("forward", "the next run");
  const plan = (headRead: boolean, busy: string | null) => planSlice(store, {
    streamId: stream.id, lane: "forward", token, source: pipeline.source, api: getApi(ORDERS), headRead, busy,
  });
  const adopted = await plan(false, null);
  expect(adopted?.id).toBe(left.id);
  const got = await extract(adopted!);
  expect(got).toMatchObject({ state: "extracted", reachedEnd: false });
  expect(await plan(got.reachedEnd, left.id)).toMatchObject({ purpose: "forward", fromVersion: adopted!.endVersion });
});

test("a page that is not full ends a run, but no sweep: only an answer without anything newer does", async () => {
  const rows = (from: number) => Array.from({ length: 9 }, (_, n) => from + n).filter((ts) => ts < 20).map((ts) => order(ts, `,"ts":${ts}`));
  const source = await scripted((seen) => page(rows(biz(seen)["start_ts"] as number)), { source: { pageSize: 10 } });
  await extract(await bench.slice({ kind: "version", fromVersion: "1" }));
  expect(source.seen).toHaveLength(1);
  expect(await extract(await bench.slice({ kind: "version", fromVersion: "1" }, "sweep"))).toMatchObject({ reachedEnd: true });
  expect(source.seen.slice(1).map((seen) => biz(seen)["start_ts"])).toEqual([1, 9, 17, 19]);
});

test("a slice asks for what it was made with, its parts too", async () => {
  const source = await scripted(() => page([order(1)], '"data_count":40'), { source: { pageSize: 3, params: { shop_id: 7 }, sliceRecords: 10 } });
  const slice = await bench.slice({ kind: "window", fromAt: SECOND, toAt: SECOND + 60_000, archive: true }, "backfill");
  bench.pipeline.source.pageSize = 50;
  Object.assign(bench.pipeline.source, { params: {}, sliceRecords: 5_000 });
  expect((await extract(slice)).state).toBe("split");
  expect(biz(source.seen[0]!)).toMatchObject({ page_size: 3, shop_id: 7, archive: true });
  const { rows } = await sql`
    select page_size as size, params, archive, max_records as most, extract(epoch from to_at - from_at)::int as seconds
    from slice where parent_id = ${slice.id} order by from_at`.execute(bench.store.db);
  expect(rows).toEqual(Array.from({ length: 4 }, () => ({ size: 3, params: { shop_id: 7 }, archive: true, most: 10, seconds: 15 })));
});

test("a window whose total grows while it is read is split, and nothing of it counts", async () => {
  await scripted((seen) => (biz(seen)["page_index"] === 2 ? page([order(3)], '"data_count":4') : page([order(1), order(2)], '"data_count":3')), { source: { pageSize: 2 } });
  const slice = await window("backfill", 8);
  expect((await extract(slice)).state).toBe("split");
  expect(await staged()).toEqual([]);
});

test("a second that never holds still is unproven: a backfill goes on without it, a forward run stops, the next run tries again", async () => {
  let id = 0;
  let still = false;
  await scripted(() => page([order(still ? id : ++id)], '"data_count":2'));
  const slice = await window();
  expect((await extract(slice)).state).toBe("unproven");
  expect(await staged()).toEqual([]);
  const { rows } = await sql`select state, unproven_by = token as marked from slice`.execute(bench.store.db);
  expect(rows).toEqual([{ state: "open", marked: true }]);
  const plan = (token: string) => planSlice(bench.store, {
    streamId: bench.stream.id, lane: "backfill", token, source: bench.pipeline.source, api: getApi(ORDERS), headRead: true, busy: null,
  });
  const token = await bench.lane("backfill", "first");
  await sql`update slice set token = ${token}, unproven_by = ${token}`.execute(bench.store.db);
  expect(await plan(token)).toBeNull();
  await sql`update lease set until = clock_timestamp() where lane = 'backfill'`.execute(bench.store.db);
  const next = await bench.lane("backfill", "second");
  expect(await plan(next)).toMatchObject({ id: slice.id, token: next });
  await expect(extract(await window("forward"))).rejects.toMatchObject({ code: "TM_WINDOW_UNPROVEN" });
  still = true;
  expect(await extract({ ...slice, token: next })).toMatchObject({ state: "extracted", pass: 2 });
  expect((await passCounts(bench.store.db, slice.id, 2)).distinct).toBe(1);
});

test("a row's version is its ts, in windows too; one without has its content's hash, and without an id that is its key", async () => {
  let note = 1;
  const source = await scripted(() => page([order(1, ',"ts":20260101000000455'), order(2), `{"remark":${note},"ts":7}`], '"data_count":3'));
  const read = async () => {
    await extract(await window());
    const { rows } = await sql<{ ids: string[]; targets: string[] | null; versions: (string | null)[]; hashes: (string | null)[] }>`
      select source_ids as ids, target_ids as targets, versions::text[], hashes from page order by slice_id desc limit 1`.execute(bench.store.db);
    return rows[0]!;
  };
  const first = await read();
  expect(first.versions).toEqual(["20260101000000455", null, "7"]);
  expect(first.hashes).toEqual([null, expect.stringMatching(/^[0-9a-f]{64}$/), expect.stringMatching(/^[0-9a-f]{64}$/)]);
  expect(first.ids).toEqual(["1", "2", `no-id:${first.hashes[2]}`]);
  expect(await read()).toEqual(first);
  note = 2;
  const other = await read();
  expect(other.ids.slice(0, 2)).toEqual(["1", "2"]);
  expect(other.ids[2]).not.toBe(first.ids[2]);
  // A window that page 1 holds whole takes one request.
  expect(source.seen).toHaveLength(3);
});

test("a window at the head ends a run also where the source's clock is slow: what it has not dated yet cannot be waited for", async () => {
  await simulated({ orders: 20, clockOffsetMs: -600_000 }, { source: { cursor: "window", settleMs: 0 } });
  const head = Math.floor(Date.now() / 1000) * 1000 - 600_000;
  const reaches = async (toAt: number) => (await extract(await bench.slice({ kind: "window", fromAt: toAt - 5_000, toAt }, "forward"))).reachedEnd;
  expect(await reaches(head - 60_000)).toBe(false);
  expect(await reaches(head + 2_000)).toBe(true);
});
