import { sql } from "kysely";
import { expect, test } from "vitest";
import { type Batch, finishBatch, renewClaims, takeBatch } from "../../src/store/batches.ts";
import { discardEntries, listEntries } from "../../src/store/quarantine-entries.ts";
import { remapOutcome } from "../../src/store/remap.ts";
import { remapStatus } from "../../src/sync/remaps.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import { mappingOf } from "../mapping/support.ts";
import { row } from "../support/pipeline.ts";
import { ask, bench, cancel, changeMapping, commit, context, due, extracted, held, load, loadAndCommit, plan, sender } from "./remaps.ts";

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
