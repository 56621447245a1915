import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { getApi } from "../../src/source/jushuitan/index.ts";
import { lockSliceItems } from "../../src/store/claims.ts";
import { classifySlice, markExtracted } from "../../src/store/classify.ts";
import { commitSlice } from "../../src/store/commit.ts";
import { planSlice } from "../../src/store/plan.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import { type Bench, ORDERS, row, stage, startBench } from "../support/pipeline.ts";
import { sliceTools } from "../support/slices.ts";

let bench: Bench;
afterEach(() => bench.store.close());
const { context, extracted, loadAll, loadWindow } = sliceTools(() => bench);

test("a slice loads the newest version of each id, balances and moves the checkpoint", async () => {
  bench = await startBench();
  const slice = await extracted([row("1", 5), row("2", 6), row("1", 9)]);
  expect(await transformSlice(context(slice), 1)).toEqual({ batches: 1, waiting: 0 });
  expect(await loadAll(slice)).toEqual(["2", "1"]);
  const { state, counts } = await commitSlice(bench.store, slice, 0);
  expect(state).toBe("committed");
  expect(counts).toMatchObject({ read: 3, duplicate: 1, unchanged: 0, superseded: 0, quarantined: 0, loaded: 2 });
  const { rows } = await sql<{ v: string; pages: number }>`
    select checkpoint_version::text as v, (select count(*)::int from page) as pages from stream`.execute(bench.store.db);
  expect(rows[0]).toEqual({ v: "9", pages: 0 });
  expect((await sql`select shop_id as shop from shop_seen`.execute(bench.store.db)).rows).toEqual([{ shop: "1" }]);
});

test("what the index holds is unchanged, what is older is superseded, and neither is sent", async () => {
  bench = await startBench();
  const first = await extracted([row("1", 5), row("2", 6)]);
  await transformSlice(context(first), 1);
  await loadAll(first);
  await commitSlice(bench.store, first, 0);
  const again = await extracted([row("2", 4), row("1", 5), row("3", 7)], "6");
  await transformSlice(context(again), 1);
  expect(await loadAll(again)).toEqual(["3"]);
  expect((await commitSlice(bench.store, again, 0)).counts).toMatchObject({ read: 3, unchanged: 1, superseded: 1, loaded: 1 });
});

test("a row whose id is in flight elsewhere waits for that batch, and its slice is not committed meanwhile", async () => {
  bench = await startBench();
  const older = await extracted([row("1", 5)], "1", "backfill");
  await bench.lane("backfill", "b");
  await transformSlice(context(older), 1);
  const newer = await extracted([row("1", 8)]);
  expect(await transformSlice(context(newer), 1)).toEqual({ batches: 0, waiting: 1 });
  expect((await commitSlice(bench.store, newer, 0)).state).toBe("waiting");
  await loadAll(older);
  expect(await transformSlice(context(newer), 1)).toEqual({ batches: 1, waiting: 0 });
  expect(await loadAll(newer)).toEqual(["1"]);
  expect((await commitSlice(bench.store, newer, 0)).counts.loaded).toBe(1);
});

test("only what is committed of the head makes a pipeline fresh", async () => {
  bench = await startBench();
  const newest = async () => (await sql`select newest_commit_at is not null as fresh from stream`.execute(bench.store.db)).rows[0];
  await loadWindow([[row("1", 5)]], "initial");
  expect(await newest()).toEqual({ fresh: false });
  const slice = await extracted([row("2", 6)]);
  await transformSlice(context(slice), 1);
  await loadAll(slice);
  await commitSlice(bench.store, slice, 0);
  expect(await newest()).toEqual({ fresh: true });
});

test("a slice whose pages do not join up is not committed", async () => {
  bench = await startBench();
  const slice = await bench.slice({ kind: "version", fromVersion: "1" });
  await stage(bench, slice, [row("1", 5)], { isLast: false });
  await stage(bench, slice, [row("2", 9)], { seq: 2, fromVersion: "7" });
  await markExtracted(bench.store, slice, { endVersion: "9" });
  await transformSlice(context(slice), 1);
  await loadAll(slice);
  expect((await commitSlice(bench.store, slice, 0)).state).toBe("dropped");
  const { rows } = await sql`select checkpoint_version::text as version from stream`.execute(bench.store.db);
  expect(rows).toEqual([{ version: "1" }]);
});

test("a page is staged only by the slice's owner, and the stored page stands", async () => {
  bench = await startBench();
  const slice = await bench.slice({ kind: "version", fromVersion: "1" });
  await stage(bench, slice, [row("1", 5)]);
  await stage(bench, slice, [row("1", 5), row("2", 6)]);
  const { rows } = await sql`select last_version::text as last, row_count as rows from page`.execute(bench.store.db);
  expect(rows).toEqual([{ last: "5", rows: 1 }]);
  await expect(stage(bench, { ...slice, token: "999999" }, [row("3", 7)])).rejects.toMatchObject({ code: "TM_LEASE_LOST" });
});

test("with equal modified times and no version, another content read later wins", async () => {
  bench = await startBench();
  const of = (hash: string) => row("1", null, { hash });
  for (const [hash, counts] of [["a", { loaded: 1 }], ["b", { loaded: 1 }], ["b", { unchanged: 1 }]] as const) {
    const slice = await bench.slice({ kind: "window", fromAt: 0, toAt: 1000 }, "initial");
    await stage(bench, slice, [of(hash)], { lastVersion: null, total: 1 });
    await markExtracted(bench.store, slice, {});
    await transformSlice(context(slice), 1);
    await loadAll(slice);
    expect((await commitSlice(bench.store, slice, 0)).counts).toMatchObject(counts);
  }
});

const held = async () => (await sql<{ is: string }>`
  select id || ' ' || coalesce(version::text, modified || ' ' || hash) as is from record where held = 'loaded' order by id`.execute(bench.store.db)).rows.map(({ is }) => is);

test("of several rows of one id the newest is sent, wherever it stands: by version, else by modified time, else the later reading", async () => {
  bench = await startBench();
  const of = (id: string, modifiedMs: number, hash: string) => row(id, null, { modifiedMs, hash });
  const counts = await loadWindow([
    [row("1", 9), row("1", 5), of("2", 2_000, "a"), of("2", 1_000, "b"), of("3", 1_000, "a")],
    [of("3", 1_000, "b")],
  ]);
  expect(counts).toMatchObject({ read: 6, duplicate: 3, loaded: 3 });
  expect(await held()).toEqual(["1 9", "2 2000 a", "3 1000 b"]);
});

test("without a version an earlier modified time is older, however late it is read; with an equal one the later reading is newer", async () => {
  bench = await startBench();
  const of = (modifiedMs: number, hash: string) => [[row("1", null, { modifiedMs, hash })]];
  expect(await loadWindow(of(2_000, "a"))).toMatchObject({ loaded: 1 });
  expect(await loadWindow(of(1_000, "b"))).toMatchObject({ superseded: 1 });
  expect(await loadWindow(of(2_000, "c"), "initial", "1")).toMatchObject({ superseded: 1 });
  expect(await held()).toEqual(["1 2000 a"]);
});

test("the checkpoint moves only from where the slice began; the loser is dropped and its range planned again", async () => {
  bench = await startBench();
  const [first, second] = [await extracted([row("1", 5)]), await extracted([row("2", 4), row("1", 5), row("3", 9)])];
  await transformSlice(context(first), 1);
  await loadAll(first);
  await transformSlice(context(second), 1);
  await loadAll(second);
  expect((await commitSlice(bench.store, first, 0)).state).toBe("committed");
  expect((await commitSlice(bench.store, second, 0)).state).toBe("dropped");
  const { rows } = await sql`select checkpoint_version::text as version, (select count(*)::int from page) as pages from stream`.execute(bench.store.db);
  expect(rows).toEqual([{ version: "5", pages: 0 }]);
  const next = await planSlice(bench.store, {
    streamId: bench.stream.id, lane: "forward", token: bench.token, source: bench.pipeline.source, api: getApi(ORDERS), headRead: false, busy: null,
  });
  expect(next).toMatchObject({ purpose: "forward", fromVersion: "5" });
});

test("a version slice whose first page starts elsewhere than the slice is not committed", async () => {
  bench = await startBench();
  const slice = await bench.slice({ kind: "version", fromVersion: "1" });
  await stage(bench, slice, [row("1", 5)], { fromVersion: "3" });
  await markExtracted(bench.store, slice, { endVersion: "5" });
  await transformSlice(context(slice), 1);
  await loadAll(slice);
  expect((await commitSlice(bench.store, slice, 0)).state).toBe("dropped");
});

test("a run that lost its slice, or its lane, can do nothing with it any more", async () => {
  bench = await startBench();
  const slice = await extracted([row("1", 5)]);
  const state = async () => (await sql`
    select state, (select count(*)::int from item) as items, (select count(*)::int from batch) as batches from slice`.execute(bench.store.db)).rows[0];
  await sql`update slice set token = nextval('fence')`.execute(bench.store.db);
  await expect(transformSlice(context(slice), 1)).rejects.toMatchObject({ code: "TM_LEASE_LOST" });
  expect(await state()).toEqual({ state: "extracted", items: 0, batches: 0 });
  await sql`update slice set token = ${slice.token}`.execute(bench.store.db);
  await classifySlice(bench.store, slice, 1, false);
  await sql`update slice set token = nextval('fence')`.execute(bench.store.db);
  await transformSlice(context(slice), 1).catch(() => undefined);
  expect(await bench.store.transaction((tx) => lockSliceItems(tx, slice))).toBe(false);
  expect(await state()).toEqual({ state: "classified", items: 1, batches: 0 });
  await sql`update slice set token = ${slice.token}`.execute(bench.store.db);
  await transformSlice(context(slice), 1);
  await loadAll(slice);
  // Another run has the lane, but has not come to this slice yet.
  await sql`update lease set until = clock_timestamp()`.execute(bench.store.db);
  await bench.lane("forward", "next");
  await expect(commitSlice(bench.store, slice, 0)).rejects.toMatchObject({ code: "TM_LEASE_LOST" });
  expect(await state()).toMatchObject({ state: "classified" });
});

test("a page that comes after its slice was read is no part of it", async () => {
  bench = await startBench();
  const slice = await extracted([row("1", 5)]);
  await expect(stage(bench, slice, [row("2", 7)], { seq: 2, fromVersion: "5" })).rejects.toMatchObject({ code: "TM_LEASE_LOST" });
  expect((await sql`select seq from page`.execute(bench.store.db)).rows).toEqual([{ seq: 1 }]);
});
