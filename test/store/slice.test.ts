import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { type Batch, finishBatch, renewClaims, takeBatch } from "../../src/store/batches.ts";
import { getApi } from "../../src/source/jushuitan/index.ts";
import { lockSliceItems } from "../../src/store/claims.ts";
import { classifySlice, markExtracted } from "../../src/store/classify.ts";
import { commitSlice } from "../../src/store/commit.ts";
import { planSlice } from "../../src/store/plan.ts";
import type { Slice } from "../../src/store/slices.ts";
import type { SliceContext } from "../../src/sync/context.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import { type Bench, ORDERS, row, stage, startBench } from "../support/pipeline.ts";

let bench: Bench;
afterEach(() => bench.store.close());

/** Transformation needs neither source nor target. */
function context(slice: Slice): SliceContext {
  const unused = () => {
    throw new Error("not needed here");
  };
  return {
    store: bench.store, pipeline: bench.pipeline, account: bench.config.accounts["main"]!, lane: slice.lane, slice, source: unused, target: unused,
    signal: new AbortController().signal, progress: () => undefined,
  };
}

const sender = (attempt = 1, activityId = "1") => ({ token: bench.token, activityId, attempt });
const ids = (batch: Batch | null) => batch?.members.map((member) => member.id) ?? null;

/** Sends everything there is; @returns the ids sent */
async function loadAll(slice: Slice): Promise<string[]> {
  const sent: string[] = [];
  for (;;) {
    const batch = await takeBatch(bench.store, slice, sender(), bench.pipeline.target);
    if (batch === null) return sent;
    const allowed = await renewClaims(bench.store, slice, batch.id, sender(), 4_000);
    const loaded = ids(batch)!.filter((id) => allowed!.has(id));
    await finishBatch(bench.store, slice, batch, sender(), { loaded, refused: [] });
    sent.push(...loaded);
  }
}

async function extracted(rows: Parameters<typeof stage>[2], from = "1", purpose: Slice["purpose"] = "forward"): Promise<Slice> {
  const slice = await bench.slice({ kind: "version", fromVersion: from }, purpose);
  await stage(bench, slice, rows);
  await markExtracted(bench.store, slice, { endVersion: rows.at(-1)?.version ?? from });
  return slice;
}

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

test("the database itself refuses a ledger row that does not balance", async () => {
  bench = await startBench();
  const slice = await extracted([row("1", 5)]);
  await expect(sql`update slice set state = 'committed', read = 3, loaded = 2 where id = ${slice.id}`.execute(bench.store.db))
    .rejects.toThrow("ledger_balances");
});

test("the database itself keeps a checkpoint from moving backward", async () => {
  bench = await startBench();
  await sql`update stream set checkpoint_version = 9, checkpoint_at = to_timestamp(100), proven_at = to_timestamp(50)`.execute(bench.store.db);
  for (const back of [sql`checkpoint_version = 8`, sql`checkpoint_version = null`, sql`checkpoint_at = to_timestamp(99)`, sql`proven_at = to_timestamp(49)`]) {
    await expect(sql`update stream set ${back}`.execute(bench.store.db)).rejects.toThrow("checkpoint_keeps");
  }
  await sql`update stream set checkpoint_version = 10, checkpoint_at = to_timestamp(101), proven_at = to_timestamp(51)`.execute(bench.store.db);
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

/** Reads rows of a window, loads what is new and commits. @returns the counts */
async function window(pages: Parameters<typeof stage>[2][], purpose: Slice["purpose"] = "initial", readNo?: string) {
  const slice = await bench.slice({ kind: "window", fromAt: 0, toAt: 1000 }, purpose);
  for (const [i, rows] of pages.entries()) {
    await stage(bench, slice, rows, { seq: i + 1, lastVersion: null, total: rows.length, ...(readNo === undefined ? {} : { readNo }) });
  }
  await markExtracted(bench.store, slice, {});
  await transformSlice(context(slice), 1);
  await loadAll(slice);
  return (await commitSlice(bench.store, slice, 0)).counts;
}
const held = async () => (await sql<{ is: string }>`
  select id || ' ' || coalesce(version::text, modified || ' ' || hash) as is from record where held = 'loaded' order by id`.execute(bench.store.db)).rows.map(({ is }) => is);

test("of several rows of one id the newest is sent, wherever it stands: by version, else by modified time, else the later reading", async () => {
  bench = await startBench();
  const of = (id: string, modifiedMs: number, hash: string) => row(id, null, { modifiedMs, hash });
  const counts = await window([
    [row("1", 9), row("1", 5), of("2", 2_000, "a"), of("2", 1_000, "b"), of("3", 1_000, "a")],
    [of("3", 1_000, "b")],
  ]);
  expect(counts).toMatchObject({ read: 6, duplicate: 3, loaded: 3 });
  expect(await held()).toEqual(["1 9", "2 2000 a", "3 1000 b"]);
});

test("without a version an earlier modified time is older, however late it is read; with an equal one the later reading is newer", async () => {
  bench = await startBench();
  const of = (modifiedMs: number, hash: string) => [[row("1", null, { modifiedMs, hash })]];
  expect(await window(of(2_000, "a"))).toMatchObject({ loaded: 1 });
  expect(await window(of(1_000, "b"))).toMatchObject({ superseded: 1 });
  expect(await window(of(2_000, "c"), "initial", "1")).toMatchObject({ superseded: 1 });
  expect(await held()).toEqual(["1 2000 a"]);
});

test("two records with one id in the target are both quarantined, in whatever order, batch or slice they come", async () => {
  bench = await startBench({ mapping: { id: "so_id" }, target: { batchSize: 1 } });
  const collided = async () => (await sql<{ id: string }>`
    select source_id as id from quarantine where code = 'TM_ID_COLLISION' and state = 'open' order by 1`.execute(bench.store.db)).rows.map(({ id }) => id);
  // Apart in two batches of one slice.
  await window([[row("1", 5, { targetId: "A" }), row("2", 6, { targetId: "A" })]]);
  expect(await collided()).toEqual(["1", "2"]);
  // A newer version of one of them does not get through.
  expect(await window([[row("1", 7, { targetId: "A" })]])).toMatchObject({ quarantined: 1, loaded: 0 });
  // The second one has the lower version: it is not an older version of the first.
  await window([[row("3", 9, { targetId: "B" })]]);
  expect(await window([[row("4", 8, { targetId: "B" })]])).toMatchObject({ quarantined: 1, superseded: 0 });
  // The other one was loaded after this one had been looked at.
  const slice = await bench.slice({ kind: "version", fromVersion: "1" }, "sweep");
  await stage(bench, slice, [row("5", 8, { targetId: "C" })]);
  await markExtracted(bench.store, slice, { endVersion: "8" });
  await classifySlice(bench.store, slice, 1, false);
  await window([[row("6", 9, { targetId: "C" })]]);
  await transformSlice(context(slice), 1);
  expect(await loadAll(slice)).toEqual([]);
  expect(await collided()).toEqual(["1", "2", "3", "4", "5", "6"]);
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
