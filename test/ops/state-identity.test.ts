import * as fc from "fast-check";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { exportState, importInto, planChange } from "../../src/ops/state.ts";
import { parseState } from "../../src/store/state-document.ts";
import { ensureStream } from "../../src/store/streams.ts";
import { startBench, type Bench, testStore } from "../support/pipeline.ts";
import { stateTools } from "../support/state.ts";

let bench: Bench;
let elsewhere: Bench;
beforeAll(async () => {
  bench = await startBench();
  elsewhere = { ...bench, store: await testStore() };
});
afterAll(() => Promise.all([bench.store.close(), elsewhere.store.close()]));

const here = stateTools(() => bench);
const there = stateTools(() => elsewhere);

/** Microseconds since 2020, as Postgres keeps times. */
const moment = fc.integer({ min: 0, max: 2 ** 47 });
const version = fc.bigInt({ min: 1n, max: 10n ** 20n - 1n }).map(String);
const text = fc.string({ minLength: 1, unit: "grapheme" }).filter((given) => !given.includes("\0"));
const some = <T>(one: fc.Arbitrary<T>, most = 4) => fc.array(one, { maxLength: most });
const rangeState = fc.constantFrom("open", "planned", "done", "cancelled");

const anything = fc.record({
  stream: fc.record({ cursor: fc.constantFrom("version", "window"), started: moment, first: version, version, modified: fc.option(fc.integer({ min: 0, max: 2 ** 44 })), at: moment, proven: fc.option(moment), head: fc.option(moment) }),
  pairs: fc.uniqueArray(fc.record({ at: moment, version }), { maxLength: 6, selector: (pair) => pair.at }),
  sweeps: some(fc.record({ started: moment, from: version, to: version, next: version, completed: moment })),
  openSweep: fc.boolean(),
  ranges: some(fc.record({
    purpose: fc.constantFrom("initial", "reread", "resend", "sweep", "backfill", "audit"), from: moment, length: moment, state: rangeState,
    archive: fc.option(rangeState), request: fc.boolean(), slices: some(fc.record({ at: moment, state: fc.constantFrom("open", "committed") }), 2),
  }), 6),
  gaps: some(fc.record({ from: moment, length: fc.integer({ min: 1, max: 2 ** 40 }), because: text, version: fc.option(version) })),
  quarantine: fc.uniqueArray(fc.record({ id: text, reason: text, version: fc.option(version), modified: fc.option(fc.integer({ min: 0, max: 2 ** 44 })), state: fc.constantFrom("open", "resolved", "discarded") }), { maxLength: 4, selector: (entry) => entry.id }),
});
type Anything = typeof anything extends fc.Arbitrary<infer T> ? T : never;

const time = (us: number | null) => sql`timestamptz '2020-01-01Z' + ${us}::float8 * interval '1 microsecond'`;

/** A stream of the pipeline in this state; the ones before are history. */
async function make({ stream, pairs, sweeps, openSweep, ranges, gaps, quarantine }: Anything): Promise<void> {
  const { db } = bench.store;
  await sql`update stream set active = false`.execute(db);
  const { id } = await ensureStream(bench.store, bench.pipeline, bench.config.accounts["main"]!);
  await sql`update stream set cursor = ${stream.cursor}, started_at = ${time(stream.started)}, first_version = ${stream.first}, checkpoint_version = ${stream.version},
    checkpoint_modified = ${stream.modified}, checkpoint_at = ${time(stream.at)}, proven_at = ${time(stream.proven)}, head_read_at = ${time(stream.head)}, newest_commit_at = ${time(stream.head)} where id = ${id}`.execute(db);
  for (const pair of pairs) await sql`insert into pair values (${id}, ${time(pair.at)}, ${pair.version})`.execute(db);
  for (const [i, one] of sweeps.entries()) {
    await sql`insert into sweep (stream_id, started_at, from_version, to_version, next_version, completed_at)
      values (${id}, ${time(one.started)}, ${one.from}, ${one.to}, greatest(${one.from}::numeric, ${one.next}::numeric), ${openSweep && i === 0 ? null : time(one.completed)})`.execute(db);
  }
  if (openSweep) await sql`insert into sweep (stream_id, archive, from_version, to_version, next_version) values (${id}, true, 1, ${"9".repeat(20)}, 7)`.execute(db);
  for (const [i, one] of ranges.entries()) {
    const { rows } = await sql<{ id: string }>`insert into load_range (stream_id, purpose, from_at, to_at, next_at, state)
      values (${id}, ${one.purpose}, ${time(one.from)}, ${time(one.from + one.length)}, ${time(one.from + one.length)}, ${one.state}) returning id::text`.execute(db);
    if (one.request) {
      const [from, to] = [time(one.from), time(one.from + one.length)];
      await sql`
        with asked as (
          insert into backfill_request (stream_id, request_id, asked, from_at, to_at, skipped, position)
          values (${id}, ${`r${i}`}, tstzrange(${from}, ${to} + interval '1 day'), ${from}, ${to}, ${i % 2 === 0 ? sql`'{}'` : sql`tstzmultirange(tstzrange(${from}, ${from} + interval '1 second'))`}, ${i})
          returning id
        ) insert into backfill_part select id, ${rows[0]!.id} from asked`.execute(db);
    }
    if (one.archive !== null) {
      await sql`insert into load_range (stream_id, purpose, from_at, to_at, next_at, state, archive, archive_of)
        select stream_id, purpose, from_at, to_at, from_at, ${one.archive}, true, id from load_range where id = ${rows[0]!.id}`.execute(db);
    }
    for (const slice of one.slices) {
      await sql`insert into slice (stream_id, lane, purpose, kind, token, range_id, from_at, to_at, page_size, max_records, state)
        values (${id}, 'forward', 'initial', 'window', 1, ${rows[0]!.id}, ${time(slice.at)}, ${time(slice.at + 1)}, 50, 100, ${slice.state})`.execute(db);
    }
  }
  for (const gap of gaps) await sql`insert into gap (stream_id, from_at, to_at, to_version, because) values (${id}, ${time(gap.from)}, ${time(gap.from + gap.length)}, ${gap.version}, ${gap.because})`.execute(db);
  for (const one of quarantine) {
    await sql`insert into quarantine (stream_id, source_id, target_id, code, reason, version, modified, state, note)
      values (${id}, ${one.id}, ${one.id}, 'TM_TARGET_REFUSED', ${one.reason}, ${one.version}, ${one.modified}, ${one.state}, ${one.state === "discarded" ? "x" : null})`.execute(db);
  }
}

test("get → set changes nothing, and export → import gives the same export, here and in another store, whatever the state", async () => {
  bench.pipeline.source.cursor = "auto";
  await fc.assert(fc.asyncProperty(anything, async (state) => {
    await make(state);
    const exported = await exportState(here.services(), "orders");
    const document = parseState(JSON.stringify(exported), "the export");
    expect(document).toEqual(exported);
    expect((await planChange(here.services(), "orders", { document })).changes).toBe(false);
    for (const tools of [there, here]) {
      await sql`update stream set active = false`.execute(tools.services().store.db);
      await importInto(tools.services(), "orders", document);
      expect(await exportState(tools.services(), "orders")).toEqual(exported);
      expect((await planChange(tools.services(), "orders", { document })).changes).toBe(false);
    }
  }), { numRuns: 40 });
}, 120_000);
