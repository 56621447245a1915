import { sql } from "kysely";
import type { StateWish } from "../../src/ops/state.ts";
import { pipelineState, planChange } from "../../src/ops/state.ts";
import type { StateDocument } from "../../src/store/state-document.ts";
import { releaseLease } from "../../src/store/leases.ts";
import type { Services } from "../../src/sync/services.ts";
import { type Bench, TEST_KEY } from "./pipeline.ts";

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
