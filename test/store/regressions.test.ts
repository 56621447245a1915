import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { SourceError } from "../../src/errors.ts";
import { finishBatch, takeBatch } from "../../src/store/batches.ts";
import { lookbackAge } from "../../src/store/clock.ts";
import { compareSlice } from "../../src/store/audits.ts";
import { classifySlice, markExtracted } from "../../src/store/classify.ts";
import { beginArchiveWalk, commitSlice } from "../../src/store/commit.ts";
import { planDoubts } from "../../src/store/doubts.ts";
import { planSlice } from "../../src/store/plan.ts";
import { getApi } from "../../src/source/jushuitan/index.ts";
import { fallBackToWindows } from "../../src/sync/fallback.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import { type Bench, ORDERS, row, stage, startBench } from "../support/pipeline.ts";
import { sliceTools } from "../support/slices.ts";

let bench: Bench;
afterEach(() => bench.store.close());

const LOOKBACK = 600_000;

const { context, extracted } = sliceTools(() => bench);
const sender = (activityId = "1") => ({ token: bench.token, activityId, attempt: 1 });

test("without a completed sweep, the windows of a fallback begin before the version walk did", async () => {
  bench = await startBench({ source: { cursor: "auto", lookbackMs: LOOKBACK } });
  await sql`update stream set started_at = clock_timestamp() - interval '3 hours', checkpoint_version = 900,
    checkpoint_modified = extract(epoch from clock_timestamp() - interval '1 minute') * 1000`.execute(bench.store.db);
  const slice = await bench.slice({ kind: "version", fromVersion: "900" });
  await fallBackToWindows(bench.store, slice, bench.pipeline, new SourceError("walk", "TM_VERSION_ORDER", "x"));
  expect((await sql`select checkpoint_at <= started_at as before from stream`.execute(bench.store.db)).rows).toEqual([{ before: true }]);
});

test("a fallback before the archive was walked by version leaves it to windows from the platform's beginning", async () => {
  bench = await startBench({ source: { cursor: "auto" } });
  await bench.store.transaction((tx) => beginArchiveWalk(tx, bench.stream.id));
  await sql`update stream set checkpoint_version = 900, checkpoint_modified = extract(epoch from clock_timestamp()) * 1000`.execute(bench.store.db);
  const slice = await bench.slice({ kind: "version", fromVersion: "900" });
  await fallBackToWindows(bench.store, slice, bench.pipeline, new SourceError("walk", "TM_VERSION_ORDER", "x"));
  const { rows } = await sql`
    select purpose, archive, from_at = '2014-01-01T00:00:00Z'::timestamptz as old, to_at = (select started_at from stream) as "toStart" from load_range`.execute(bench.store.db);
  expect(rows).toEqual([{ purpose: "initial", archive: true, old: true, toStart: true }]);
});

test("two records with one id are both quarantined, also when the first is being sent", async () => {
  bench = await startBench({ mapping: { id: "so_id" } });
  await bench.lane("backfill", "b");
  const first = await extracted([row("1", 5, { targetId: "A" })], "1", "backfill");
  await transformSlice(context(first), 1);
  const second = await extracted([row("2", 6, { targetId: "A" })]);
  await transformSlice(context(second), 1);
  const batch = await takeBatch(bench.store, first, sender(), bench.pipeline.target);
  if (batch !== null) await finishBatch(bench.store, first, batch, sender(), { loaded: ["A"], refused: [] });
  const { rows } = await sql<{ id: string }>`select source_id as id from quarantine where state = 'open' order by 1`.execute(bench.store.db);
  expect(rows.map(({ id }) => id)).toEqual(["1", "2"]);
});

test("a window inside the lookback by the source's clock proves nothing", async () => {
  bench = await startBench({ source: { cursor: "window", lookbackMs: LOOKBACK, settleMs: 0 } });
  await sql`insert into account (name, clock_offset_ms) values ('main', -50000) on conflict (name) do update set clock_offset_ms = -50000`.execute(bench.store.db);
  const second = Math.floor(Date.now() / 1000) * 1000;
  await sql`update stream set cursor = 'window', proven_at = to_timestamp(${(second - LOOKBACK - 50_000) / 1000})`.execute(bench.store.db);
  // By the source's clock the lookback began at second - 50 s - LOOKBACK: this window lies inside it.
  const slice = await bench.slice({ kind: "window", fromAt: second - LOOKBACK - 50_000, toAt: second - LOOKBACK - 20_000 }, "sweep");
  await stage(bench, slice, [], { lastVersion: null, fromVersion: null, total: 0 });
  await markExtracted(bench.store, slice, {});
  await transformSlice(context(slice), 1);
  await commitSlice(bench.store, slice, await lookbackAge(bench.store.db, "main", LOOKBACK));
  const { rows } = await sql<{ at: Date }>`select proven_at as at from stream`.execute(bench.store.db);
  expect(rows[0]!.at.getTime()).toBe(second - LOOKBACK - 50_000);
});

test("two frozen senders of one id: the report of one does not end the wait for the other", async () => {
  bench = await startBench({ target: { zombieAfterMs: 60_000 } });
  await bench.lane("backfill", "b");
  const frozen = async (version: number) => {
    const slice = await extracted([row("1", version)], "1", "backfill");
    await transformSlice(context(slice), 1);
    const batch = (await takeBatch(bench.store, slice, sender(`z${version}`), bench.pipeline.target))!;
    await sql`update batch set lease_until = clock_timestamp() - interval '1 s' where id = ${batch.id}`.execute(bench.store.db);
    await sql`update record set claim_until = clock_timestamp() - interval '1 s'`.execute(bench.store.db);
    return { slice, batch, version };
  };
  const a = await frozen(5);
  await frozen(6);
  const newest = await extracted([row("1", 8, { modifiedMs: Date.now() - 60_000 })]);
  await transformSlice(context(newest), 1);
  const batch = (await takeBatch(bench.store, newest, sender(), bench.pipeline.target))!;
  await finishBatch(bench.store, newest, batch, sender(), { loaded: ["1"], refused: [] });
  await commitSlice(bench.store, newest, 0);
  // The first one wakes up and reports; its report is dealt with.
  await finishBatch(bench.store, a.slice, a.batch, sender("z5"), { loaded: ["1"], refused: [] });
  await bench.store.transaction((tx) => planDoubts(tx, bench.stream.id, Date.now(), false));
  await sql`update load_range set state = 'done'`.execute(bench.store.db);
  await sql`delete from doubt d using load_range r where r.id = d.range_id and r.state = 'done'`.execute(bench.store.db);
  // The second one may still be under way for a minute.
  expect((await sql`select id from doubt`.execute(bench.store.db)).rows).toEqual([{ id: "1" }]);
});

test("two frozen attempts of one activity: the report of one says nothing of the request of the other", async () => {
  bench = await startBench({ target: { zombieAfterMs: 60_000 } });
  const slice = await extracted([row("1", 5)]);
  await transformSlice(context(slice), 1);
  const attempt = (attempt: number) => ({ ...sender(), attempt });
  const take = async (as: number) => (await takeBatch(bench.store, slice, attempt(as), bench.pipeline.target))!;
  const batch = await take(1);
  await take(2);
  await take(3);
  await finishBatch(bench.store, slice, batch, attempt(1), { loaded: ["1"], refused: [] });
  const { rows } = await sql`select split_part(sender, '/', 3) as attempt, due_at <= clock_timestamp() as due from doubt order by 1`.execute(bench.store.db);
  expect(rows).toEqual([{ attempt: "1", due: true }, { attempt: "2", due: false }]);
});

test("an audit that was ended while it repaired blocks no later audit: its slice goes on to be loaded", async () => {
  bench = await startBench();
  const slice = await bench.slice({ kind: "window", fromAt: 0, toAt: 1000 }, "audit");
  await stage(bench, slice, [row("1", 5)], { lastVersion: null, fromVersion: null, total: 1 });
  await markExtracted(bench.store, slice, {});
  await classifySlice(bench.store, slice, 1, false);
  expect(await compareSlice(bench.store, slice, 1)).toBe(true);
  await sql`update slice set state = 'dropped' where id = ${slice.id}`.execute(bench.store.db);
  // Asked again after its answer was lost: a slice that was only compared is dropped by then.
  expect(await compareSlice(bench.store, slice, 1)).toBe(false);
  await expect(compareSlice(bench.store, { ...slice, token: "999999" }, 1)).rejects.toMatchObject({ code: "TM_LEASE_LOST" });
});

test("where another attempt staged the page, its end counts, not that of the answer in hand", async () => {
  bench = await startBench();
  const slice = await bench.slice({ kind: "version", fromVersion: "1" });
  await stage(bench, slice, [row("1", 5)], { isLast: false, reachedEnd: false });
  await stage(bench, slice, [], { isLast: true, reachedEnd: true });
  const { rows } = await sql`select reached_end as reached from slice`.execute(bench.store.db);
  expect(rows).toEqual([{ reached: false }]);
});

test("what a dropped version slice may still be sending stays doubtful for zombieAfter", async () => {
  bench = await startBench({ source: { cursor: "auto" }, target: { zombieAfterMs: 60_000 } });
  const older = await extracted([row("1", 5)]);
  await transformSlice(context(older), 1);
  const batch = (await takeBatch(bench.store, older, sender(), bench.pipeline.target))!;
  await finishBatch(bench.store, older, batch, sender(), { loaded: ["1"], refused: [] });
  await commitSlice(bench.store, older, 0);
  const slice = await extracted([row("1", 8)], "5");
  await transformSlice(context(slice), 1);
  await takeBatch(bench.store, slice, sender(), bench.pipeline.target);
  await fallBackToWindows(bench.store, slice, bench.pipeline, new SourceError("walk", "TM_VERSION_ORDER", "x"));
  await bench.store.transaction((tx) => planDoubts(tx, bench.stream.id, Date.now(), false));
  expect((await sql`select id from doubt`.execute(bench.store.db)).rows).toEqual([{ id: "1" }]);
});

test("a sweep's slice that was dropped is read again: the slice behind it does not move the sweep past it", async () => {
  bench = await startBench({ source: { sweepEveryMs: 1 } });
  await sql`update stream set checkpoint_version = 900, head_read_at = clock_timestamp(), started_at = clock_timestamp() - interval '1 hour'`.execute(bench.store.db);
  const plan = (busy: string | null) => planSlice(bench.store, {
    streamId: bench.stream.id, lane: "forward", token: bench.token, source: bench.pipeline.source, api: getApi(ORDERS), headRead: true, busy,
  });
  const first = (await plan(null))!;
  await stage(bench, first, [], { lastVersion: "300", fromVersion: "7", reachedEnd: false });
  await markExtracted(bench.store, first, { endVersion: "300" });
  await transformSlice(context(first), 1);
  const second = (await plan(first.id))!;
  await stage(bench, second, [], { lastVersion: "950", reachedEnd: false });
  await markExtracted(bench.store, second, { endVersion: "950" });
  expect((await commitSlice(bench.store, first, 0)).state).toBe("dropped");
  await transformSlice(context(second), 1);
  await commitSlice(bench.store, second, 0);
  const { rows } = await sql`select next_version::text as next, completed_at as completed from sweep`.execute(bench.store.db);
  expect(rows).toEqual([{ next: "1", completed: null }]);
});
