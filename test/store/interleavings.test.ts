import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { pipelineStatus } from "../../src/ops/status.ts";
import { getApi } from "../../src/source/jushuitan/index.ts";
import { type Batch, doubtLost, finishBatch, newBatchId, renewClaims, takeBatch } from "../../src/store/batches.ts";
import { claimItems, pendingItems } from "../../src/store/claims.ts";
import { classifySlice, markExtracted } from "../../src/store/classify.ts";
import { commitSlice } from "../../src/store/commit.ts";
import { clearDoubts } from "../../src/store/doubts.ts";
import { planSlice } from "../../src/store/plan.ts";
import type { Slice } from "../../src/store/slices.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import { type Bench, ORDERS, row, stage, startBench } from "../support/pipeline.ts";
import { sliceTools } from "../support/slices.ts";

let bench: Bench;
afterEach(() => bench.store.close());

const { context, extracted } = sliceTools(() => bench);
const sender = (activityId = "1") => ({ token: bench.token, activityId, attempt: 1 });
const plan = (busy: string | null = null) => planSlice(bench.store, {
  streamId: bench.stream.id, lane: "forward", token: bench.token, source: bench.pipeline.source, api: getApi(ORDERS), headRead: true, busy,
});
const index = async () => (await sql<{ id: string; version: string; held: string | null }>`
  select id, version::text, held from record order by id`.execute(bench.store.db)).rows;

/** Sends the slice's only batch. */
async function load(slice: Slice, as = sender()): Promise<Batch> {
  await transformSlice(context(slice), 1);
  const batch = (await takeBatch(bench.store, slice, as, bench.pipeline.target))!;
  await finishBatch(bench.store, slice, batch, as, { loaded: batch.members.map((member) => member.id), refused: [] });
  return batch;
}

test("a claim that was decided on before a newer version was loaded is not taken after", async () => {
  bench = await startBench();
  const older = await extracted([row("1", 5)], "1");
  await classifySlice(bench.store, older, 1, false);
  let claimed: Promise<unknown> | undefined;
  // Another sender's record is written but not visible yet while the claim looks; it becomes visible while the claim waits for it.
  await bench.store.transaction(async (tx) => {
    await sql`insert into record (stream_id, id, source_id, held, version) values (${bench.stream.id}, '1', '1', 'loaded', 8)`.execute(tx);
    claimed = bench.store.transaction(async (other) => {
      const items = await pendingItems(other, older.id, { seq: -1, ord: -1 }, 10);
      return (await claimItems(other, older, items, await newBatchId(other), { leaseMs: 4_000, zombieAfterMs: 1_000, resendHeld: false })).claimed;
    });
    await new Promise((resolve) => setTimeout(resolve, 200));
  });
  expect(await claimed).toEqual(new Set());
  expect(await index()).toEqual([{ id: "1", version: "8", held: "loaded" }]);
});

test("while a doubtful id waits to be sent again, the index still refuses older versions", async () => {
  bench = await startBench();
  const newest = await extracted([row("1", 8)], "1");
  await load(newest);
  await commitSlice(bench.store, newest, 0);
  await sql`insert into doubt (stream_id, id, version, due_at) values (${bench.stream.id}, '1', 5, clock_timestamp())`.execute(bench.store.db);
  const resend = await plan();
  expect(resend).toMatchObject({ purpose: "resend", kind: "window" });
  const older = await extracted([row("1", 5)], "1", "backfill");
  expect(await transformSlice(context(older), 1)).toEqual({ batches: 0, waiting: 0 });
  await stage(bench, resend!, [row("1", 8)], { lastVersion: null, fromVersion: null, total: 1 });
  await markExtracted(bench.store, resend!, {});
  expect((await load(resend!)).members.map((member) => member.version)).toEqual(["8"]);
  const again = await extracted([row("1", 8)], "8", "backfill");
  expect(await transformSlice(context(again), 1)).toEqual({ batches: 0, waiting: 0 });
});

test("no sweep begins while what was read of the head is not committed", async () => {
  bench = await startBench();
  await sql`update stream set head_read_at = clock_timestamp(), started_at = clock_timestamp() - interval '1 hour'`.execute(bench.store.db);
  const head = await extracted([row("1", 9)], "1");
  expect(await plan(head.id)).toBeNull();
  expect((await sql`select 1 from sweep`.execute(bench.store.db)).rows).toEqual([]);
  await load(head);
  await commitSlice(bench.store, head, 0);
  expect(await plan()).toMatchObject({ purpose: "sweep", fromVersion: "1", toVersion: "9" });
});

test("a sweep whose newest version has left the source ends all the same", async () => {
  bench = await startBench();
  await sql`update stream set head_read_at = clock_timestamp(), started_at = clock_timestamp() - interval '1 hour', checkpoint_version = 9`.execute(bench.store.db);
  const sweep = (await plan())!;
  await stage(bench, sweep, [row("1", 5)], { reachedEnd: true });
  await markExtracted(bench.store, sweep, { endVersion: "5" });
  await load(sweep);
  await commitSlice(bench.store, sweep, 0);
  expect((await sql<{ done: boolean }>`select completed_at is not null as done from sweep`.execute(bench.store.db)).rows).toEqual([{ done: true }]);
  expect(await plan()).toBeNull();
});

test("a sender that lost its batch in the middle of a delivery marks what it sent for sending again", async () => {
  bench = await startBench();
  const slice = await extracted([row("1", 5), row("2", 6)], "1");
  await transformSlice(context(slice), 1);
  const batch = (await takeBatch(bench.store, slice, sender("a"), { leaseMs: 1, zombieAfterMs: 60_000 }))!;
  await new Promise((resolve) => setTimeout(resolve, 20));
  await takeBatch(bench.store, slice, sender("b"), bench.pipeline.target);
  expect(await renewClaims(bench.store, slice, batch.id, sender("a"), 1_000)).toBeNull();
  await doubtLost(bench.store, slice, batch, sender("a"), ["1"], 0);
  const { rows } = await sql`select id, due_at <= clock_timestamp() as due from doubt order by id`.execute(bench.store.db);
  expect(rows).toEqual([{ id: "1", due: true }, { id: "2", due: false }]);
});

test("a refusal that comes after the claim was lost says nothing of the newer version", async () => {
  bench = await startBench({ target: { leaseMs: 1 } });
  const older = await extracted([row("1", 5)], "1", "backfill");
  await transformSlice(context(older), 1);
  const late = (await takeBatch(bench.store, older, sender("z"), { leaseMs: 60_000, zombieAfterMs: 60_000 }))!;
  await new Promise((resolve) => setTimeout(resolve, 20));
  const newer = await extracted([row("1", 8)], "1");
  await load(newer);
  await finishBatch(bench.store, older, late, sender("z"), { loaded: [], refused: [{ sourceId: "1", code: "TM_TARGET_REFUSED", reason: "no", raw: null }] });
  expect(await index()).toEqual([{ id: "1", version: "8", held: "loaded" }]);
  expect((await sql`select 1 from quarantine`.execute(bench.store.db)).rows).toEqual([]);
});

test("a slice that was dropped leaves nothing to wait for", async () => {
  bench = await startBench();
  const slice = await extracted([row("1", 5)], "1");
  await classifySlice(bench.store, slice, 1, false);
  await sql`update slice set state = 'dropped' where id = ${slice.id}`.execute(bench.store.db);
  expect(await transformSlice(context(slice), 1)).toEqual({ batches: 0, waiting: 0 });
});

test("an id whose claim ran out before its first send and was taken by an older version is left out, tried again, and only then committed", async () => {
  bench = await startBench({ target: { leaseMs: 1 } });
  await bench.lane("backfill", "b");
  const newer = await extracted([row("1", 8), row("2", 9)], "1");
  await transformSlice(context(newer), 1);
  expect((await commitSlice(bench.store, newer, 0)).state).toBe("waiting");
  await new Promise((resolve) => setTimeout(resolve, 20));
  await load(await extracted([row("1", 5)], "1", "backfill"));
  const batch = (await takeBatch(bench.store, newer, sender(), bench.pipeline.target))!;
  expect(await renewClaims(bench.store, newer, batch.id, sender(), 4_000)).toEqual(new Set(["2"]));
  await finishBatch(bench.store, newer, batch, sender(), { loaded: ["2"], refused: [] });
  expect((await commitSlice(bench.store, newer, 0)).state).toBe("waiting");
  expect((await load(newer)).members).toMatchObject([{ id: "1", version: "8" }]);
  expect((await commitSlice(bench.store, newer, 0)).counts).toMatchObject({ read: 2, loaded: 2 });
  expect(await index()).toEqual([{ id: "1", version: "8", held: "loaded" }, { id: "2", version: "9", held: "loaded" }]);
});

test("a doubt waits until it is due, then until the newest version was sent again; only then is the pipeline settled", async () => {
  bench = await startBench({ source: { lookbackMs: 1_000, sweepEveryMs: 3_600_000 } });
  const newest = await extracted([row("1", 8)], "1");
  await load(newest);
  await commitSlice(bench.store, newest, 0);
  const doubts = async () => {
    await clearDoubts(bench.store.db, bench.stream.id);
    const status = await pipelineStatus(bench.store, bench.config, "orders");
    return [status.doubtful, status.settled];
  };
  await sql`insert into doubt (stream_id, id, version, due_at) values (${bench.stream.id}, '1', 5, clock_timestamp() + interval '1 hour')`.execute(bench.store.db);
  await sql`update stream set head_read_at = clock_timestamp()`.execute(bench.store.db);
  expect(await plan()).toBeNull();
  expect(await doubts()).toEqual([1, false]);
  await sql`update doubt set due_at = clock_timestamp()`.execute(bench.store.db);
  const resend = (await plan())!;
  expect(await doubts()).toEqual([1, false]);
  await stage(bench, resend, [row("1", 8)], { lastVersion: null, fromVersion: null, total: 1 });
  await markExtracted(bench.store, resend, {});
  expect((await load(resend)).members.map((member) => member.version)).toEqual(["8"]);
  expect(await doubts()).toEqual([1, false]);
  await commitSlice(bench.store, resend, 0);
  for (let archive = await plan(); archive !== null; archive = await plan()) {
    expect(archive).toMatchObject({ purpose: "resend", archive: true });
    await sql`update slice set state = 'committed' where id = ${archive.id}`.execute(bench.store.db);
  }
  await plan();
  expect(await doubts()).toEqual([0, true]);
});

test("where the index still holds the doubtful version there is nothing to mend, and a report makes a doubt due at once", async () => {
  bench = await startBench({ target: { zombieAfterMs: 60_000 } });
  const slice = await extracted([row("1", 5)], "1");
  await transformSlice(context(slice), 1);
  const late = (await takeBatch(bench.store, slice, sender("z"), bench.pipeline.target))!;
  await sql`update batch set lease_until = clock_timestamp()`.execute(bench.store.db);
  await load(slice);
  const due = async () => (await sql<{ due: boolean }>`select due_at <= clock_timestamp() as due from doubt`.execute(bench.store.db)).rows.map((doubt) => doubt.due);
  expect(await due()).toEqual([false]);
  await finishBatch(bench.store, slice, late, sender("z"), { loaded: ["1"], refused: [] });
  expect(await due()).toEqual([true]);
  await plan(slice.id);
  expect(await due()).toEqual([]);
});

test("the look at the claims before a request holds them, and the batch, for as long as the request may take", async () => {
  bench = await startBench({ target: { leaseMs: 1 } });
  const older = await extracted([row("1", 5)], "1", "backfill");
  await transformSlice(context(older), 1);
  const batch = (await takeBatch(bench.store, older, sender("a"), bench.pipeline.target))!;
  expect(await renewClaims(bench.store, older, batch.id, sender("a"), 600_000)).toEqual(new Set(["1"]));
  expect(await takeBatch(bench.store, older, sender("b"), bench.pipeline.target)).toBeNull();
  expect(await transformSlice(context(await extracted([row("1", 8)], "1")), 1)).toEqual({ batches: 0, waiting: 1 });
});
