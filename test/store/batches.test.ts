import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { finishBatch, renewClaims, takeBatch } from "../../src/store/batches.ts";
import { getApi } from "../../src/source/jushuitan/index.ts";
import { commitSlice } from "../../src/store/commit.ts";
import { planSlice } from "../../src/store/plan.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import { type Bench, ORDERS, row, startBench } from "../support/pipeline.ts";
import { ids, sliceTools } from "../support/slices.ts";

let bench: Bench;
afterEach(() => bench.store.close());
const { context, extracted, loadAll, sender } = sliceTools(() => bench);

test("an id whose claim ran out is taken over, becomes doubtful, and the late sender marks it for sending again", async () => {
  bench = await startBench({ target: { leaseMs: 1 } });
  const older = await extracted([row("1", 5)], "1", "backfill");
  await transformSlice(context(older), 1);
  const zombie = (await takeBatch(bench.store, older, sender(1, "z"), { leaseMs: 1, zombieAfterMs: 60_000 }))!;
  await renewClaims(bench.store, older, zombie.id, sender(1, "z"), 1);
  await new Promise((resolve) => setTimeout(resolve, 20));
  const newer = await extracted([row("1", 8)]);
  await transformSlice(context(newer), 1);
  expect(await loadAll(newer)).toEqual(["1"]);
  const doubts = () => sql<{ id: string; due: boolean }>`select id, due_at <= clock_timestamp() as due from doubt`.execute(bench.store.db);
  expect((await doubts()).rows).toEqual([{ id: "1", due: false }]);
  expect(await renewClaims(bench.store, older, zombie.id, sender(1, "z"), 1)).toEqual(new Set());
  await finishBatch(bench.store, older, zombie, sender(1, "z"), { loaded: ["1"], refused: [] });
  expect((await doubts()).rows).toEqual([{ id: "1", due: true }]);
  const { rows } = await sql`select version::text as version from record`.execute(bench.store.db);
  expect(rows).toEqual([{ version: "8" }]);
});

test("a batch is resent by the next attempt with the same members, and by nobody else while its lease holds", async () => {
  bench = await startBench();
  const slice = await extracted([row("1", 5), row("2", 6)]);
  await transformSlice(context(slice), 1);
  const first = await takeBatch(bench.store, slice, sender(1), bench.pipeline.target);
  expect(await takeBatch(bench.store, slice, sender(1, "other"), bench.pipeline.target)).toBeNull();
  const second = await takeBatch(bench.store, slice, sender(2), bench.pipeline.target);
  expect(second).toEqual(first);
  expect(await finishBatch(bench.store, slice, first!, sender(1), { loaded: ids(first)!, refused: [] })).toBe(false);
  expect(await finishBatch(bench.store, slice, second!, sender(2), { loaded: ids(second)!, refused: [] })).toBe(true);
});

test("a batch in the middle of its first send goes on with the next run at once, under its key; what the old one sent is doubtful", async () => {
  bench = await startBench();
  const slice = await extracted([row("2", 5), row("1", 6)]);
  await transformSlice(context(slice), 1);
  const before = await takeBatch(bench.store, slice, sender(), bench.pipeline.target);
  await sql`update lease set until = clock_timestamp()`.execute(bench.store.db);
  const token = await bench.lane("forward", "next");
  const adopted = await planSlice(bench.store, {
    streamId: bench.stream.id, lane: "forward", token, source: bench.pipeline.source, api: getApi(ORDERS), headRead: false, busy: null,
  });
  expect(adopted).toMatchObject({ id: slice.id, token });
  expect(await transformSlice(context(adopted!), 1)).toEqual({ batches: 1, waiting: 0 });
  const after = await takeBatch(bench.store, adopted!, { ...sender(), token }, bench.pipeline.target);
  expect(after).toEqual(before);
  expect(ids(after)).toEqual(["2", "1"]);
  // The old run can neither take, nor renew, nor finish anything any more.
  expect(await takeBatch(bench.store, slice, sender(2), bench.pipeline.target)).toBeNull();
  expect(await renewClaims(bench.store, slice, before!.id, sender(), 4_000)).toBeNull();
  await expect(commitSlice(bench.store, slice, 0)).rejects.toMatchObject({ code: "TM_LEASE_LOST" });
  const { rows } = await sql`select id from doubt order by id`.execute(bench.store.db);
  expect(rows).toEqual([{ id: "1" }, { id: "2" }]);
});
