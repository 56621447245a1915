import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { compareSlice } from "../../src/store/audits.ts";
import { finishBatch, takeBatch } from "../../src/store/batches.ts";
import { classifySlice, markExtracted } from "../../src/store/classify.ts";
import { commitSlice } from "../../src/store/commit.ts";
import { addRange } from "../../src/store/ranges.ts";
import { planReplay } from "../../src/store/replay.ts";
import { getSlice, type Slice } from "../../src/store/slices.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import { type Bench, row, stage, startBench } from "../support/pipeline.ts";
import { sliceTools } from "../support/slices.ts";

let bench: Bench;
afterEach(() => bench.store.close());
const { sender, context, extracted, loadAll, loadWindow } = sliceTools(() => bench);

test("records without an id are quarantined once, by their content", async () => {
  bench = await startBench();
  const nameless = row("", 5, { id: null, sourceId: "no-id:abc", targetId: "no-id:abc", raw: '{"ts":5}' });
  for (const [from, quarantined, unchanged] of [["1", 1, 0], ["5", 0, 1]] as const) {
    const slice = await extracted([nameless], from);
    await transformSlice(context(slice), 1);
    expect(await loadAll(slice)).toEqual([]);
    expect((await commitSlice(bench.store, slice, 0)).counts).toMatchObject({ quarantined, unchanged });
  }
  const { rows } = await sql`select code, raw, attempts from quarantine`.execute(bench.store.db);
  expect(rows).toEqual([{ code: "TM_NO_ID", raw: '{"ts":5}', attempts: 1 }]);
});

test("two records that map to one id are both quarantined, in one slice and across slices", async () => {
  bench = await startBench({ mapping: { id: "so_id" } });
  const slice = await extracted([row("1", 5, { targetId: "A" }), row("2", 6, { targetId: "A" }), row("3", 7, { targetId: "B" })]);
  await transformSlice(context(slice), 1);
  expect(await loadAll(slice)).toEqual(["B"]);
  expect((await commitSlice(bench.store, slice, 0)).counts).toMatchObject({ quarantined: 2, loaded: 1 });
  const later = await extracted([row("4", 8, { targetId: "B" })], "7");
  await transformSlice(context(later), 1);
  expect(await loadAll(later)).toEqual([]);
  await commitSlice(bench.store, later, 0);
  const { rows } = await sql<{ id: string }>`select source_id as id from quarantine where code = 'TM_ID_COLLISION' order by 1`.execute(bench.store.db);
  expect(rows.map((entry) => entry.id)).toEqual(["1", "2", "3", "4"]);
});

test("two records with one id in the target are both quarantined, in whatever order, batch or slice they come", async () => {
  bench = await startBench({ mapping: { id: "so_id" }, target: { batchSize: 1 } });
  const collided = async () => (await sql<{ id: string }>`
    select source_id as id from quarantine where code = 'TM_ID_COLLISION' and state = 'open' order by 1`.execute(bench.store.db)).rows.map(({ id }) => id);
  // Apart in two batches of one slice.
  await loadWindow([[row("1", 5, { targetId: "A" }), row("2", 6, { targetId: "A" })]]);
  expect(await collided()).toEqual(["1", "2"]);
  // A newer version of one of them does not get through.
  expect(await loadWindow([[row("1", 7, { targetId: "A" })]])).toMatchObject({ quarantined: 1, loaded: 0 });
  // The second one has the lower version: it is not an older version of the first.
  await loadWindow([[row("3", 9, { targetId: "B" })]]);
  expect(await loadWindow([[row("4", 8, { targetId: "B" })]])).toMatchObject({ quarantined: 1, superseded: 0 });
  // The other one was loaded after this one had been looked at.
  const slice = await bench.slice({ kind: "version", fromVersion: "1" }, "sweep");
  await stage(bench, slice, [row("5", 8, { targetId: "C" })]);
  await markExtracted(bench.store, slice, { endVersion: "8" });
  await classifySlice(bench.store, slice, 1, false);
  await loadWindow([[row("6", 9, { targetId: "C" })]]);
  await transformSlice(context(slice), 1);
  expect(await loadAll(slice)).toEqual([]);
  expect(await collided()).toEqual(["1", "2", "3", "4", "5", "6"]);
});

test.each([["the target takes it", true], ["the target refuses it again", false]])("without versions a row that is replayed is as old as its reading, when %s: an older reading never replaces it, a newer one does", async (_, taken) => {
  bench = await startBench();
  const read = async (content: string, readNo: string): Promise<Slice> => {
    const slice = await bench.slice({ kind: "window", fromAt: 0, toAt: 1_000 }, "initial");
    await stage(bench, slice, [rowOf(content)], { lastVersion: null, readNo });
    await markExtracted(bench.store, slice, {});
    return slice;
  };
  const rowOf = (content: string) => row("1", null, { hash: content, raw: JSON.stringify({ o_id: 1, content }) });
  const refuseAll = async (slice: Slice): Promise<void> => {
    await transformSlice(context(slice), 1);
    const batch = (await takeBatch(bench.store, slice, sender(), bench.pipeline.target))!;
    const refused = batch.members.map(({ sourceId }) => ({ sourceId, code: "TM_TARGET_REFUSED", reason: "no", raw: rowOf("b").raw }));
    await finishBatch(bench.store, slice, batch, sender(), { loaded: [], refused });
    await commitSlice(bench.store, slice, 0, true);
  };
  const load = async (slice: Slice) => {
    await transformSlice(context(slice), 1);
    await loadAll(slice);
    return (await commitSlice(bench.store, slice, 0, true)).counts;
  };
  const [older, newer] = [await read("a", "10"), await read("c", "30")];
  await refuseAll(await read("0", "5"));
  await refuseAll(await read("b", "20"));

  // A kept row of today is not written again.
  await sql`update kept set last_at = clock_timestamp() - interval '2 days'`.execute(bench.store.db);
  const { slice: id } = await planReplay(bench.store, { streamId: bench.stream.id, source: bench.pipeline.source, archive: false, filter: {}, read: (texts) => texts.map((raw) => ({ ...rowOf("b"), raw })) });
  await sql`update slice set token = ${bench.token}, lane = 'forward' where id = ${id}`.execute(bench.store.db);
  const replay = (await getSlice(bench.store.db, id!))!;
  if (taken) expect(await load(replay)).toMatchObject({ loaded: 1 });
  else await refuseAll(replay);
  expect(await load(older)).toMatchObject({ superseded: 1, loaded: 0 });
  const state = async () => (await sql`select r.held, r.hash, k.hash as kept, k.read_no::int as as, q.state from record r join kept k using (stream_id, source_id) join quarantine q using (stream_id, source_id)`.execute(bench.store.db)).rows;
  expect(await state()).toEqual([{ held: taken ? "loaded" : "quarantined", hash: "b", kept: "b", as: 20, state: taken ? "resolved" : "open" }]);
  expect(await load(newer)).toMatchObject({ loaded: 1 });
  expect(await state()).toEqual([{ held: "loaded", hash: "c", kept: "c", as: 30, state: "resolved" }]);
});

test("an audit finds a row that changed within the second of the version in quarantine, and not that version itself", async () => {
  bench = await startBench();
  const read = async (content: string, readNo: string, purpose: "initial" | "audit", rangeId?: string): Promise<Slice> => {
    const slice = await bench.slice({ kind: "window", fromAt: 0, toAt: 1_000, ...(rangeId === undefined ? {} : { rangeId }) }, purpose);
    await stage(bench, slice, [row("1", null, { hash: content })], { lastVersion: null, readNo });
    await markExtracted(bench.store, slice, {});
    return slice;
  };
  const first = await read("b", "20", "initial");
  await transformSlice(context(first), 1);
  const batch = (await takeBatch(bench.store, first, sender(), bench.pipeline.target))!;
  await finishBatch(bench.store, first, batch, sender(), { loaded: [], refused: [{ sourceId: "1", code: "TM_TARGET_REFUSED", reason: "no", raw: null }] });
  const rangeId = await addRange(bench.store.db, { streamId: bench.stream.id, purpose: "audit", fromAt: 0, toAt: 1_000 });
  await sql`
    with asked as (insert into audit (stream_id, request_id, from_at, to_at, by_ids, repair) values (${bench.stream.id}, 'a', to_timestamp(0), to_timestamp(1), true, false) returning *)
    insert into audit_window (audit_id, from_at, to_at, range_id, state) select id, from_at, to_at, ${rangeId}, 'comparing' from asked
  `.execute(bench.store.db);
  const found = async (slice: Slice) => {
    expect(await compareSlice(bench.store, slice, 1)).toBe(false);
    return (await sql`select source_id as id, kind, hash from audit_finding`.execute(bench.store.db)).rows;
  };
  expect(await found(await read("b", "30", "audit", rangeId))).toEqual([]);
  expect(await found(await read("c", "40", "audit", rangeId))).toEqual([{ id: "1", kind: "stale", hash: "c" }]);
});
