import { sql } from "kysely";
import { afterEach, describe, expect, test } from "vitest";
import { coverage } from "../../src/ops/coverage.ts";
import { exportState, importInto, planChange } from "../../src/ops/state.ts";
import { pipelineStatus } from "../../src/ops/status.ts";
import { getApi } from "../../src/source/jushuitan/index.ts";
import { takeBatch } from "../../src/store/batches.ts";
import { commitSlice } from "../../src/store/commit.ts";
import { planSlice } from "../../src/store/plan.ts";
import { addRange } from "../../src/store/ranges.ts";
import type { StateDocument } from "../../src/store/state-document.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import { type Bench, ORDERS, row, startBench } from "../support/pipeline.ts";
import { sliceTools } from "../support/slices.ts";
import { stateTools } from "../support/state.ts";

let bench: Bench;
afterEach(() => bench.store.close());

const HOUR = 3_600_000;
const second = Math.floor(Date.now() / 1000) * 1000;
const LOOKBACK = 600_000;
const { context, extracted, sender } = sliceTools(() => bench);
const { services, get, set, rest, stream } = stateTools(() => bench);
const execute = (query: ReturnType<typeof sql>) => query.execute(bench.store.db);
const plan = (token: string, headRead = false) => planSlice(bench.store, {
  streamId: bench.stream.id, lane: "forward", token, source: bench.pipeline.source, api: getApi(ORDERS), headRead, busy: null,
});
/** A record every hour, versions 100, 200, …: read up to the checkpoint, seen up to the last pair. */
async function walked({ checkpoint = 500, seen = 900 } = {}) {
  bench = await startBench({ source: { lookbackMs: LOOKBACK, sweepEveryMs: 1 } });
  await rest();
  await execute(sql`update stream set started_at = ${new Date(second - 20 * HOUR)}, checkpoint_version = ${checkpoint}, head_read_at = clock_timestamp(),
    checkpoint_modified = ${second - (10 - checkpoint / 100) * HOUR}`);
  await execute(sql`insert into record (stream_id, id, source_id, held, version, modified)
    select ${bench.stream.id}, v, v, 'loaded', v, ${second - 10 * HOUR}::bigint + v * 36000 from generate_series(100, ${checkpoint}::int, 100) v`);
  await execute(sql`insert into pair (stream_id, at, version)
    select ${bench.stream.id}, to_timestamp((${second - 10 * HOUR}::float8 + v * 36000) / 1000), v from generate_series(100, ${seen}::int, 100) v`);
}

describe("a checkpoint that is set back", () => {
  test("drops what was planned from the old one, keeps what may be on its way in mind, and is where the next run begins", async () => {
    await walked();
    const token = await bench.lane("forward", "a run that died");
    bench.token = token;
    const slice = await extracted([row("700", 700)], "500");
    await transformSlice(context(slice), 1);
    await takeBatch(bench.store, slice, sender(), bench.pipeline.target);
    await execute(sql`update lease set until = clock_timestamp()`);
    await set({ checkpoint: "200" });
    expect(await stream()).toMatchObject({ version: "200", head: null });
    expect((await execute(sql`select state, (select count(*)::int from record where batch_id is not null) as claims, (select count(*)::int from batch) as batches,
      (select array_agg(id) from doubt) as doubts from slice`)).rows).toEqual([{ state: "dropped", claims: 0, batches: 0, doubts: ["700"] }]);
    // Whatever wakes up of that run has nothing any more.
    await expect(commitSlice(bench.store, slice, 0)).rejects.toMatchObject({ code: "TM_LEASE_LOST" });
    expect(await plan(await bench.lane("forward", "next"))).toMatchObject({ purpose: "forward", fromVersion: "200" });
  });

  test("moves back in that transaction only: the database refuses it afterwards as before", async () => {
    await walked();
    await set({ checkpoint: "400" });
    await expect(execute(sql`update stream set checkpoint_version = 300`)).rejects.toThrow("checkpoint_keeps");
    await expect(bench.store.transaction(async (tx) => {
      await sql`select set_config('tidemark.move_checkpoint', '0', true)`.execute(tx);
      await sql`update stream set checkpoint_version = 300`.execute(tx);
    })).rejects.toThrow("checkpoint_keeps");
  });

  test("tells before what is read again", async () => {
    await walked();
    const { effect } = await planChange(services(), "orders", { checkpoint: "200" });
    expect(effect).toMatchObject({ gaps: [], checkpoint: { direction: "back", from: "500", to: "200", records: 3, modifiedFrom: second - 7 * HOUR, modifiedTo: second - 5 * HOUR, requests: 2 } });
    expect((await stream())["version"]).toBe("500");
  });

  test("by a time begins at a pair saved a lookback before it, else below what the index holds since, else at the first version", async () => {
    await walked();
    const to = async (at: number) => (await planChange(services(), "orders", { checkpoint: at })).effect.checkpoint?.to;
    expect(await to(second - 7 * HOUR + LOOKBACK)).toBe("300");
    expect(await to(second - 7 * HOUR + LOOKBACK - 1)).toBe("200");
    await execute(sql`delete from pair`);
    expect(await to(second - 7 * HOUR + LOOKBACK)).toBe("299");
    await execute(sql`delete from record`);
    expect(await to(second - 7 * HOUR)).toBe("1");
  });
});

describe("a checkpoint that is set forward over unread time", () => {
  test("is refused, and nothing changes", async () => {
    await walked();
    const before = await get();
    await expect(set({ checkpoint: "800" })).rejects.toMatchObject({ code: "TM_STATE_GAP", fix: expect.stringContaining("--accept-gap") as string });
    await expect(set({ document: { ...before, checkpoint: { ...before.checkpoint, version: "501" } } })).rejects.toMatchObject({ code: "TM_STATE_GAP" });
    expect(await get()).toEqual(before);
  });

  test("with a reason leaves a gap that coverage and status show, wider than the versions on both sides, and that no sweep reads", async () => {
    await walked();
    await set({ checkpoint: "800" }, "bulk change of prices");
    const [gap] = (await pipelineStatus(bench.store, bench.config, "orders")).gaps;
    expect(gap).toMatchObject({ because: "bulk change of prices" });
    // What was unread began after version 500; what is read again was seen with version 800.
    expect(Date.parse(gap!.from)).toBeLessThanOrEqual(second - 5 * HOUR - 2 * LOOKBACK);
    expect(Date.parse(gap!.to)).toBeGreaterThanOrEqual(second - 2 * HOUR + LOOKBACK);
    expect((await coverage(services(), "orders")).days.map(({ state }) => state)).toContain("gap");
    const token = await bench.lane("forward", "next");
    await execute(sql`update stream set head_read_at = clock_timestamp()`);
    await execute(sql`insert into sweep (stream_id, started_at, completed_at, from_version, to_version, next_version)
      values (${bench.stream.id}, ${new Date(second - 6 * HOUR)}, ${new Date(second - 6 * HOUR)}, 1, 400, 400)`);
    await execute(sql`update stream set checkpoint_version = 900`);
    expect(await plan(token, true)).toMatchObject({ purpose: "sweep", fromVersion: "800", toVersion: "900" });
  });

  test("begins its gap where everything before was swept, not where the checkpoint stood", async () => {
    await walked();
    await execute(sql`insert into sweep (stream_id, started_at, completed_at, from_version, to_version, next_version)
      values (${bench.stream.id}, ${new Date(second - 8 * HOUR)}, ${new Date(second - 8 * HOUR)}, 1, 200, 200)`);
    const { effect } = await planChange(services(), "orders", { checkpoint: "600" });
    expect(effect.gaps[0]!.from).toBe(second - 8 * HOUR - 2 * LOOKBACK);
  });

  test("ends its gap now where nobody saw when that version came", async () => {
    await walked();
    await execute(sql`delete from pair where version >= 600`);
    await execute(sql`insert into record (stream_id, id, source_id, held, version, modified) values (${bench.stream.id}, 'b', 'b', 'loaded', 700, ${second - 3 * HOUR})`);
    const { effect } = await planChange(services(), "orders", { checkpoint: "650" });
    expect(effect.gaps[0]!.to).toBeGreaterThanOrEqual(second + LOOKBACK);
  });

  test("never goes past what was seen, even with a reason: versions still to come would be skipped", async () => {
    await walked();
    await expect(set({ checkpoint: "901" }, "no")).rejects.toMatchObject({ code: "TM_STATE_BOUNDS" });
    await expect(set({ checkpoint: "0" })).rejects.toMatchObject({ code: "TM_STATE_BOUNDS" });
    expect((await stream())["version"]).toBe("500");
  });
});

describe("a checkpoint in time", () => {
  async function windows() {
    bench = await startBench({ source: { cursor: "window", lookbackMs: LOOKBACK, from: second - 100 * HOUR } });
    await rest();
    await execute(sql`update stream set cursor = 'window', checkpoint_at = ${new Date(second - 5 * HOUR)}, proven_at = ${new Date(second - 6 * HOUR)}`);
  }

  test("goes back with what counts as proven, and forward only with a reason: from what was proven on", async () => {
    await windows();
    await set({ checkpoint: second - 7 * HOUR + 400 });
    expect(await stream()).toMatchObject({ at: second - 7 * HOUR, proven: second - 7 * HOUR });
    await set({ checkpoint: second - 6 * HOUR }, "x");
    await expect(set({ checkpoint: second - 4 * HOUR })).rejects.toMatchObject({ code: "TM_STATE_GAP", details: { gaps: [{ from: second - 6 * HOUR, to: second - 4 * HOUR }] } });
    await set({ checkpoint: second - 4 * HOUR }, "y");
    expect(await stream()).toMatchObject({ at: second - 4 * HOUR, proven: second - 4 * HOUR });
    expect(await plan(await bench.lane("forward", "next"))).toMatchObject({ purpose: "forward", fromAt: second - 4 * HOUR });
    expect((await pipelineStatus(bench.store, bench.config, "orders")).gaps.map(({ because }) => because)).toEqual(["x", "y"]);
  });

  test("cannot lie in the time to come, nor before the pipeline's first, nor be a version", async () => {
    await windows();
    for (const checkpoint of [second + HOUR, second - 101 * HOUR, "17"]) await expect(set({ checkpoint }, "no")).rejects.toMatchObject({ code: "TM_STATE_BOUNDS" });
  });
});

test("a run that has the pipeline keeps it; its change is not overwritten, and overwrites nothing", async () => {
  await walked();
  const lease = await bench.lane("forward", "a run");
  await expect(set({ checkpoint: "200" })).rejects.toMatchObject({ code: "TM_STATE_BUSY" });
  expect(await stream()).toMatchObject({ version: "500" });
  await execute(sql`update lease set until = clock_timestamp()`);
  const planned = await planChange(services(), "orders", { checkpoint: "200" });
  const document = await get();
  await execute(sql`update stream set checkpoint_version = 600`);
  await expect(planned.apply(null)).rejects.toMatchObject({ code: "TM_STATE_MOVED" });
  await expect(set({ document })).rejects.toMatchObject({ code: "TM_STATE_MOVED" });
  expect(await stream()).toMatchObject({ version: "600" });
  // The lane was taken under a new token: what woke up of the run has lost it.
  expect((await execute(sql`select token > ${lease}::bigint as newer, until <= clock_timestamp() as free from lease`)).rows).toEqual([{ newer: true, free: true }]);
});

const edits: [string, (state: StateDocument) => void, string?][] = [
  ["a pair that nobody saw", (state) => state.pairs.push({ at: state.pairs[0]!.at.replace("Z", "1Z").slice(0, 26) + "Z", version: "900" })],
  ["a higher version of a pair", (state) => (state.pairs[0]!.version = "900")],
  ["a sweep further on", (state) => (state.sweeps[0]!.next = "300")],
  ["a sweep declared complete", (state) => (state.sweeps[0]!.completedAt = state.startedAt)],
  ["a range further on", (state) => (state.ranges[0]!.next = state.ranges[0]!.to)],
  ["a range declared done", (state) => (state.ranges[0]!.state = "done")],
  ["a range left out", (state) => state.ranges.pop()],
  ["a later first version", (state) => (state.firstVersion = "400")],
  ["a later time of the newest row", (state) => (state.checkpointModified = state.startedAt)],
  ["a gap left out", (state) => (state.gaps = [])],
  ["a record out of quarantine", (state) => (state.quarantine = [])],
  ["a time in place of the version", (state) => (state.checkpoint = { version: "500", at: state.startedAt })],
  ["another pipeline", (state) => (state.pipeline = "refunds"), "TM_STATE_OTHER"],
  ["another account", (state) => (state.account = "other"), "TM_STATE_OTHER"],
  ["another interface", (state) => (state.api = "/open/refund/single/query"), "TM_STATE_OTHER"],
  ["another cursor", (state) => (state.cursor = "window"), "TM_STATE_OTHER"],
  ["another target", (state) => (state.fingerprints.target = "0"), "TM_STATE_OTHER"],
  ["another source", (state) => (state.fingerprints.source = "0"), "TM_STATE_OTHER"],
];

async function rich() {
  await walked();
  await execute(sql`insert into sweep (stream_id, started_at, from_version, to_version, next_version) values (${bench.stream.id}, clock_timestamp(), 1, 400, 200)`);
  await addRange(bench.store.db, { streamId: bench.stream.id, purpose: "initial", fromAt: second - 100 * HOUR, toAt: second - 50 * HOUR, archiveToo: true });
  await execute(sql`insert into gap (stream_id, from_at, to_at, because) values (${bench.stream.id}, ${new Date(second - 9 * HOUR)}, ${new Date(second - 8 * HOUR)}, 'x')`);
  await execute(sql`insert into quarantine (stream_id, source_id, target_id, code, reason, raw, version, modified) values (${bench.stream.id}, 'q', 'q', 'TM_TARGET_REFUSED', 'no', '{"secret":1}', 77, ${second})`);
}

test("a document can skip nothing but by its checkpoint and its cancelled ranges; what else has less read is refused", async () => {
  await rich();
  const before = await get();
  for (const [what, edit, code = "TM_STATE_READONLY"] of edits) {
    const document = structuredClone(before);
    edit(document);
    await expect(set({ document }, "a reason"), what).rejects.toMatchObject({ code });
  }
  expect(await get()).toEqual(before);
});

test("an import refuses the same things as another's, and whatever was changed since the export", async () => {
  await rich();
  const exported = await exportState(services(), "orders");
  await execute(sql`update stream set active = false`);
  for (const [what, edit, code = "TM_STATE_DOCUMENT"] of edits) {
    const document = structuredClone(exported);
    edit(document);
    await expect(importInto(services(), "orders", document), what).rejects.toMatchObject({ code });
  }
  expect((await execute(sql`select 1 from stream where active and started_at is not null`)).rows).toEqual([]);
  await importInto(services(), "orders", exported);
  expect(await exportState(services(), "orders")).toEqual(exported);
  await expect(importInto(services(), "orders", exported)).rejects.toMatchObject({ code: "TM_STATE_STARTED" });
});

test("a document takes out pairs and the open sweep, and cancels a range, whose rest is a gap then", async () => {
  await rich();
  const document = await get();
  document.pairs = document.pairs.filter(({ version }) => version !== "300");
  document.sweeps = [];
  document.ranges[0]!.state = "cancelled";
  await expect(set({ document })).rejects.toMatchObject({ code: "TM_STATE_GAP" });
  const slice = await bench.store.transaction(async (tx) => {
    const { rows } = await sql<{ id: string }>`select id::text from load_range where not archive`.execute(tx);
    return rows[0]!.id;
  });
  await set({ document }, "closed shop");
  const after = await get();
  expect(after.pairs.map(({ version }) => version)).not.toContain("300");
  expect(after).toMatchObject({ sweeps: [], gaps: [{ because: "x" }, { because: "closed shop", toVersion: null }] });
  expect(after.ranges.map(({ archive, state }) => [archive, state])).toEqual([[false, "cancelled"], [true, "open"]]);
  expect((await execute(sql`select state from load_range where id = ${slice}`)).rows).toEqual([{ state: "cancelled" }]);
});

test("what is read of a range and not committed is told as unread, since it does not go along", async () => {
  bench = await startBench();
  const from = second - 100 * HOUR;
  const rangeId = await addRange(bench.store.db, { streamId: bench.stream.id, purpose: "initial", fromAt: from, toAt: from + 3 * HOUR });
  const windows = [0, 1, 2].map((i) => ({ kind: "window" as const, fromAt: from + i * HOUR, toAt: from + (i + 1) * HOUR, rangeId }));
  const slices = [];
  for (const window of windows) slices.push(await bench.slice(window, "initial"));
  await execute(sql`update load_range set state = 'planned', next_at = to_at`);
  await execute(sql`update slice set state = 'committed' where id = ${slices[0]!.id}`);
  const [range] = (await get()).ranges;
  expect(range).toMatchObject({ state: "open", to: iso(from + 3 * HOUR), next: iso(from + HOUR) });
  await execute(sql`update slice set state = 'committed'`);
  expect((await get()).ranges[0]).toMatchObject({ state: "planned", next: iso(from + 3 * HOUR) });
});

test("an export waits until nothing is doubtful: only the index knows what is to be sent again", async () => {
  await walked();
  await execute(sql`insert into doubt (stream_id, id, version, due_at) values (${bench.stream.id}, '100', 100, clock_timestamp())`);
  await expect(exportState(services(), "orders")).rejects.toMatchObject({ code: "TM_STATE_UNSETTLED" });
  expect((await get()).checkpoint.version).toBe("500");
});

test("records in quarantine go along without their text, and stay set aside", async () => {
  await rich();
  const exported = await exportState(services(), "orders");
  expect(JSON.stringify(exported)).not.toContain("secret");
  await execute(sql`update stream set active = false`);
  await importInto(services(), "orders", exported);
  const { rows } = await execute(sql`select r.held, r.version::text, q.raw, q.state from record r join stream t on t.id = r.stream_id and t.active join quarantine q on q.stream_id = t.id`);
  expect(rows).toEqual([{ held: "quarantined", version: "77", raw: null, state: "open" }]);
});

function iso(ms: number): string {
  return new Date(ms).toISOString().replace("Z", "000Z");
}
