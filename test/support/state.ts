import { sql } from "kysely";
import type { StateWish } from "../../src/ops/state.ts";
import { pipelineState, planChange } from "../../src/ops/state.ts";
import type { StateDocument } from "../../src/store/state-document.ts";
import { releaseLease } from "../../src/store/leases.ts";
import type { Services } from "../../src/sync/services.ts";
import { type Bench, startBench, TEST_KEY } from "./pipeline.ts";

export const HOUR = 3_600_000;
export const LOOKBACK = 600_000;
export const second = Math.floor(Date.now() / 1000) * 1000;

/** What tests do with the state of the bench that they have then. */
export function stateTools(bench: () => Bench) {
  const services = (): Services => ({ config: bench().config, store: bench().store, key: TEST_KEY });
  const get = (): Promise<StateDocument> => pipelineState(services(), "orders");
  const set = async (wish: StateWish, because: string | null = null) => (await planChange(services(), "orders", wish)).apply(because);
  /** No run has the pipeline. */
  const rest = () => releaseLease(bench().store.db, bench().stream.id, "forward", bench().token);
  const stream = async () => (await sql<Record<string, unknown>>`
    select checkpoint_version::text as version, extract(epoch from checkpoint_at)::float8 * 1000 as at, extract(epoch from proven_at)::float8 * 1000 as proven, head_read_at as head
    from stream where id = ${bench().stream.id}`.execute(bench().store.db)).rows[0]!;
  return { services, get, set, rest, stream };
}

/** A pipeline at rest with a record every hour, versions 100, 200, …: read up to version 500, seen up to 900. */
export async function walkedBench(): Promise<Bench> {
  const bench = await startBench({ source: { lookbackMs: LOOKBACK, sweepEveryMs: 1 } });
  const { store, stream, token } = bench;
  await releaseLease(store.db, stream.id, "forward", token);
  await sql`update stream set started_at = ${new Date(second - 20 * HOUR)}, checkpoint_version = 500, head_read_at = clock_timestamp(), checkpoint_modified = ${second - 5 * HOUR}`.execute(store.db);
  await sql`insert into record (stream_id, id, source_id, held, version, modified)
    select ${stream.id}, v, v, 'loaded', v, ${second - 10 * HOUR}::bigint + v * 36000 from generate_series(100, 500, 100) v`.execute(store.db);
  await sql`insert into pair (stream_id, at, version)
    select ${stream.id}, to_timestamp((${second - 10 * HOUR}::float8 + v * 36000) / 1000), v from generate_series(100, 900, 100) v`.execute(store.db);
  return bench;
}
