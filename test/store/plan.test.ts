import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { getApi } from "../../src/source/jushuitan/index.ts";
import { startStream } from "../../src/store/commit.ts";
import { planSlice } from "../../src/store/plan.ts";
import { addRange } from "../../src/store/ranges.ts";
import type { Slice } from "../../src/store/slices.ts";
import { type Bench, ORDERS, startBench } from "../support/pipeline.ts";

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
  await addRange(bench.store.db, { streamId: bench.stream.id, purpose: "backfill", fromAt: from, toAt: to, requestId: "r", archiveToo: true });
  await addRange(bench.store.db, { streamId: bench.stream.id, purpose: "backfill", fromAt: from, toAt: to, requestId: "r", archiveToo: true });
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

test("a stream is laid out once", async () => {
  bench = await startBench();
  expect(await startStream(bench.store.db, bench.stream.id, { startedAt: 1, firstVersion: "7", windowsFrom: null, provenAt: null })).toBe(false);
});
