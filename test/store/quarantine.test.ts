import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { classifySlice, markExtracted } from "../../src/store/classify.ts";
import { commitSlice } from "../../src/store/commit.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import { type Bench, row, stage, startBench } from "../support/pipeline.ts";
import { sliceTools } from "../support/slices.ts";

let bench: Bench;
afterEach(() => bench.store.close());
const { context, extracted, loadAll, loadWindow } = sliceTools(() => bench);

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
