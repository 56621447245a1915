import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openGaps } from "../../src/store/gaps.ts";
import { type Bench, startBench } from "../support/pipeline.ts";

let bench: Bench;
beforeEach(async () => {
  bench = await startBench();
  await execute(sql`insert into gap (stream_id, from_at, to_at, because, accepted_at) values (${bench.stream.id}, ${at(0)}, ${at(100)}, 'x', clock_timestamp() - interval '1 day')`);
});
afterEach(() => bench.store.close());

const LOOKBACK = 600_000;
const begin = Math.floor(Date.now() / 1000) * 1000 - 3_600_000;
/** So many seconds into the gap. */
const at = (seconds: number) => new Date(begin + seconds * 1000);
const execute = (query: ReturnType<typeof sql>) => query.execute(bench.store.db);
const left = async (archive = false) => (await openGaps(bench.store.db, bench.stream.id, { lookbackMs: LOOKBACK, archive })).map(({ from, to }) => [(from - begin) / 1000, (to - begin) / 1000]);

async function read(from: number, to: number, more: { archive?: boolean; state?: string; purpose?: string; readAt?: Date } = {}) {
  await execute(sql`insert into slice (stream_id, lane, purpose, kind, token, from_at, to_at, archive, page_size, max_records, state, created_at)
    values (${bench.stream.id}, 'backfill', ${more.purpose ?? "backfill"}, 'window', 1, ${at(from)}, ${at(to)}, ${more.archive ?? false}, 50, 100, ${more.state ?? "committed"}, ${more.readAt ?? new Date()})`);
}

async function audited(from: number, to: number, state: string, startedAt = new Date(), ended = "done") {
  await execute(sql`with made as (insert into audit (stream_id, request_id, from_at, to_at, by_ids, repair, state, started_at)
      values (${bench.stream.id}, gen_random_uuid()::text, ${at(from)}, ${at(to)}, true, true, ${ended}, ${startedAt}) returning id)
    insert into audit_window (audit_id, from_at, to_at, state, verified_at) select id, ${at(from)}, ${at(to)}, ${state}, case when ${state} = 'ids' then clock_timestamp() end from made`);
}

test("what was read since is no gap any more; what lies between stays one", async () => {
  await read(-50, 20);
  await read(60, 80);
  expect(await left()).toEqual([[20, 60], [80, 100]]);
  await read(20, 40);
  await read(40, 60);
  await read(80, 100);
  expect(await left()).toEqual([]);
});

test("neither what was read before it was accepted, nor what was not committed, nor single seconds sent again close it", async () => {
  await read(0, 100, { readAt: new Date(Date.now() - 2 * 86_400_000) });
  for (const state of ["open", "extracted", "classified", "split", "dropped"]) await read(0, 100, { state });
  await read(0, 100, { purpose: "resend" });
  expect(await left()).toEqual([[0, 100]]);
});

test("where archived records are kept apart, both have to be read", async () => {
  await read(0, 100);
  expect(await left(true)).toEqual([[0, 100]]);
  await read(30, 100, { archive: true });
  expect(await left(true)).toEqual([[0, 30]]);
});

test("what was read within the lookback stays a gap: a row may have come late since", async () => {
  await read(0, 100, { readAt: new Date(begin + 70_000 + LOOKBACK) });
  expect(await left()).toEqual([[70, 100]]);
  await audited(0, 100, "ids", new Date(begin + 90_000 + LOOKBACK));
  expect(await left()).toEqual([[90, 100]]);
});

test("an audit closes what it found complete, archived records with it; what differs or was left it does not", async () => {
  await audited(0, 100, "differs");
  await audited(0, 100, "unproven");
  await audited(0, 100, "ids", new Date(), "left");
  expect(await left(true)).toEqual([[0, 100]]);
  await audited(0, 100, "ids");
  expect(await left(true)).toEqual([]);
});
