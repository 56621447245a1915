import { sql } from "kysely";
import { expect, test } from "vitest";
import { remapOutcome } from "../../src/store/remap.ts";
import { keepStream } from "../../src/store/streams.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import { mappingOf } from "../mapping/support.ts";
import { row, stage } from "../support/pipeline.ts";
import { ask, bench, changeMapping, commit, context, count, extracted, held, load, loadAndCommit, plan, send } from "./remaps.ts";

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
