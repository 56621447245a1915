import { sql } from "kysely";
import { afterEach, describe, expect, test } from "vitest";
import { coverage } from "../../src/ops/coverage.ts";
import { planChange } from "../../src/ops/state.ts";
import { pipelineStatus } from "../../src/ops/status.ts";
import { getApi } from "../../src/source/jushuitan/index.ts";
import { takeBatch } from "../../src/store/batches.ts";
import { commitSlice } from "../../src/store/commit.ts";
import { planSlice } from "../../src/store/plan.ts";
import { formatInstant } from "../../src/sync/labels.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import { type Bench, ORDERS, row, startBench } from "../support/pipeline.ts";
import { sliceTools } from "../support/slices.ts";
import { HOUR, LOOKBACK, second, stateTools, walkedBench } from "../support/state.ts";

let bench: Bench;
afterEach(() => bench.store.close());

const { context, extracted, sender } = sliceTools(() => bench);
const { services, get, set, rest, stream } = stateTools(() => bench);
const execute = (query: ReturnType<typeof sql>) => query.execute(bench.store.db);
const plan = (token: string, headRead = false) => planSlice(bench.store, {
  streamId: bench.stream.id, lane: "forward", token, source: bench.pipeline.source, api: getApi(ORDERS), headRead, busy: null,
});
async function walked() {
  bench = await walkedBench();
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

  test("counts what lies behind it as never read, until it was", async () => {
    await walked();
    const states = async () => new Set((await coverage(services(), "orders")).days.map(({ state }) => state));
    expect(await states()).toEqual(new Set(["loaded"]));
    await set({ checkpoint: "200" });
    expect(await states()).toContain("never");
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

  test("ends the sweep under way, with its slices: the gap covers what it had still to read", async () => {
    await walked();
    const { rows } = await sql<{ id: string }>`insert into sweep (stream_id, from_version, to_version, next_version) values (${bench.stream.id}, 1, 450, 200) returning id::text`.execute(bench.store.db);
    await bench.slice({ kind: "version", fromVersion: "200", toVersion: "450", sweepId: rows[0]!.id }, "sweep");
    await set({ checkpoint: "400" });
    expect((await get()).sweeps).toHaveLength(1);
    await set({ checkpoint: "600" }, "x");
    expect((await get()).sweeps).toEqual([]);
    expect((await execute(sql`select state, sweep_id from slice`)).rows).toEqual([{ state: "dropped", sweep_id: null }]);
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
    const before = await get();
    await expect(set({ document: { ...before, checkpoint: { ...before.checkpoint, version: "901" } } }, "no")).rejects.toMatchObject({ code: "TM_STATE_BOUNDS" });
    expect((await stream())["version"]).toBe("500");
  });

  test("by a time to come is refused, not taken for the newest pair", async () => {
    await walked();
    await expect(set({ checkpoint: second + HOUR }, "no")).rejects.toMatchObject({ code: "TM_STATE_BOUNDS", path: "--checkpoint", message: expect.stringContaining("future") as string, fix: expect.stringContaining("20") as string });
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
    await expect(set({ checkpoint: second - 4 * HOUR })).rejects.toMatchObject({ code: "TM_STATE_GAP", details: { gaps: [{ from: formatInstant(second - 6 * HOUR), to: formatInstant(second - 4 * HOUR) }] } });
    await set({ checkpoint: second - 4 * HOUR }, "y");
    expect(await stream()).toMatchObject({ at: second - 4 * HOUR, proven: second - 4 * HOUR });
    expect(await plan(await bench.lane("forward", "next"))).toMatchObject({ purpose: "forward", fromAt: second - 4 * HOUR });
    expect((await pipelineStatus(bench.store, bench.config, "orders")).gaps.map(({ because }) => because)).toEqual(["x", "y"]);
  });

  test("cannot lie in the time to come, nor before the pipeline's first, nor be a version", async () => {
    await windows();
    for (const checkpoint of [second + HOUR, second - 101 * HOUR, "17"]) await expect(set({ checkpoint }, "no")).rejects.toMatchObject({ code: "TM_STATE_BOUNDS" });
    const before = await get();
    await expect(set({ document: { ...before, checkpoint: { ...before.checkpoint, at: new Date(second + HOUR).toISOString() } } }, "no")).rejects.toMatchObject({ code: "TM_STATE_BOUNDS" });
  });
});

test("a run that has the pipeline keeps it; its change is not overwritten, and overwrites nothing", async () => {
  await walked();
  const lease = await bench.lane("forward", "a run");
  await expect(set({ checkpoint: "200" })).rejects.toMatchObject({ code: "TM_STATE_BUSY", path: "pipelines.orders" });
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
