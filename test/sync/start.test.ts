import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { pipelineStatus } from "../../src/ops/status.ts";
import { type JushuitanSimulator, startJushuitan } from "../../src/simulator/jushuitan/server.ts";
import { acquireLease } from "../../src/store/leases.ts";
import { ensureStream, type Stream } from "../../src/store/streams.ts";
import type { Store } from "../../src/store/db.ts";
import { pipelineContext } from "../../src/sync/services.ts";
import { beginStream } from "../../src/sync/start.ts";
import { type ConfigOverrides, TEST_KEY, testConfig, testStore } from "../support/pipeline.ts";

let source: JushuitanSimulator;
let store: Store;
afterEach(() => Promise.all([source.close(), store.close()]));

const APP = { appKey: "demo-app", appSecret: "demo-secret", accessToken: "00112233445566778899aabbccddeeff" };
const DAY = 86_400_000;

/** The first start of a pipeline on a source with these rows. @returns what was laid out, and the moment before and after */
async function begin(options: Parameters<typeof startJushuitan>[0], from: ConfigOverrides["source"]) {
  source = await startJushuitan({ ...APP, perSecond: null, perMinute: null, ...options });
  store = await testStore();
  const config = testConfig({ account: { ...APP, baseUrl: source.url }, source: from! });
  const context = pipelineContext({ config, store, key: TEST_KEY }, "orders", "forward", { signal: new AbortController().signal, progress: () => undefined });
  const made = await ensureStream(store, context.pipeline, context.account);
  await acquireLease(store, made.id, "forward", "test", 60_000);
  const before = Date.now();
  await beginStream(context, made);
  const stream: Stream = await ensureStream(store, context.pipeline, context.account);
  const { rows: ranges } = await sql<{ purpose: string; archive: boolean; from: number; to: number; due: number }>`
    select purpose, archive, (extract(epoch from from_at) * 1000)::float8 as from, (extract(epoch from to_at) * 1000)::float8 as to,
      (extract(epoch from not_before) * 1000)::float8 as due from load_range order by id`.execute(store.db);
  return { config, stream, ranges, before, after: Date.now() };
}

const rows = async () => (await (await fetch(`${source.url}/_admin/truth`)).text()).trim().split("\n").map((line) => JSON.parse(line) as { ts: string; modified: string });
const highest = (of: { ts: string }[]) => of.map(({ ts }) => ts).reduce((a, b) => (BigInt(a) > BigInt(b) ? a : b));

test("a first start with a date: the cursor at the newest closed window's highest version, everything before by windows, the border once more later", async () => {
  const [lookbackMs, from] = [30_000, Date.now() - DAY];
  // All of them lie in a few pages of the newest window, and the last page is read too.
  const { config, stream, ranges, before, after } = await begin({ orders: 130, days: 0.0001, windowOrder: "modified-asc" }, { from, lookbackMs, settleMs: 0 });
  expect(stream.firstVersion).toBe(highest(await rows()));
  expect(stream.checkpointVersion).toBe(stream.firstVersion);
  const t0 = stream.startedAt!;
  expect(t0).toBeGreaterThan(before - 1_001);
  expect(t0).toBeLessThanOrEqual(after);
  const second = Math.floor(from / 1000) * 1000;
  for (const archive of [false, true]) {
    expect(ranges.filter((range) => range.archive === archive)).toEqual([
      expect.objectContaining({ purpose: "initial", from: second, to: t0 }),
      expect.objectContaining({ purpose: "reread", from: t0 - 2 * lookbackMs, to: t0 + lookbackMs }),
    ]);
  }
  for (const range of ranges.filter(({ purpose }) => purpose === "reread")) expect(range.due).toBeGreaterThanOrEqual(t0 + lookbackMs);
  // Only what is due can be done; until the border has been read once more the initial load is not complete.
  await sql`insert into slice (stream_id, lane, purpose, kind, token, from_version, page_size, max_records, state, reached_end)
    values (${stream.id}, 'forward', 'forward', 'version', 1, 1, 50, 100, 'committed', true)`.execute(store.db);
  await sql`update load_range set state = 'done' where purpose = 'initial'`.execute(store.db);
  const load = async () => (await pipelineStatus(store, config, "orders")).initialLoad;
  expect(await load()).toEqual({ complete: false, waitingFor: expect.stringContaining("border") as string });
  await sql`update load_range set state = 'done'`.execute(store.db);
  expect(await load()).toEqual({ complete: true, waitingFor: null });
});

// With 3 orders in a quarter of an hour the newest windows are empty.
test.each([200, 3])("a first start leaves out the settle delay: the newest closed window that holds anything tells the version (%i orders)", async (orders) => {
  const { stream, ranges, after } = await begin({ orders, days: 0.01 }, { from: Date.now() - DAY, lookbackMs: 1_000, settleMs: 300_000 });
  expect(stream.startedAt).toBeLessThanOrEqual(after - 300_000);
  expect(ranges.find(({ purpose }) => purpose === "reread")!.due).toBeGreaterThanOrEqual(stream.startedAt! + 1_000 + 300_000);
  const closed = (await rows()).filter(({ modified }) => Date.parse(`${modified.replace(" ", "T")}+08:00`) <= stream.startedAt!);
  expect(closed.length).toBeLessThan((await rows()).length);
  expect(stream.firstVersion).toBe(highest(closed));
});

test.each(["all", "a date on an empty source"])("%s begins at version 1", async (what) => {
  const { stream, ranges } = await begin({ orders: 0 }, { from: what === "all" ? "all" : Date.now() - DAY });
  expect([stream.firstVersion, stream.checkpointVersion]).toEqual(["1", "1"]);
  expect(ranges.length > 0).toBe(what !== "all");
});

test("by windows, the initial load is complete once a sweep has read its border again", async () => {
  const { config, stream } = await begin({ orders: 20 }, { cursor: "window", from: Date.now() - DAY, lookbackMs: 30_000 });
  await sql`insert into slice (stream_id, lane, purpose, kind, token, from_at, to_at, page_size, max_records, state, reached_end)
    values (${stream.id}, 'forward', 'forward', 'window', 1, now(), now(), 50, 100, 'committed', true)`.execute(store.db);
  await sql`update load_range set state = 'done'`.execute(store.db);
  const load = async () => (await pipelineStatus(store, config, "orders")).initialLoad;
  expect(await load()).toEqual({ complete: false, waitingFor: "one more reading of the border, by a sweep" });
  await sql`update stream set proven_at = started_at`.execute(store.db);
  expect(await load()).toEqual({ complete: true, waitingFor: null });
});
