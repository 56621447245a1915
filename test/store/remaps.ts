import { sql } from "kysely";
import { afterEach, beforeEach } from "vitest";
import { finishBatch, takeBatch } from "../../src/store/batches.ts";
import { commitSlice } from "../../src/store/commit.ts";
import { planSlice } from "../../src/store/plan.ts";
import { addRemap, cancelRemaps, countRemap, type RemapRange } from "../../src/store/remap.ts";
import type { Slice } from "../../src/store/slices.ts";
import { keepStream } from "../../src/store/streams.ts";
import { getApi } from "../../src/source/jushuitan/index.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import { mappingOf } from "../mapping/support.ts";
import { type Bench, ORDERS, startBench } from "../support/pipeline.ts";
import { sliceTools } from "../support/slices.ts";

export let bench: Bench;
let token: string;
export const { sender, context, extracted } = sliceTools(() => bench);
beforeEach(async () => {
  bench = await startBench({ source: { sliceRecords: 1_000, keepRows: "forever" } });
  token = await bench.lane("backfill", "remap");
});
afterEach(() => bench.store.close());

export const commit = (slice: Slice, keep = true) => commitSlice(bench.store, slice, 0, keep);
export const plan = () => planSlice(bench.store, { streamId: bench.stream.id, lane: "backfill", token, source: bench.pipeline.source, api: getApi(ORDERS), headRead: true, busy: null });
export const ask = async (range: RemapRange = {}) => addRemap(bench.store.db, bench.stream.id, range, (await count(range)).kept, 60_000);
export const count = (range: RemapRange = {}) => countRemap(bench.store.db, bench.stream.id, range);
export const cancel = () => cancelRemaps(bench.store, bench.stream.id, 60_000);
export const due = () => sql`update doubt set due_at = clock_timestamp()`.execute(bench.store.db);

/** Sends everything there is, but for what the target refuses. @returns the records as they were sent */
export async function send(slice: Slice, refuses: readonly string[] = []): Promise<Record<string, string>[]> {
  const sent: Record<string, string>[] = [];
  for (let batch = await takeBatch(bench.store, slice, sender(), bench.pipeline.target); batch !== null; batch = await takeBatch(bench.store, slice, sender(), bench.pipeline.target)) {
    sent.push(...(JSON.parse(batch.payload) as Record<string, string>[]));
    const refused = batch.members.filter(({ id }) => refuses.includes(id)).map(({ sourceId }) => ({ sourceId, code: "TM_TARGET_REFUSED", reason: "no", raw: null }));
    await finishBatch(bench.store, slice, batch, sender(), { loaded: batch.members.map(({ id }) => id).filter((id) => !refuses.includes(id)), refused });
  }
  return sent;
}

export async function load(slice: Slice, refuses: readonly string[] = []): Promise<Record<string, string>[]> {
  await transformSlice(context(slice), 1);
  return send(slice, refuses);
}

export async function loadAndCommit(...rows: Parameters<typeof extracted>): Promise<void> {
  const slice = await extracted(...rows);
  await load(slice);
  await commit(slice);
}

/** Another mapping, told by the field `form`, that a person has accepted. */
export async function changeMapping(form: string): Promise<void> {
  bench.pipeline.mapping = mappingOf({ rest: "drop", fields: { ts: "ts", form: { value: form } } });
  await keepStream(bench.store, bench.pipeline, bench.config.accounts["main"]!);
}

export async function held(): Promise<Record<string, string | null>> {
  const { rows } = await sql<{ id: string; version: string | null }>`select id, version::text from record where held = 'loaded'`.execute(bench.store.db);
  return Object.fromEntries(rows.map(({ id, version }) => [id, version]));
}
