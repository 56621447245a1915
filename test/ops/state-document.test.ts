import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { revisionOf, type StateDocument } from "../../src/store/state-document.ts";
import { exportState, importInto } from "../../src/ops/state.ts";
import { addRange } from "../../src/store/ranges.ts";
import { type Bench, startBench } from "../support/pipeline.ts";
import { HOUR, second, stateTools, walkedBench } from "../support/state.ts";

let bench: Bench;
afterEach(() => bench.store.close());

const { services, get, set } = stateTools(() => bench);
const execute = (query: ReturnType<typeof sql>) => query.execute(bench.store.db);

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
  bench = await walkedBench();
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
  const { rows } = await sql<{ id: string }>`select id::text from load_range where not archive`.execute(bench.store.db);
  await bench.slice({ kind: "window", fromAt: second - 100 * HOUR, toAt: second - 99 * HOUR, rangeId: rows[0]!.id }, "initial");
  await set({ document }, "closed shop");
  const after = await get();
  expect(after.pairs.map(({ version }) => version)).not.toContain("300");
  expect(after).toMatchObject({ sweeps: [], gaps: [{ because: "x" }, { because: "closed shop", toVersion: null }] });
  expect(after.ranges.map(({ archive, state }) => [archive, state])).toEqual([[false, "cancelled"], [true, "open"]]);
  expect((await execute(sql`select state from slice`)).rows).toEqual([{ state: "dropped" }]);
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
  bench = await walkedBench();
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

test("an import by a clock that was ahead is refused: what is modified until then would count as read", async () => {
  bench = await walkedBench();
  const exported = await exportState(services(), "orders");
  await execute(sql`update stream set active = false`);
  const later = new Date(second + HOUR).toISOString();
  for (const edit of [{ checkpoint: { ...exported.checkpoint, at: later } }, { provenAt: later }]) {
    const document = { ...exported, ...edit };
    await expect(importInto(services(), "orders", { ...document, revision: revisionOf(document) })).rejects.toMatchObject({ code: "TM_STATE_BOUNDS", message: expect.stringContaining("future") as string });
  }
  await importInto(services(), "orders", exported);
});
