import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { commitSlice } from "../../src/store/commit.ts";
import { forgetRows } from "../../src/store/kept.ts";
import type { Slice } from "../../src/store/slices.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import { type Bench, row, stage, startBench } from "../support/pipeline.ts";
import { sliceTools } from "../support/slices.ts";

let bench: Bench;
const { context, extracted, loadAll } = sliceTools(() => bench);
beforeEach(async () => {
  bench = await startBench();
});
afterEach(() => bench.store.close());

const commit = (slice: Slice) => commitSlice(bench.store, slice, 0, true);

async function load(slice: Slice): Promise<void> {
  await transformSlice(context(slice), 1);
  await loadAll(slice);
}

async function kept(): Promise<Record<string, { version: string | null; raw: string }>> {
  const { rows } = await sql<{ id: string; version: string | null; raw: string }>`select id, version::text, raw from kept`.execute(bench.store.db);
  return Object.fromEntries(rows.map(({ id, ...row }) => [id, row]));
}

test("the newest row of each record is kept with its bytes, in the transaction that commits it", async () => {
  const raw = '{"o_id": 3, "amount":206.00,"note":"\\u0000 \\ud83d","ts":9}';
  const slice = await extracted([row("1", 5), row("2", 6), row("1", 7), row("3", 9, { raw })]);
  await load(slice);
  expect(await kept()).toEqual({});
  await commit(slice);
  expect(await kept()).toEqual({ 1: { version: "7", raw: '{"o_id":1,"ts":7}' }, 2: { version: "6", raw: '{"o_id":2,"ts":6}' }, 3: { version: "9", raw } });
});

test("nothing is kept unless it is asked for", async () => {
  const slice = await extracted([row("1", 5)]);
  await load(slice);
  await commitSlice(bench.store, slice, 0);
  expect(await kept()).toEqual({});
});

test("an unchanged row fills what was not kept when it was loaded", async () => {
  const first = await extracted([row("1", 5)]);
  await load(first);
  await commitSlice(bench.store, first, 0);
  const again = await extracted([row("1", 5)], "1", "sweep");
  await load(again);
  expect(await commit(again)).toMatchObject({ counts: { unchanged: 1, loaded: 0 } });
  expect(await kept()).toMatchObject({ 1: { version: "5" } });
});

test("an older row never replaces a newer one, whichever is committed last", async () => {
  const newer = await extracted([row("1", 9), row("2", 2)]);
  const older = await extracted([row("1", 5), row("2", 3)], "1", "sweep");
  await load(newer);
  await load(older);
  expect(await commit(newer)).toMatchObject({ state: "committed" });
  expect(await commit(older)).toMatchObject({ state: "committed", counts: { superseded: 1, loaded: 1 } });
  expect(await kept()).toMatchObject({ 1: { version: "9" }, 2: { version: "3" } });
});

test("an older row never replaces a newer one, even where the index has lost the record, as an audit of the target makes it", async () => {
  const newer = await extracted([row("1", 9)]);
  await load(newer);
  await commit(newer);
  await sql`delete from record`.execute(bench.store.db);
  const older = await extracted([row("1", 5)], "1", "sweep");
  await load(older);
  expect(await commit(older)).toMatchObject({ counts: { loaded: 1 } });
  expect(await kept()).toMatchObject({ 1: { version: "9" } });
});

test("of a version that the index has left behind nothing is kept, though none newer is yet", async () => {
  const older = await extracted([row("1", 5)], "1", "sweep");
  const newer = await extracted([row("1", 9)]);
  await load(newer);
  await load(older);
  await commit(older);
  expect(await kept()).toEqual({});
  await commit(newer);
  expect(await kept()).toMatchObject({ 1: { version: "9" } });
});

test("without versions the later reading of a second counts", async () => {
  const page = async (hash: string, readNo: string) => {
    const slice = await bench.slice({ kind: "window", fromAt: 0, toAt: 1000 }, "initial");
    await stage(bench, slice, [row("1", null, { hash, raw: `{"o_id":1,"content":"${hash}"}` })], { lastVersion: null, readNo });
    await sql`update slice set state = 'extracted' where id = ${slice.id}`.execute(bench.store.db);
    await load(slice);
    await commit(slice);
  };
  await page("b", "20");
  await page("a", "10");
  expect((await kept())["1"]!.raw).toContain('"b"');
  await page("c", "30");
  expect((await kept())["1"]!.raw).toContain('"c"');
});

test("a record in quarantine is kept, one without an id is not", async () => {
  const slice = await extracted([row("1", 5, { targetId: "no-id:1" }), row("2", 6, { targetId: "x" }), row("3", 7, { targetId: "x" })]);
  await load(slice);
  expect(await commit(slice)).toMatchObject({ counts: { quarantined: 3 } });
  const { rows } = await sql<{ source: string }>`select source_id as source from kept order by 1`.execute(bench.store.db);
  expect(rows.map(({ source }) => source)).toEqual(["2", "3"]);
});

test("rows are forgotten a portion at a time once they were last read too long ago; all of them where none are to be kept", async () => {
  const slice = await extracted([row("1", 5), row("2", 6), row("3", 7), row("4", 8)]);
  await load(slice);
  await commit(slice);
  const { db } = bench.store;
  const forget = (keep: "none" | "forever" | number, portion?: number) => forgetRows(db, bench.stream.id, keep, portion);
  await sql`update kept set last_at = clock_timestamp() - interval '40 days' where source_id in ('1', '2', '3')`.execute(db);
  expect(await forget("forever")).toBe(0);
  expect(await forget(50 * 86_400_000)).toBe(0);
  expect(await forget(30 * 86_400_000, 2)).toBe(2);

  // What is read again, unchanged, begins anew.
  const again = await extracted([row("1", 5), row("2", 6), row("3", 7)], "1", "sweep");
  await load(again);
  await commit(again);
  expect(await forget(30 * 86_400_000)).toBe(0);
  expect(Object.keys(await kept())).toEqual(["1", "2", "3", "4"]);
  expect(await forget("none", 3)).toBe(3);
  expect(await forget("none")).toBe(1);
});
