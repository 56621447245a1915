import { sql } from "kysely";
import { afterAll, beforeAll, expect, test } from "vitest";
import { takeBatch } from "../../src/store/batches.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import { type Bench, row, startBench } from "../support/pipeline.ts";
import { sliceTools } from "../support/slices.ts";

let bench: Bench;
let slice: string;
const { context, extracted, sender } = sliceTools(() => bench);

beforeAll(async () => {
  bench = await startBench();
  const taken = await extracted([row("1", 5), row("2", 6)]);
  slice = taken.id;
  await transformSlice(context(taken), 1);
  await takeBatch(bench.store, taken, sender(), bench.pipeline.target);
  await sql`update stream set checkpoint_version = 9, checkpoint_at = to_timestamp(100), proven_at = to_timestamp(50)`.execute(bench.store.db);
  await sql`insert into slice (stream_id, lane, purpose, kind, token, from_version, page_size, max_records, state)
    select id, 'forward', 'forward', 'version', 1, 1, 2, 2, 'committed' from stream`.execute(bench.store.db);
  await sql`insert into sweep (stream_id, from_version, to_version, next_version) select id, 5, 9, 5 from stream`.execute(bench.store.db);
  await sql`insert into quarantine (stream_id, source_id, code, reason) select id, '9', 'TM_X', 'x' from stream`.execute(bench.store.db);
  await sql`insert into record (stream_id, id, source_id, held, version) select id, '9', '9', 'loaded', 9 from stream`.execute(bench.store.db);
});
afterAll(() => bench.store.close());

test.each([
  ["a ledger row that does not balance", "ledger_balances", "update slice set read = 3, loaded = 2 where state = 'committed'"],
  ["records left out that the ledger does not count", "ledger_balances", "update slice set read = 3, filtered = 2 where state = 'committed'"],
  ["a negative count of them", "ledger_counts", "update slice set read = 0, filtered = -1, duplicate = 1 where state = 'committed'"],
  ["a slice that is committed with other counts than its rows", "slice_counts_items", "update slice set state = 'committed', filtered = 1 where id = :slice"],
  ["a negative count", "ledger_counts", "update slice set read = 0, loaded = -1, duplicate = 1 where state = 'committed'"],
  ["a slice that is committed while rows of it wait", "slice_counts_items", "update slice set state = 'committed', loaded = 2 where id = :slice"],
  ["a committed slice that is opened, split or dropped", "slice_ends", "update slice set state = 'dropped' where state = 'committed'"],
  ["a version checkpoint that moves backward", "checkpoint_keeps", "update stream set checkpoint_version = 8"],
  ["a version checkpoint that vanishes", "checkpoint_keeps", "update stream set checkpoint_version = null"],
  ["a window checkpoint that moves backward", "checkpoint_keeps", "update stream set checkpoint_at = to_timestamp(99)"],
  ["a proven time that moves backward", "checkpoint_keeps", "update stream set proven_at = to_timestamp(49)"],
  ["a sweep before its beginning", "sweep_advances", "update sweep set next_version = 4"],
  ["two sweeps at once", "sweep_open", "insert into sweep (stream_id, from_version, to_version, next_version) select stream_id, 1, 2, 1 from sweep"],
  ["two owners of a lane", "lease_pkey", "insert into lease select stream_id, lane, token + 1, 'other', until, started_at from lease"],
  ["a fencing token that shrinks", "lease_keeps", "update lease set token = token - 1"],
  ["two claims of one id", "record_pkey", "insert into record (stream_id, id, source_id, batch_id, claim_until) select stream_id, id, source_id, batch_id + 1, claim_until from record where batch_id is not null"],
  ["a claim without end", "record_check", "update record set claim_until = null where batch_id is not null"],
  ["an index that goes back to an older version", "record_keeps", "update record set version = 8 where id = '9'"],
  ["a batch member without a batch", "item_batch_exists", "update item set batch_id = 999999"],
  ["a batched row that names no batch", "item_batch", "update item set batch_id = null"],
  ["a waiting row in a batch", "item_batch", "update item set outcome = 'pending'"],
  ["a batch that vanishes under its members", "item_batch_exists", "delete from batch"],
  ["a batch without members", "batch_has_members", "update batch set record_count = 0"],
  ["a batch that nobody sends", "batch_has_sender", "update batch set owner = null"],
  ["an open batch without its text", "batch_has_payload", "update batch set payload = null"],
  ["a batch that is taken over without a doubt", "batch_taken_is_doubtful", "update batch set owner = 'other'"],
  ["two open entries of one record in quarantine", "quarantine_open", "insert into quarantine (stream_id, source_id, code, reason) select stream_id, source_id, code, reason from quarantine"],
  ["an entry discarded without a reason", "quarantine_discard_has_reason", "update quarantine set state = 'discarded'"],
  ["two active streams of one pipeline", "stream_active", "insert into stream (pipeline, source_fingerprint, target_fingerprint, cursor) select pipeline, 'x', 'x', cursor from stream"],
  ["a page of no slice", "page_slice_id_fkey", "update page set slice_id = 999999"],
])("the database itself refuses %s", async (_what, constraint, statement) => {
  await expect(sql.raw(statement.replace(":slice", slice)).execute(bench.store.db)).rejects.toMatchObject({ constraint });
});

test("what a lawful change needs is let through", async () => {
  for (const statement of ["update stream set checkpoint_version = 10", "update record set version = 10 where id = '9'", "update lease set token = token + 1"]) {
    expect((await sql.raw(statement).execute(bench.store.db)).numAffectedRows).toBe(1n);
  }
});
