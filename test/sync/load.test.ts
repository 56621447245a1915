import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { type QeasyOptions, type QeasySimulator, startQeasy } from "../../src/simulator/qeasy/server.ts";
import { markExtracted } from "../../src/store/classify.ts";
import { takeBatch } from "../../src/store/batches.ts";
import type { Slice } from "../../src/store/slices.ts";
import { loadBatches } from "../../src/sync/load.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import { type Bench, type ConfigOverrides, row, sliceContext, stage, startBench } from "../support/pipeline.ts";

let bench: Bench;
let target: QeasySimulator;
afterEach(() => Promise.all([target.close(), bench.store.close()]));

/** A slice of two orders, ready to be loaded into the Qeasy simulator. */
async function ready(options: QeasyOptions, overrides: ConfigOverrides["target"], raw = '{"o_id":1,"ts":5}'): Promise<Slice> {
  target = await startQeasy(options);
  bench = await startBench({ target: { baseUrl: target.url, ...overrides } });
  const slice = await bench.slice({ kind: "version", fromVersion: "1" });
  await stage(bench, slice, [row("1", 5, { raw }), row("2", 6)]);
  await markExtracted(bench.store, slice, { endVersion: "6" });
  await transformSlice(sliceContext(bench, slice), 1);
  return slice;
}

const sender = () => ({ token: bench.token, activityId: "1", attempt: 1 });
const held = async () => ((await (await fetch(`${target.url}/_admin/state`)).json()) as { held: number }).held;
const outcomes = async () => (await sql<{ outcome: string }>`select outcome from item order by source_id`.execute(bench.store.db)).rows.map(({ outcome }) => outcome);

test("a worker that was frozen between its look at the claims and the request sends nothing", async () => {
  const slice = await ready({}, { leaseMs: 2_000, timeoutMs: 1_000 });
  const freeze = () => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 700);
  await expect(loadBatches(sliceContext(bench, slice, { progress: freeze }), sender())).rejects.toMatchObject({ code: "TM_LEASE_EXPIRED" });
  expect(await held()).toBe(0);
  expect(await outcomes()).toEqual(["batched", "batched"]);
});

test("a sender that gives up a request after its batch was taken from it marks what it sent: the request may still be under way", async () => {
  const slice = await ready({ latencyMs: 10_000 }, { timeoutMs: 60_000, leaseMs: 120_000, zombieAfterMs: 60_000 });
  const stop = new AbortController();
  const load = loadBatches(sliceContext(bench, slice, { signal: stop.signal }), sender());
  const ended = expect(load).rejects.toThrow("stopped");
  await expect.poll(held, { timeout: 30_000, interval: 20 }).toBe(2);
  expect(await takeBatch(bench.store, slice, { ...sender(), attempt: 2 }, bench.pipeline.target)).not.toBeNull();
  // It hung for longer than anybody waits: what was doubted when the batch was taken has been dealt with.
  await sql`delete from doubt`.execute(bench.store.db);
  stop.abort(new Error("stopped"));
  await ended;
  const { rows } = await sql`select id, due_at <= clock_timestamp() as due from doubt order by id`.execute(bench.store.db);
  expect(rows).toEqual([{ id: "1", due: false }, { id: "2", due: false }]);
});

test("a sender whose batch was taken by another sender of its run ends this attempt, not the run", async () => {
  const slice = await ready({}, { leaseMs: 60_000 });
  let taken: unknown;
  const store = { ...bench.store };
  const work = sliceContext(bench, slice);
  const first = store.transaction.bind(store);
  // Between taking the batch and the look at its claims.
  store.transaction = async (run) => {
    const done = await first(run);
    taken ??= await takeBatch(bench.store, slice, { ...sender(), attempt: 2 }, bench.pipeline.target);
    return done;
  };
  await expect(loadBatches({ ...work, store }, sender())).rejects.toMatchObject({ code: "TM_LEASE_EXPIRED", kind: "lease-lost" });
});

test("a record keeps its fields byte for byte and gets id, always as text, beside the field it came from", async () => {
  const slice = await ready({}, {}, '{ "o_id": 1, "ts":20260101000000455,"amount":206.00 , "items":[{"ts":1.0e3}]}');
  await loadBatches(sliceContext(bench, slice), sender());
  expect(await (await fetch(`${target.url}/_admin/record?id=1`)).text()).toBe('{"id":"1", "o_id": 1, "ts":20260101000000455,"amount":206.00 , "items":[{"ts":1.0e3}]}');
});

test.each([
  ["a wrong secret", { status: 401 }, "misconfigured"],
  ["a busy target", { status: 503 }, "retry"],
  ["a target that refuses everything", { refuseAll: true }, "misconfigured"],
])("%s ends the load with nothing loaded or set aside; the batch waits whole", async (_what, trouble, kind) => {
  const slice = await ready(trouble, { maxRefused: 1 });
  await expect(loadBatches(sliceContext(bench, slice), sender())).rejects.toMatchObject({ kind });
  expect(await outcomes()).toEqual(["batched", "batched"]);
  await fetch(`${target.url}/_admin/configure`, { method: "POST", body: JSON.stringify({ status: null, refuseAll: false }) });
  expect(await loadBatches(sliceContext(bench, slice), { ...sender(), attempt: 2 })).toEqual({ batches: 1 });
  expect(await outcomes()).toEqual(["loaded", "loaded"]);
});
