import type { PipelineConfig, TidemarkConfig } from "../config/types.ts";
import type { StrategyContext } from "../mapping/qeasy.ts";
import type { Store } from "../store/db.ts";
import { findStream } from "../store/streams.ts";

/** What the expressions of a pipeline's strategy depend on besides the row; nothing where it has none. */
export async function strategyContext({ config, store }: { config: TidemarkConfig; store: Store }, { name, mapping }: PipelineConfig): Promise<StrategyContext> {
  if (mapping.qeasy === undefined) return {};
  const stream = await findStream(store.db, name);
  const { lookupInStore } = await import("../store/lookup.ts");
  const last = stream?.newestCommitAt ?? stream?.startedAt;
  return { lookup: lookupInStore(store.db, (strategy) => keeperOf(config, strategy)), ...(last === undefined || last === null ? {} : { lastSyncTime: last }) };
}

/** The pipeline whose kept rows are what the strategy has stored: one that keeps none, or stores others than the source's, has not got them. */
function keeperOf({ pipelines }: TidemarkConfig, strategy: string): string | undefined {
  const keeper = Object.values(pipelines).find((pipeline) => pipeline.strategy === strategy);
  return keeper === undefined || keeper.source.keepRows === "none" || keeper.mapping.qeasy?.changesRows === true ? undefined : keeper.name;
}
