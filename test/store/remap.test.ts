import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Batch, finishBatch, renewClaims, takeBatch } from "../../src/store/batches.ts";
import { commitSlice } from "../../src/store/commit.ts";
import { planSlice } from "../../src/store/plan.ts";
import { discardEntries, listEntries } from "../../src/store/quarantine-entries.ts";
import { addRemap, cancelRemaps, countRemap, type RemapRange, remapOutcome } from "../../src/store/remap.ts";
import type { Slice } from "../../src/store/slices.ts";
import { keepStream } from "../../src/store/streams.ts";
import { remapStatus } from "../../src/sync/remaps.ts";
import { getApi } from "../../src/source/jushuitan/index.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import { mappingOf } from "../mapping/support.ts";
import { type Bench, ORDERS, row, stage, startBench } from "../support/pipeline.ts";
import { sliceTools } from "../support/slices.ts";

let bench: Bench;
let token: string;
const { sender, context, extracted } = sliceTools(() => bench);
beforeEach(async () => {
  bench = await startBench({ source: { sliceRecords: 1_000, keepRows: "forever" } });
  token = await bench.lane("backfill", "remap");
});
afterEach(() => bench.store.close());

const commit = (slice: Slice, keep = true) => commitSlice(bench.store, slice, 0, keep);
const plan = () => planSlice(bench.store, { streamId: bench.stream.id, lane: "backfill", token, source: bench.pipeline.source, api: getApi(ORDERS), headRead: true, busy: null });
const ask = async (range: RemapRange = {}) => addRemap(bench.store.db, bench.stream.id, range, (await count(range)).kept, 60_000);
const count = (range: RemapRange = {}) => countRemap(bench.store.db, bench.stream.id, range);
const cancel = () => cancelRemaps(bench.store, bench.stream.id, 60_000);
const due = () => sql`update doubt set due_at = clock_timestamp()`.execute(bench.store.db);

/** Sends everything there is, but for what the target refuses. @returns the records as they were sent */
async function send(slice: Slice, refuses: readonly string[] = []): Promise<Record<string, string>[]> {
  const sent: Record<string, string>[] = [];
  for (let batch = await takeBatch(bench.store, slice, sender(), bench.pipeline.target); batch !== null; batch = await takeBatch(bench.store, slice, sender(), bench.pipeline.target)) {
    sent.push(...(JSON.parse(batch.payload) as Record<string, string>[]));
    const refused = batch.members.filter(({ id }) => refuses.includes(id)).map(({ sourceId }) => ({ sourceId, code: "TM_TARGET_REFUSED", reason: "no", raw: null }));
    await finishBatch(bench.store, slice, batch, sender(), { loaded: batch.members.map(({ id }) => id).filter((id) => !refuses.includes(id)), refused });
  }
  return sent;
}

async function load(slice: Slice, refuses: readonly string[] = []): Promise<Record<string, string>[]> {
  await transformSlice(context(slice), 1);
  return send(slice, refuses);
}

async function loadAndCommit(...rows: Parameters<typeof extracted>): Promise<void> {
  const slice = await extracted(...rows);
  await load(slice);
  await commit(slice);
}

/** Another mapping, told by the field `form`, that a person has accepted. */
async function changeMapping(form: string): Promise<void> {
  bench.pipeline.mapping = mappingOf({ rest: "drop", fields: { ts: "ts", form: { value: form } } });
  await keepStream(bench.store, bench.pipeline, bench.config.accounts["main"]!);
}

async function held(): Promise<Record<string, string | null>> {
  const { rows } = await sql<{ id: string; version: string | null }>`select id, version::text from record where held = 'loaded'`.execute(bench.store.db);
  return Object.fromEntries(rows.map(({ id, version }) => [id, version]));
}

test("what is loaded is sent in the new form, in the version that is there, slice by slice; the ledger has it", async () => {
  bench.pipeline.source.sliceRecords = 2;
  await loadAndCommit([row("1", 5), row("2", 6), row("3", 7), row("4", 8), row("5", 9)]);
  await changeMapping("b");
  expect(await count()).toEqual({ kept: 5, notKept: 0 });
  const remap = await ask();
  expect(await ask()).toBe(remap);
  const sent: Record<string, string>[] = [];
  for (let slice = await plan(); slice !== null; slice = await plan()) {
    // A run that died here goes on with the same slice.
    expect(await plan()).toMatchObject({ id: slice.id });
    expect(await remapOutcome(bench.store.db, remap)).toBeNull();
    sent.push(...(await load(slice)));
    expect(await commit(slice)).toMatchObject({ state: "committed" });
  }
  expect(sent).toEqual([5, 6, 7, 8, 9].map((ts, i) => ({ id: String(i + 1), ts, form: "b" })));
  expect(await remapOutcome(bench.store.db, remap)).toMatchObject({ slices: 3, read: 5, loaded: 5 });
  expect(await held()).toEqual({ 1: "5", 2: "6", 3: "7", 4: "8", 5: "9" });
});

test("what a filter left out is sent once the filter lets it pass, and what it leaves out now is counted so", async () => {
  const pass = async (filter: string) => {
    bench.pipeline.mapping = mappingOf({ filter });
    await keepStream(bench.store, bench.pipeline, bench.config.accounts["main"]!);
  };
  await pass("record.ts == 5.0");
  await loadAndCommit([row("1", 5), row("2", 6)]);
  expect(await held()).toEqual({ 1: "5" });
  await pass("record.ts == 6.0");
  await ask();
  const slice = (await plan())!;
  expect(await load(slice)).toMatchObject([{ id: "2" }]);
  expect(await commit(slice)).toMatchObject({ counts: { read: 2, loaded: 1, filtered: 1 } });
  expect(await held()).toEqual({ 2: "6" });
});

test("a record whose newer version is not kept is not touched, and is counted", async () => {
  await loadAndCommit([row("1", 5), row("2", 6)]);
  const newer = await extracted([row("1", 9), row("3", 10)], "1", "sweep");
  await load(newer);
  await commit(newer, false);
  await changeMapping("b");
  expect(await count()).toEqual({ kept: 1, notKept: 2 });
  await ask();
  const slice = (await plan())!;
  expect(await load(slice)).toEqual([{ id: "2", ts: 6, form: "b" }]);
  expect(await commit(slice)).toMatchObject({ counts: { read: 1, loaded: 1 } });
});

test("only what was modified in the range", async () => {
  await loadAndCommit([row("1", 5, { modifiedMs: 1_000 }), row("2", 6, { modifiedMs: 2_000 }), row("3", 7, { modifiedMs: 3_000 })]);
  await changeMapping("b");
  expect(await count({ from: 2_000, to: 3_000 })).toEqual({ kept: 1, notKept: 0 });
  await ask({ from: 2_000, to: 3_000 });
  expect(await load((await plan())!)).toMatchObject([{ id: "2" }]);
});

test("a newer version on its way is left alone, and one that comes meanwhile is sent after the remapped one", async () => {
  await loadAndCommit([row("1", 5), row("2", 6)]);
  await changeMapping("b");
  const flying = await extracted([row("1", 9)], "1", "sweep");
  await transformSlice(context(flying), 1);
  await ask();
  const slice = (await plan())!;
  const coming = await extracted([row("2", 10)], "1", "sweep");
  await transformSlice(context(slice), 1);
  expect(await transformSlice(context(coming), 1)).toEqual({ batches: 0, waiting: 1 });
  expect(await send(slice)).toMatchObject([{ id: "2", ts: 6 }]);
  expect(await load(coming)).toMatchObject([{ id: "2", ts: 10 }]);
  await send(flying);
  for (const each of [coming, slice, flying]) expect(await commit(each)).toMatchObject({ state: "committed" });
  expect(await held()).toEqual({ 1: "9", 2: "10" });
});

test("a version that is loaded between the look and the claim supersedes the kept one", async () => {
  await loadAndCommit([row("1", 5)]);
  await changeMapping("b");
  await ask();
  const slice = (await plan())!;
  await loadAndCommit([row("1", 9)], "1", "sweep");
  expect(await load(slice)).toEqual([]);
  expect(await commit(slice)).toMatchObject({ state: "committed", counts: { superseded: 1, loaded: 0 } });
  expect(await held()).toEqual({ 1: "9" });
});

test("without versions an older reading stays older after a remap", async () => {
  const page = async (hash: string, readNo: string) => {
    const slice = await bench.slice({ kind: "window", fromAt: 0, toAt: 1000 }, "initial");
    await stage(bench, slice, [row("1", null, { hash })], { lastVersion: null, readNo });
    await sql`update slice set state = 'extracted' where id = ${slice.id}`.execute(bench.store.db);
    return slice;
  };
  const late = await page("a", "10");
  const first = await page("b", "20");
  await load(first);
  await commit(first);
  await changeMapping("b");
  await ask();
  const slice = (await plan())!;
  expect(await load(slice)).toHaveLength(1);
  await commit(slice);
  expect(await load(late)).toEqual([]);
  expect(await commit(late)).toMatchObject({ counts: { superseded: 1 } });
});

test("a batch of the form before is not sent any more: its rows are mapped again, and nobody maps them as before", async () => {
  await changeMapping("a");
  const slice = await extracted([row("1", 5), row("2", 6)]);
  bench.pipeline.target.batchSize = 1;
  await transformSlice(context(slice), 1);
  const sending = (await takeBatch(bench.store, slice, sender(), bench.pipeline.target))!;
  await changeMapping("b");
  // Directly before its request.
  expect(await renewClaims(bench.store, slice, sending.id, sender(), 4_000)).toBeNull();
  expect(await takeBatch(bench.store, slice, sender(2), bench.pipeline.target)).toBeNull();
  const { rows } = await sql<{ id: string }>`select id from doubt`.execute(bench.store.db);
  expect(rows).toEqual([{ id: "1" }]);
  const before = bench.pipeline.mapping;
  bench.pipeline.mapping = mappingOf({ rest: "drop", fields: { form: { value: "a" } } });
  await expect(transformSlice(context(slice), 1)).rejects.toMatchObject({ code: "TM_PIPELINE_CHANGED" });
  bench.pipeline.mapping = before;
  expect(await load(slice)).toEqual([{ id: "1", ts: 5, form: "b" }, { id: "2", ts: 6, form: "b" }]);
  expect(await commit(slice)).toMatchObject({ state: "committed", counts: { loaded: 2 } });
});

test("a remap comes after whatever the mapping before has still under way", async () => {
  await loadAndCommit([row("1", 5)]);
  const slice = await extracted([row("1", 9), row("2", 10)], "1", "sweep");
  bench.pipeline.target.batchSize = 1;
  await transformSlice(context(slice), 1);
  const live = (await takeBatch(bench.store, slice, sender(), bench.pipeline.target))!;
  await changeMapping("b");
  const remap = await ask();
  // One is being sent; the other is mapped again by its own slice.
  expect(await plan()).toBeNull();
  await finishBatch(bench.store, slice, live, sender(), { loaded: ["1"], refused: [] });
  // The index holds it, and its row is not kept yet.
  expect(await plan()).toBeNull();
  expect(await load(slice)).toEqual([{ id: "2", ts: 10, form: "b" }]);
  await commit(slice);
  const after = (await plan())!;
  expect(await load(after)).toMatchObject([{ id: "1", ts: 9, form: "b" }, { id: "2", ts: 10, form: "b" }]);
  await commit(after);
  expect(await plan()).toBeNull();
  expect(await remapOutcome(bench.store.db, remap)).toMatchObject({ loaded: 2 });
});

test("a remap waits until a request of a sender that is gone can no longer arrive", async () => {
  await loadAndCommit([row("1", 5)]);
  const slice = await extracted([row("1", 9)], "1", "sweep");
  await transformSlice(context(slice), 1);
  await takeBatch(bench.store, slice, sender(), { leaseMs: 1, zombieAfterMs: 60_000 });
  await changeMapping("b");
  await ask();
  await new Promise((resolve) => setTimeout(resolve, 5));
  expect(await plan()).toBeNull();
  await due();
  expect(await load((await plan())!)).toEqual([{ id: "1", ts: 5, form: "b" }]);
  expect(await load(slice)).toEqual([{ id: "1", ts: 9, form: "b" }]);
});

test("what is in quarantine is tried again and resolved; what was discarded, or stands for a collision, is not", async () => {
  const slice = await extracted([row("1", 5), row("2", 6), row("3", 7), row("4", 8, { targetId: "x" }), row("5", 9, { targetId: "x" })]);
  await load(slice, ["1", "2", "3"]);
  await commit(slice);
  await discardEntries(bench.store, { ids: ["2"] }, "a test", "li");
  await changeMapping("b");
  await ask();
  const again = (await plan())!;
  expect(await load(again, ["3"])).toEqual([{ id: "1", ts: 5, form: "b" }, { id: "3", ts: 7, form: "b" }]);
  await commit(again);
  const { entries } = await listEntries(bench.store.db, {}, 10);
  expect(entries.toSorted((a, b) => a.id.localeCompare(b.id)).map(({ id, state, attempts }) => [id, state, attempts])).toEqual([["1", "resolved", 1], ["2", "discarded", 1], ["3", "open", 2], ["4", "open", 1], ["5", "open", 1]]);
});

test("a cancelled remap makes no more slices, and says how far it came; asked for again it begins anew", async () => {
  bench.pipeline.source.sliceRecords = 2;
  await loadAndCommit([row("1", 5), row("2", 6), row("3", 7), row("4", 8), row("5", 9)]);
  await changeMapping("b");
  const remap = await ask();
  const status = async () => (await remapStatus(bench.store.db, bench.stream.id)).map(({ remap, state, asked, slices, loaded, percent }) => ({ remap, state, asked, slices, loaded, percent }));
  expect(await status()).toEqual([{ remap, state: "waiting", asked: 5, slices: 0, loaded: 0, percent: 0 }]);
  const first = (await plan())!;
  await load(first);
  await commit(first);
  expect(await status()).toEqual([{ remap, state: "open", asked: 5, slices: 1, loaded: 2, percent: 40 }]);
  expect(await cancel()).toEqual([remap]);
  expect(await plan()).toBeNull();
  expect(await remapOutcome(bench.store.db, remap)).toBe("cancelled");
  expect(await cancel()).toEqual([]);
  const second = await ask();
  for (let slice = await plan(); slice !== null; slice = await plan()) {
    expect((await status())[0]).toMatchObject({ remap: second, state: expect.stringMatching(/open|planned/) as string });
    await load(slice);
    await commit(slice);
  }
  expect(await status()).toEqual([{ remap: second, state: "done", asked: 5, slices: 3, loaded: 5, percent: 100 }, { remap, state: "cancelled", asked: 5, slices: 1, loaded: 2, percent: 40 }]);
});

test("cancelling drops the slice under way: its sender stops, its claims are free, and what may still arrive late is sent over", async () => {
  await loadAndCommit([row("1", 5), row("2", 6), row("3", 7)]);
  await changeMapping("b");
  bench.pipeline.target.batchSize = 1;
  await ask();
  const slice = (await plan())!;
  await transformSlice(context(slice), 1);
  const next = async (): Promise<Batch> => (await takeBatch(bench.store, slice, sender(), bench.pipeline.target))!;
  const [done, flying] = [await next(), await next()];
  await finishBatch(bench.store, slice, done, sender(), { loaded: ["1"], refused: [] });
  expect(await cancel()).toHaveLength(1);
  expect(await renewClaims(bench.store, slice, flying.id, sender(), 4_000)).toBeNull();
  expect(await takeBatch(bench.store, slice, sender(), bench.pipeline.target)).toBeNull();
  expect(await transformSlice(context(slice), 1)).toEqual({ batches: 0, waiting: 0 });
  expect(await commit(slice)).toMatchObject({ state: "dropped" });
  expect((await sql`select 1 from record where batch_id is not null`.execute(bench.store.db)).rows).toEqual([]);
  // Its request is answered after a newer version was loaded: that one goes out again.
  await loadAndCommit([row("2", 10)], "1", "sweep");
  await finishBatch(bench.store, slice, flying, sender(), { loaded: ["2"], refused: [] });
  expect(await held()).toEqual({ 1: "5", 2: "10", 3: "7" });
  const { rows } = await sql<{ id: string; version: string; due: boolean }>`select id, version::text, due_at <= clock_timestamp() as due from doubt`.execute(bench.store.db);
  expect(rows).toEqual([{ id: "2", version: "6", due: true }]);
});
