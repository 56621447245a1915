import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { watchRun } from "../../src/ops/run-view.ts";
import { Random } from "../../src/simulator/random.ts";
import { getApi } from "../../src/source/jushuitan/index.ts";
import { planSlice } from "../../src/store/plan.ts";
import { finishRanges } from "../../src/store/ranges.ts";
import { addRequest, cancelRequest, moveRequest, type Place, verifiedWithin } from "../../src/store/requests.ts";
import type { Slice } from "../../src/store/slices.ts";
import { backfillLeft, backfillStatus } from "../../src/sync/requests.ts";
import { type Bench, ORDERS, startBench, TEST_KEY } from "../support/pipeline.ts";

const DAY = 86_400_000;
/** Day 0 of these tests. */
const START = Math.floor(Date.now() / DAY - 400) * DAY;
const AGE = 600_000;

let bench: Bench;
let lane: { streamId: string; token: string };
beforeEach(async () => {
  bench = await startBench({ source: { lookbackMs: AGE, settleMs: 0 } });
  lane = { streamId: bench.stream.id, token: await bench.lane("backfill", "b") };
});
afterEach(() => bench.store.close());

const at = (day: number) => START + day * DAY;
const add = (requestId: string, from: number, to: number, more: { force?: boolean; settled?: number } = {}) => bench.store.transaction((tx) => addRequest(tx, lane.streamId, {
  requestId, asked: { from: at(from), to: at(to) }, settled: at(100), archiveToo: true, force: false, verifiedAgeMs: AGE, ...more,
}));
const cancel = (requestId: string) => bench.store.transaction((tx) => cancelRequest(tx, lane.streamId, requestId));
const move = (requestId: string, to: Place) => bench.store.transaction((tx) => moveRequest(tx, lane.streamId, requestId, to));
const status = async (requestId: string) => (await backfillStatus(bench.store.db, lane.streamId, requestId))[0]!;
const states = async () => Object.fromEntries((await backfillStatus(bench.store.db, lane.streamId)).map((one) => [one.requestId, one.state]));

/** Plans a slice, as the workflow does. */
const plan = () => planSlice(bench.store, planInput());
const planInput = () => ({ streamId: lane.streamId, lane: "backfill" as const, token: lane.token, source: bench.pipeline.source, api: getApi(ORDERS), headRead: false, busy: null });
/** As if the slice had been read and committed without finding anything. */
async function commit(slice: Slice): Promise<void> {
  await sql`update slice set state = 'committed', requests = 1 where id = ${slice.id}`.execute(bench.store.db);
  await bench.store.transaction((tx) => finishRanges(tx, lane.streamId));
}
/** Reads on. @returns what was read, in days, an archive in a list of its own */
async function read(most = Infinity): Promise<{ live: [number, number][]; archive: [number, number][] }> {
  const got = { live: [] as [number, number][], archive: [] as [number, number][] };
  for (let n = 0; n < most; n++) {
    const slice = await plan();
    if (slice === null) break;
    const [from, to] = [(slice.fromAt! - START) / DAY, (slice.toAt! - START) / DAY];
    const list = got[slice.archive ? "archive" : "live"];
    const last = list.at(-1);
    if (last !== undefined && last[1] === from) last[1] = to;
    else list.push([from, to]);
    await commit(slice);
  }
  return got;
}

test("what two requests want is read once, for both, archive included, and each is done when its own stretches are", async () => {
  await add("a", 0, 10);
  await add("b", 5, 15);
  await add("inside", 6, 8);
  expect(await read()).toEqual({ live: [[0, 15]], archive: [[0, 15]] });
  expect(await states()).toEqual({ a: "done", b: "done", inside: "done" });
  expect([(await status("a")).slices, (await status("b")).slices, (await status("inside")).slices].every((slices) => slices > 0)).toBe(true);
});

test("a stretch that was read before a range was asked for is read again, the rest is not", async () => {
  await add("a", 0, 10);
  const before = await read(1);
  const reached = before.live[0]![1];
  expect(reached).toBeGreaterThan(0);
  expect(reached).toBeLessThan(10);
  await add("b", 0, 10);
  const { live } = await read();
  expect(live.reduce((sum, [from, to]) => sum + to - from, 0)).toBe(10);
  expect(Math.min(...live.map(([from]) => from))).toBe(0);
  expect(await states()).toEqual({ a: "done", b: "done" });
});

test("cancelling a range leaves what another one still wants, and ends the rest", async () => {
  await add("a", 0, 10);
  await add("b", 4, 6);
  expect(await cancel("a")).toBe(true);
  expect(await cancel("a")).toBe(false);
  expect(await read()).toEqual({ live: [[4, 6]], archive: [[4, 6]] });
  expect(await states()).toEqual({ a: "cancelled", b: "done" });
});

test("slices of a cancelled range that were not read yet are dropped, those under way are not", async () => {
  await add("a", 0, 10);
  const [under, waiting] = [(await plan())!, (await planSlice(bench.store, { ...planInput(), busy: (await plan())!.id }))!];
  await sql`update slice set state = 'classified' where id = ${under.id}`.execute(bench.store.db);
  await cancel("a");
  const { rows } = await sql<{ id: string; state: string }>`select id::text, state from slice order by id`.execute(bench.store.db);
  expect(rows).toEqual([{ id: under.id, state: "classified" }, { id: waiting.id, state: "dropped" }]);
  await commit(under);
  expect(await plan()).toBeNull();
});

test("the order is that of asking, until a range is moved; the next slice follows it", async () => {
  await add("a", 20, 21);
  await add("b", 30, 31);
  await add("c", 40, 41);
  const first = async () => ((await backfillStatus(bench.store.db, lane.streamId))[0]!).requestId;
  expect(await first()).toBe("a");
  expect(await move("c", "first")).toBe(true);
  expect(await first()).toBe("c");
  expect(await move("a", "last")).toBe(true);
  expect((await backfillStatus(bench.store.db, lane.streamId)).map((one) => [one.requestId, one.place])).toEqual([["c", 1], ["b", 2], ["a", 3]]);
  expect(await move("a", { before: "b" })).toBe(true);
  expect(await move("a", { before: "nobody" })).toBe(false);
  expect(await move("nobody", "first")).toBe(false);
  expect((await read()).live).toEqual([[40, 41], [20, 21], [30, 31]]);
  expect(await move("a", "first")).toBe(false);
});

test("a request id names one range: again it changes nothing, for another range it is refused", async () => {
  await add("a", 0, 10);
  await add("a", 0, 10, { settled: at(101) });
  expect(await backfillStatus(bench.store.db, lane.streamId)).toHaveLength(1);
  await expect(add("a", 0, 11)).rejects.toMatchObject({ code: "TM_RANGE_INVALID" });
});

test("what is newer than the settle delay is left to forward runs", async () => {
  await add("a", 0, 10, { settled: at(4) });
  await add("b", 5, 10, { settled: at(4) });
  expect((await read()).live).toEqual([[0, 4]]);
  expect(await states()).toEqual({ a: "done", b: "done" });
});

test("how far each range is, and how much of all is left: shared time counts once", async () => {
  await add("a", 0, 10);
  await add("b", 0, 10);
  expect(await status("a")).toMatchObject({ state: "open", percent: 0, leftMs: 10 * DAY, recordsLeft: null, slices: 0 });
  const [[, reached]] = (await read(1)).live as [[number, number]];
  const [a, b] = [await status("a"), await status("b")];
  expect(a).toMatchObject({ percent: Math.floor(reached * 10), leftMs: (10 - reached) * DAY, requestsLeft: Math.round((10 - reached) / reached), slices: 1, requests: 1 });
  expect(b).toEqual({ ...a, requestId: "b", place: 2 });
  expect(await backfillLeft(bench.store.db, lane.streamId)).toEqual({ open: 2, leftMs: (10 - reached) * DAY });
  await read();
  expect(await status("a")).toMatchObject({ state: "done", percent: 100, leftMs: 0, place: null });
});

test("a slice that is only planned is not done: neither for its range, nor for all that is left, nor for the bar", async () => {
  await add("a", 0, 10);
  const view = watchRun({ config: bench.config, store: bench.store, key: TEST_KEY }, "orders", { requestId: "a" });
  const slices = [(await plan())!];
  const days = () => slices.reduce((sum, slice) => sum + (slice.toAt! - slice.fromAt!) / DAY, 0);
  expect(await status("a")).toMatchObject({ state: "open", percent: 0, leftMs: 10 * DAY, recordsLeft: null });
  expect(await view()).toMatchObject({ share: 0, leftMs: 10 * DAY });
  await commit(slices[0]!);
  const reached = days();
  expect(reached).toBeLessThan(10);
  // One is loaded, one is read: all that is left.
  slices.push((await plan())!);
  slices.push((await planSlice(bench.store, { ...planInput(), busy: slices[1]!.id }))!);
  expect(days()).toBe(10);
  expect(await status("a")).toMatchObject({ percent: Math.floor(reached * 10), leftMs: (10 - reached) * DAY, requestsLeft: Math.round((10 - reached) / reached) });
  expect(await view()).toMatchObject({ share: Math.floor(reached * 10) / 100, leftMs: (10 - reached) * DAY });
  expect((await backfillLeft(bench.store.db, lane.streamId)).leftMs).toBe((10 - reached) * DAY);
});

test("a cancelled range is neither done nor left: it stays at what was read of it, and nothing of it remains", async () => {
  await add("a", 0, 10);
  await add("b", 20, 30);
  const [[, reached]] = (await read(1)).live as [[number, number]];
  await plan();
  await cancel("a");
  expect(await status("a")).toMatchObject({ state: "cancelled", percent: Math.floor(reached * 10), leftMs: 0, recordsLeft: 0, requestsLeft: 0, slices: 1 });
  expect(await backfillLeft(bench.store.db, lane.streamId)).toEqual({ open: 2, leftMs: 10 * DAY });
  expect(await status("b")).toMatchObject({ place: 1, percent: 0, leftMs: 10 * DAY });
});

/** An audit that is done, with windows of days. */
async function audited(windows: [number, number, "count" | "ids" | "differs" | "unproven" | "comparing"][], options: { state?: "done" | "open"; at?: number } = {}): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    insert into audit (stream_id, request_id, from_at, to_at, by_ids, repair, state)
    values (${lane.streamId}, gen_random_uuid()::text, to_timestamp(0), clock_timestamp(), false, false, ${options.state ?? "done"}) returning id::text`.execute(bench.store.db);
  for (const [from, to, state] of windows) {
    const verified = state === "count" || state === "ids" ? sql`to_timestamp(${(options.at ?? at(90)) / 1000}::float8)` : sql`null`;
    await sql`
      insert into audit_window (audit_id, from_at, to_at, source, source_again, indexed, state, verified_at)
      values (${rows[0]!.id}, to_timestamp(${at(from) / 1000}::float8), to_timestamp(${at(to) / 1000}::float8), 1, 1, 1, ${state}, ${verified})`.execute(bench.store.db);
  }
}

test("what an audit verified is not read again, unless it is asked for by force", async () => {
  await audited([[0, 5, "count"], [5, 8, "differs"], [8, 12, "ids"], [12, 15, "unproven"]]);
  await add("a", 2, 14);
  const iso = (day: number) => new Date(at(day)).toISOString().replace(".000", "");
  expect(await status("a")).toMatchObject({ percent: 58, leftMs: 5 * DAY });
  expect((await status("a")).skipped).toEqual([{ from: iso(2), to: iso(5) }, { from: iso(8), to: iso(12) }]);
  expect((await read()).live).toEqual([[5, 8], [12, 14]]);
  await add("all of it verified", 1, 4);
  expect(await status("all of it verified")).toMatchObject({ state: "done", percent: 100, slices: 0 });
  await add("by force", 1, 4, { force: true });
  expect((await read()).live).toEqual([[1, 4]]);
  expect((await status("by force")).skipped).toEqual([]);
});

test("only the latest word counts, of audits that ended, and only of time that was closed for longer than the lookback then", async () => {
  const skipped = async (from: number, to: number) => (await verifiedWithin(bench.store.db, lane.streamId, { from: at(from), to: at(to) }, AGE)).map((one) => [(one.from - START) / DAY, (one.to - START) / DAY]);
  await audited([[0, 5, "count"]], { state: "open" });
  expect(await skipped(0, 5)).toEqual([]);
  await audited([[0, 5, "count"], [5, 10, "ids"]]);
  expect(await skipped(0, 10)).toEqual([[0, 10]]);
  await audited([[4, 6, "comparing"]], { state: "open" });
  expect(await skipped(0, 10)).toEqual([]);
  await audited([[5, 10, "ids"]]);
  expect(await skipped(0, 10)).toEqual([[5, 10]]);
  await audited([[20, 30, "count"]], { at: at(30) });
  expect(await skipped(20, 30)).toEqual([[20, 30 - AGE / DAY]]);
});

test("whatever is asked for and cancelled in between: each range that stays is read wholly after it was asked for, its archive after that", async () => {
  for (let seed = 1; seed <= 8; seed++) {
    const random = new Random(seed);
    const asked: { requestId: string; from: number; to: number; slices: number }[] = [];
    const slices: Slice[] = [];
    const readSome = async (most: number) => {
      for (let n = 0, slice = await plan(); slice !== null && n < most; n++, slice = n < most ? await plan() : null) {
        slices.push(slice);
        await commit(slice);
      }
    };
    const base = (seed - 1) * 40;
    for (let step = 0; step < 20; step++) {
      const what = random.next();
      if (what < 0.5) {
        const from = base + random.below(25);
        asked.push({ requestId: `${seed}-${step}`, from, to: from + 1 + random.below(8), slices: slices.length });
        await add(asked.at(-1)!.requestId, from, asked.at(-1)!.to, { settled: at(1_000) });
      } else if (what < 0.65 && asked.length > 0) {
        const [one] = asked.splice(random.below(asked.length), 1);
        await cancel(one!.requestId);
      } else if (what < 0.75 && asked.length > 1) {
        await move(asked[random.below(asked.length)]!.requestId, random.next() < 0.5 ? "first" : { before: asked[0]!.requestId });
      } else {
        await readSome(1 + random.below(3));
      }
    }
    await readSome(Infinity);
    for (const { requestId, from, to, slices: before } of asked) {
      expect((await status(requestId)).state).toBe("done");
      const covers = (slice: Slice, noon: number) => slice.fromAt! <= noon && noon <= slice.toAt!;
      for (let day = from; day < to; day++) {
        const noon = at(day + 0.5);
        const live = slices.findIndex((slice, n) => n >= before && !slice.archive && covers(slice, noon));
        expect([requestId, day, live >= before]).toEqual([requestId, day, true]);
        expect([requestId, day, slices.some((slice, n) => n > live && slice.archive && covers(slice, noon))]).toEqual([requestId, day, true]);
      }
    }
  }
}, 120_000);
