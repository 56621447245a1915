import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { getApi } from "../../src/source/jushuitan/index.ts";
import { markExtracted } from "../../src/store/classify.ts";
import { commitSlice, startStream } from "../../src/store/commit.ts";
import { acquireLease, releaseLease, touchLease } from "../../src/store/leases.ts";
import { planSlice } from "../../src/store/plan.ts";
import { addRange } from "../../src/store/ranges.ts";
import type { Slice } from "../../src/store/slices.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import { type Bench, ORDERS, row, sliceContext, stage, startBench } from "../support/pipeline.ts";

let bench: Bench;
afterEach(() => bench.store.close());

const DAY = 86_400_000;
const LOOKBACK = 600_000;

const plan = (lane: "forward" | "backfill", token: string) => planSlice(bench.store, {
  streamId: bench.stream.id, lane, token, source: bench.pipeline.source, api: getApi(ORDERS), headRead: false, busy: null,
});
/** As if the slice had been read and committed without finding anything. */
const commit = (slice: Slice) => sql`update slice set state = 'committed' where id = ${slice.id}`.execute(bench.store.db);

test("the windows of a range cover it without a gap, share their borders, and none spans the beginning of the lookback", async () => {
  bench = await startBench({ source: { lookbackMs: LOOKBACK, settleMs: 0 } });
  const token = await bench.lane("backfill", "b");
  const to = Math.floor(Date.now() / 1000) * 1000 - 1_000;
  const from = to - 40 * DAY;
  await addRange(bench.store.db, { streamId: bench.stream.id, purpose: "backfill", fromAt: from, toAt: to, archiveToo: true });
  const slices: Slice[] = [];
  for (let slice = await plan("backfill", token); slice !== null; slice = await plan("backfill", token)) {
    slices.push(slice);
    await commit(slice);
  }
  for (const archive of [false, true]) {
    const windows = slices.filter((slice) => slice.archive === archive);
    expect([windows[0]!.fromAt, windows.at(-1)!.toAt]).toEqual([from, to]);
    windows.slice(1).forEach((window, i) => expect(window.fromAt).toBe(windows[i]!.toAt));
    for (const { fromAt, toAt } of windows) {
      expect(toAt! - fromAt!).toBeLessThanOrEqual(7 * DAY - 60_000);
      const border = Date.now() - LOOKBACK;
      expect(fromAt! < border - 2_000 && toAt! > border + 2_000).toBe(false);
    }
  }
  expect(slices.findIndex((slice) => slice.archive)).toBe(slices.filter((slice) => !slice.archive).length);
});

test("a slice keeps what it was made with when settings change", async () => {
  bench = await startBench({ source: { pageSize: 50, params: { shop_id: 1 } } });
  const first = (await plan("forward", bench.token))!;
  bench.pipeline.source.pageSize = 100;
  bench.pipeline.source.params = {};
  expect(await plan("forward", bench.token)).toMatchObject({ id: first.id, pageSize: 50, params: { shop_id: 1 } });
});

test("an older owner's slices come first, under the new token; the older owner is refused", async () => {
  bench = await startBench();
  const first = (await plan("forward", bench.token))!;
  await sql`update lease set until = clock_timestamp()`.execute(bench.store.db);
  const token = await bench.lane("forward", "another");
  expect(BigInt(token)).toBeGreaterThan(BigInt(bench.token));
  expect(await plan("forward", token)).toMatchObject({ id: first.id, token });
  await expect(plan("forward", bench.token)).rejects.toMatchObject({ code: "TM_LEASE_LOST" });
});

test("a sweep begins at the highest pair saved before the previous sweep less the lookback, never at now less the lookback", async () => {
  bench = await startBench({ source: { lookbackMs: LOOKBACK, sweepEveryMs: 1 } });
  await sql`update stream set checkpoint_version = 900, head_read_at = clock_timestamp(), started_at = clock_timestamp() - interval '9 hours'`.execute(bench.store.db);
  await sql`
    insert into pair (stream_id, at, version) select ${bench.stream.id}, clock_timestamp() - minutes * interval '1 minute', version
    from (values (300, 100), (195, 200), (185, 300), (20, 800)) as p(minutes, version)`.execute(bench.store.db);
  await sql`
    insert into sweep (stream_id, started_at, completed_at, from_version, to_version, next_version)
    values (${bench.stream.id}, clock_timestamp() - interval '3 hours', clock_timestamp() - interval '2 hours', 1, 250, 250)`.execute(bench.store.db);
  const sweep = await planSlice(bench.store, {
    streamId: bench.stream.id, lane: "forward", token: bench.token, source: bench.pipeline.source, api: getApi(ORDERS), headRead: true, busy: null,
  });
  expect(sweep).toMatchObject({ purpose: "sweep", fromVersion: "200", toVersion: "900" });
});

test("a lane is one run's until its lease ran out; the same run gets its token back, another one a higher token", async () => {
  bench = await startBench();
  const take = (owner: string) => acquireLease(bench.store, bench.stream.id, "forward", owner, 60_000);
  expect(await take("test")).toEqual({ held: true, token: bench.token });
  expect(await take("another")).toEqual({ held: false, owner: "test", waitMs: expect.any(Number) as number });
  expect(await touchLease(bench.store.db, bench.stream.id, "forward", bench.token, 60_000)).toBe(true);
  await releaseLease(bench.store.db, bench.stream.id, "forward", bench.token);
  const next = await take("another");
  expect(next.held && BigInt(next.token) > BigInt(bench.token)).toBe(true);
  expect(await touchLease(bench.store.db, bench.stream.id, "forward", bench.token, 60_000)).toBe(false);
});

test("a stream is laid out once", async () => {
  bench = await startBench();
  expect(await startStream(bench.store.db, bench.stream.id, { startedAt: 1, firstVersion: "7", windowsFrom: null, provenAt: null })).toBe(false);
});

const planForward = (headRead = true) => planSlice(bench.store, {
  streamId: bench.stream.id, lane: "forward", token: bench.token, source: bench.pipeline.source, api: getApi(ORDERS), headRead, busy: null,
});

test("the head comes before other leftovers, ranges and sweeps", async () => {
  bench = await startBench({ source: { sweepEveryMs: 1 } });
  await sql`update stream set checkpoint_version = 900, started_at = clock_timestamp() - interval '1 hour'`.execute(bench.store.db);
  const leftover = await bench.slice({ kind: "window", fromAt: 0, toAt: 1_000 }, "initial");
  await addRange(bench.store.db, { streamId: bench.stream.id, purpose: "initial", fromAt: 0, toAt: 1_000 });
  expect(await planForward(false)).toMatchObject({ purpose: "forward", fromVersion: "900" });
  await sql`update slice set state = 'committed' where purpose = 'forward'`.execute(bench.store.db);
  const rest: string[] = [];
  for (let slice = await planForward(); slice !== null; slice = await planForward()) {
    rest.push(slice.id === leftover.id ? "leftover" : slice.purpose);
    await commit(slice);
    if (slice.purpose === "sweep") await sql`update sweep set completed_at = clock_timestamp()`.execute(bench.store.db);
  }
  expect(rest).toEqual(["leftover", "initial", "sweep"]);
});

test("the oldest slice that is not committed comes first, windows in the order of their time", async () => {
  bench = await startBench({ source: { sweepEveryMs: 3_600_000 } });
  const version = (fromVersion: string) => bench.slice({ kind: "version", fromVersion }, "sweep");
  const window = (fromAt: number) => bench.slice({ kind: "window", fromAt, toAt: fromAt + 1_000 }, "initial");
  const made = [await version("9"), await version("5"), await window(2_000), await window(1_000)];
  const given: string[] = [];
  for (let slice = await planForward(); slice !== null; slice = await planForward()) {
    given.push(slice.id);
    await commit(slice);
  }
  expect(given).toEqual([0, 1, 3, 2].map((i) => made[i]!.id));
});

test("a sweep comes once sweepEvery has passed since the last one began, one a run", async () => {
  bench = await startBench({ source: { sweepEveryMs: 3_600_000 } });
  await sql`update stream set checkpoint_version = 900, head_read_at = clock_timestamp(), started_at = clock_timestamp() - interval '59 minutes'`.execute(bench.store.db);
  expect(await planForward()).toBeNull();
  await sql`update stream set started_at = clock_timestamp() - interval '61 minutes'`.execute(bench.store.db);
  const sweep = (await planForward())!;
  expect(sweep).toMatchObject({ purpose: "sweep", fromVersion: "1", toVersion: "900" });
  await commit(sweep);
  bench.pipeline.source.sweepEveryMs = 0;
  await sql`update sweep set completed_at = clock_timestamp(), started_at = clock_timestamp()`.execute(bench.store.db);
  expect(await planForward()).toBeNull();
});

test("a sweep goes on from where its last slice ended, and is complete only at its end", async () => {
  bench = await startBench({ source: { sweepEveryMs: 1 } });
  await sql`update stream set checkpoint_version = 900, head_read_at = clock_timestamp(), started_at = clock_timestamp() - interval '1 hour'`.execute(bench.store.db);
  const completed = async () => (await sql<{ at: Date | null }>`select completed_at as at from sweep`.execute(bench.store.db)).rows[0]!.at;
  const read = async (endVersion: string) => {
    const slice = (await planForward())!;
    await stage(bench, slice, [row("", 1, { id: null, sourceId: "no-id:x", targetId: "no-id:x", raw: "{}" })], { reachedEnd: false, lastVersion: endVersion });
    await markExtracted(bench.store, slice, { endVersion });
    await transformSlice(sliceContext(bench, slice), 1);
    expect((await commitSlice(bench.store, slice, 0)).state).toBe("committed");
    return [slice.fromVersion, slice.toVersion];
  };
  expect(await read("300")).toEqual(["1", "900"]);
  expect(await completed()).toBeNull();
  expect(await read("901")).toEqual(["300", "900"]);
  expect(await completed()).not.toBeNull();
  // The checkpoint is no sweep's business.
  expect((await sql`select checkpoint_version::text as version from stream`.execute(bench.store.db)).rows).toEqual([{ version: "900" }]);
});

test("a page notes the highest version seen and the moment, by Postgres's clock", async () => {
  bench = await startBench();
  const now = async () => (await sql<{ now: Date }>`select clock_timestamp() as now`.execute(bench.store.db)).rows[0]!.now.getTime();
  const before = await now();
  await stage(bench, await bench.slice({ kind: "version", fromVersion: "1" }), [row("1", 5), row("2", 9)]);
  const { rows } = await sql<{ at: Date; version: string }>`select at, version::text from pair`.execute(bench.store.db);
  expect(rows.map(({ version }) => version)).toEqual(["9"]);
  expect(rows[0]!.at.getTime()).toBeGreaterThanOrEqual(before);
  expect(rows[0]!.at.getTime()).toBeLessThanOrEqual(await now());
});

test("a pair that a later sweep may begin at outlives the sweeps before it", async () => {
  bench = await startBench({ source: { lookbackMs: LOOKBACK, sweepEveryMs: 1 } });
  await sql`update stream set checkpoint_version = 900, head_read_at = clock_timestamp(), started_at = clock_timestamp() - interval '9 hours'`.execute(bench.store.db);
  await sql`
    insert into pair (stream_id, at, version) select ${bench.stream.id}, clock_timestamp() - minutes * interval '1 minute', version
    from (values (300, 100), (195, 200), (100, 300)) as p(minutes, version)`.execute(bench.store.db);
  await sql`
    insert into sweep (stream_id, started_at, completed_at, from_version, to_version, next_version)
    values (${bench.stream.id}, clock_timestamp() - interval '3 hours', clock_timestamp() - interval '2 hours', 1, 250, 250)`.execute(bench.store.db);
  expect(await planForward()).toMatchObject({ purpose: "sweep", fromVersion: "200" });
  expect((await sql`select version::text from pair order by version`.execute(bench.store.db)).rows).toEqual([{ version: "200" }, { version: "300" }]);
});

/** All windows of a backfill from a day ago until an hour ahead of what is settled. */
async function windowsUntilNow(offsetMs: number, settleMs: number): Promise<{ windows: Slice[]; now: number }> {
  bench = await startBench({ source: { lookbackMs: LOOKBACK, settleMs } });
  await sql`insert into account (name, clock_offset_ms) values ('main', ${offsetMs}) on conflict (name) do update set clock_offset_ms = excluded.clock_offset_ms`.execute(bench.store.db);
  const token = await bench.lane("backfill", "b");
  const now = Date.now();
  await addRange(bench.store.db, { streamId: bench.stream.id, purpose: "backfill", fromAt: now - (now % 1_000) - DAY, toAt: now - (now % 1_000) + 3_600_000 });
  const windows: Slice[] = [];
  for (let slice = await plan("backfill", token); slice !== null && windows.length < 9; slice = await plan("backfill", token)) {
    windows.push(slice);
    await commit(slice);
  }
  return { windows, now };
}

test.each([[-900_000, -900_000], [900_000, 0]])("with a source's clock %i ms off, windows end the settle delay before the earlier clock", async (offset, earlier) => {
  const { windows, now } = await windowsUntilNow(offset, 60_000);
  expect(windows.at(-1)!.toAt).toBeGreaterThan(now + earlier - 62_000);
  expect(windows.at(-1)!.toAt).toBeLessThanOrEqual(Date.now() + earlier - 60_000);
});

test.each([[900_000, 900_000], [-900_000, 1_800_000], [50_000, 0]])("a source's clock %i ms off puts the lookback's beginning %i ms further back", async (offset, further) => {
  const { windows, now } = await windowsUntilNow(offset, 0);
  const border = now - LOOKBACK - further;
  const nearest = windows.map(({ toAt }) => toAt! - border).toSorted((a, b) => Math.abs(a) - Math.abs(b))[0]!;
  expect(nearest).toBeGreaterThan(-1_001);
  expect(nearest).toBeLessThanOrEqual(Date.now() - now);
  expect(windows.length).toBeGreaterThan(1);
});

test("by windows, the checkpoint moves only from where it stands; what aged past the lookback is proven, and a sweep reads the rest of it once more", async () => {
  bench = await startBench({ source: { cursor: "window", lookbackMs: LOOKBACK, sweepEveryMs: 1, settleMs: 0 } });
  const second = Math.floor(Date.now() / 1000) * 1000;
  const at = (ms: number) => sql`to_timestamp(${(second + ms) / 1000})`;
  await sql`update stream set cursor = 'window', checkpoint_at = ${at(-1_000)}, proven_at = ${at(-4 * LOOKBACK)}, head_read_at = clock_timestamp(),
    started_at = clock_timestamp() - interval '9 hours'`.execute(bench.store.db);
  const proven = async () => (await sql<{ at: Date }>`select proven_at as at from stream`.execute(bench.store.db)).rows[0]!.at.getTime();
  const read = async (slice: Slice) => {
    await stage(bench, slice, [], { lastVersion: null, fromVersion: null, total: 0 });
    await markExtracted(bench.store, slice, {});
    await transformSlice(sliceContext(bench, slice), 1);
    await commitSlice(bench.store, slice, LOOKBACK);
  };
  // Only from where the checkpoint stands does it move.
  for (const [fromAt, state] of [[-2_000, "dropped"], [-1_000, "committed"], [-1_000, "dropped"]] as const) {
    const slice = await bench.slice({ kind: "window", fromAt: second + fromAt, toAt: second });
    await read(slice);
    expect((await sql`select state from slice where id = ${slice.id}`.execute(bench.store.db)).rows).toEqual([{ state }]);
  }
  // Behind a gap, and within the lookback: neither proves anything.
  await read(await bench.slice({ kind: "window", fromAt: second - 3 * LOOKBACK, toAt: second - 2 * LOOKBACK }, "sweep"));
  await read(await bench.slice({ kind: "window", fromAt: second - 4 * LOOKBACK, toAt: second - LOOKBACK / 2 }, "sweep"));
  expect(await proven()).toBe(second - 4 * LOOKBACK);
  const sweep = (await planForward())!;
  expect(sweep).toMatchObject({ purpose: "sweep", fromAt: second - 4 * LOOKBACK });
  expect(sweep.toAt).toBeGreaterThanOrEqual(second - LOOKBACK);
  expect(sweep.toAt).toBeLessThanOrEqual(Date.now() - LOOKBACK);
  await read(sweep);
  expect(await proven()).toBe(sweep.toAt);
});
