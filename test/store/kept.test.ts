import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { leftRows } from "../../src/ops/kept.ts";
import { pipelineStatus } from "../../src/ops/status.ts";
import { commitSlice } from "../../src/store/commit.ts";
import { tendKept } from "../../src/store/keeping.ts";
import type { Slice } from "../../src/store/slices.ts";
import { reloadStream } from "../../src/store/streams.ts";
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

const DAY_MS = 86_400_000;
const tend = (keep: Record<string, "none" | "forever" | number>, portion?: number) => tendKept(bench.store.db, keep, portion);
const age = (column: "kept.last_at" | "stream.keep_wanted_at", days: number, ids: string[] = []) => {
  const [table, name] = column.split(".") as [string, string];
  return sql`update ${sql.table(table)} set ${sql.ref(name)} = clock_timestamp() - ${days} * interval '1 day' ${ids.length === 0 ? sql`` : sql`where source_id = any(${ids}::text[])`}`.execute(bench.store.db);
};
async function keepAndCommit(rows: Parameters<typeof extracted>[0], purpose: Slice["purpose"] = "forward"): Promise<void> {
  const slice = await extracted(rows, "1", purpose);
  await load(slice);
  await commit(slice);
}

test("rows go once they were last read too long ago, portion by portion; what is read again begins anew", async () => {
  await keepAndCommit([row("1", 5), row("2", 6), row("3", 7), row("4", 8)]);
  await age("kept.last_at", 40, ["1", "2", "3"]);
  expect(await tend({ orders: "forever" })).toBe(0);
  expect(await tend({ orders: 50 * DAY_MS })).toBe(0);
  await keepAndCommit([row("1", 5)], "sweep");
  expect(await tend({ orders: 30 * DAY_MS }, 1)).toBe(2);
  expect(Object.keys(await kept())).toEqual(["1", "4"]);
});

test.each([["its keepRows was switched off", { orders: "none" as const }], ["it was removed from the config", {}]])("rows of a pipeline stay for two weeks after %s, no longer than their own time; a slip that is mended loses nothing", async (_, without) => {
  await keepAndCommit([row("1", 5), row("2", 6)]);
  await age("stream.keep_wanted_at", 20);
  // Nothing was removed meanwhile: whoever wants them is heard first.
  expect(await tend({ orders: "forever" })).toBe(0);
  await age("stream.keep_wanted_at", 13);
  expect(await tend(without)).toBe(0);
  expect(await tend({ orders: 30 * DAY_MS })).toBe(0);
  await age("stream.keep_wanted_at", 13);
  await age("kept.last_at", 31, ["1"]);
  expect(await tend(without)).toBe(1);
  expect(Object.keys(await kept())).toEqual(["2"]);
  await age("stream.keep_wanted_at", 15);
  expect(await tend(without)).toBe(1);
});

test("rows of a stream that was replaced go at once, those of the new one stay", async () => {
  await keepAndCommit([row("1", 5)]);
  const { name } = bench.pipeline;
  await reloadStream(bench.store, bench.pipeline, bench.config.accounts["main"]!);
  await sql`insert into kept (stream_id, source_id, id, read_no, raw) select id, '2', '2', 1, '{}' from stream where active`.execute(bench.store.db);
  expect(await tend({ [name]: "forever" })).toBe(1);
  expect(Object.keys(await kept())).toEqual(["2"]);
});

test("while none are kept a newer version takes the row with it, so that none is left that is older than the index", async () => {
  await keepAndCommit([row("1", 5), row("2", 6), row("3", 9)]);
  const slice = await extracted([row("1", 7), row("2", 6), row("3", 8)], "1", "sweep");
  await load(slice);
  await commitSlice(bench.store, slice, 0, false);
  expect(Object.keys(await kept())).toEqual(["2", "3"]);
});

test("status tells how many rows are kept, since when, about how large, and until when; what no config has is told as left, unless a worker has it", async () => {
  const status = async () => (await pipelineStatus(bench.store, bench.config, "orders")).kept;
  const left = (pipelines = {}) => leftRows(bench.store, { ...bench.config, pipelines });
  expect([await status(), await left()]).toEqual([null, []]);
  const raw = JSON.stringify({ o_id: 1, text: Array.from({ length: 400 }, (_, i) => i).join() });
  await keepAndCommit([row("1", 5, { raw }), row("2", 6, { raw })]);
  await sql`update kept set first_at = '2026-01-02T00:00:00Z', last_at = '2026-01-03T00:00:00Z' where source_id = '1'`.execute(bench.store.db);
  bench.pipeline.source.keepRows = "forever";
  const told = { rows: 2, since: "2026-01-02T00:00:00Z", oldestReadAt: "2026-01-03T00:00:00Z", bytes: expect.any(Number) as number };
  expect(await status()).toEqual({ ...told, goneBy: null });
  expect((await status())!.bytes).toBeGreaterThan(500);
  expect((await status())!.bytes).toBeLessThanOrEqual(2 * raw.length + 8);

  await sql`update stream set keep_wanted_at = '2026-02-01T00:00:00Z'`.execute(bench.store.db);
  bench.pipeline.source.keepRows = "none";
  const goneBy = "2026-02-15T00:00:00Z";
  expect(await status()).toEqual({ ...told, goneBy });
  expect(await left(bench.config.pipelines)).toEqual([]);
  expect(await left()).toEqual([{ pipeline: "orders", why: "removed", ...told, goneBy }]);
  await sql`insert into worker (id, host, pid, task_queue, build_id, config) values ('1', 'h', 1, 'other', '', '{"orders":{}}')`.execute(bench.store.db);
  expect(await left()).toEqual([]);
  await reloadStream(bench.store, bench.pipeline, bench.config.accounts["main"]!);
  expect(await left(bench.config.pipelines)).toEqual([{ pipeline: "orders", why: "replaced", ...told, goneBy: null }]);
});
