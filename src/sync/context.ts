import type { StrategyContext } from "../mapping/qeasy.ts";
import type { AccountConfig, PipelineConfig } from "../config/types.ts";
import type { BearerTokens } from "../tokens/bearer.ts";
import type { ApiDescription, Source } from "../source/contract.ts";
import type { Store } from "../store/db.ts";
import type { Lane } from "../store/leases.ts";
import type { Slice } from "../store/slices.ts";
import type { Target } from "../target/contract.ts";

/** A source bound to the shared budget. */
export interface BudgetedSource {
  source: Source;
  /** The number of the latest request that was granted: the order of reading. */
  readNo: () => string;
}

/** A call's account bound to the shared budget. */
export interface BudgetedCall {
  tokens: BearerTokens;
  readNo: () => string;
  /** What stands for a token in its record; null: the mapping does not ask for it. */
  seal: ((token: string) => string) | null;
}

/** Everything that one pipeline's work needs; made anew for each activity. */
export interface PipelineContext {
  store: Store;
  pipeline: PipelineConfig;
  account: AccountConfig;
  api: ApiDescription;
  lane: Lane;
  source: () => BudgetedSource;
  /** Instead of `source`, for a pipeline whose API is a call. */
  call: () => BudgetedCall;
  target: () => Target;
  /** What a strategy's expressions depend on besides the row. */
  strategy: () => Promise<StrategyContext>;
  signal: AbortSignal;
  /** Reports that something was stored; also how a cancelled activity learns of it. */
  progress: (done: number) => void;
}

/** One step of work on a slice. */
export interface SliceContext extends PipelineContext {
  slice: Slice;
}
