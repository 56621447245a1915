import type { AccountConfig, PipelineConfig, TidemarkConfig } from "../config/types.ts";
import { ConfigError } from "../errors.ts";
import { acquireRequest, pauseRequests } from "../quota/budget.ts";
import type { SourceDeps } from "../source/contract.ts";
import { createJushuitanSource, getApi, getInitToken, refreshToken } from "../source/jushuitan/index.ts";
import { localOffset, saveOffset } from "../store/clock.ts";
import type { Store } from "../store/db.ts";
import type { Lane } from "../store/leases.ts";
import { targetOf } from "../target/open.ts";
import { createTokens, type Tokens } from "../tokens/tokens.ts";
import type { BudgetedSource, PipelineContext } from "./context.ts";

/** What a worker, or a command, works with. */
export interface Services {
  config: TidemarkConfig;
  store: Store;
  /** Encrypts tokens in the store; 32 bytes. */
  key: Buffer;
}

/** @throws ConfigError `TM_PIPELINE_UNKNOWN` */
export function pipelineOf(config: TidemarkConfig, name: string): PipelineConfig {
  const pipeline = config.pipelines[name];
  if (pipeline !== undefined) return pipeline;
  throw new ConfigError("TM_PIPELINE_UNKNOWN", `there is no pipeline "${name}" in ${config.file}`, {
    path: `pipelines.${name}`, fix: `Known are: ${Object.keys(config.pipelines).join(", ")}.`,
  });
}

/** @throws ConfigError `TM_ACCOUNT_UNKNOWN` */
export function accountOf(config: TidemarkConfig, name: string): AccountConfig {
  const account = config.accounts[name];
  if (account !== undefined) return account;
  throw new ConfigError("TM_ACCOUNT_UNKNOWN", `there is no account "${name}" in ${config.file}`, {
    path: `accounts.${name}`, fix: `Known are: ${Object.keys(config.accounts).join(", ")}.`,
  });
}

type BudgetDeps = Omit<SourceDeps, "token" | "renewToken">;

/** The shared budget, pauses and clock of an account. */
function budgetDeps({ store }: Services, account: AccountConfig, lane: Lane, onGrant: (readNo: string) => void = () => undefined): BudgetDeps {
  return {
    acquire: async (signal) => onGrant((await acquireRequest(store, account.name, account.limits, lane, signal)).readNo),
    pause: (ms) => pauseRequests(store, account.name, ms),
    clockOffsetMs: () => localOffset(store, account.name),
    reportClock: (ms) => saveOffset(store, account.name, ms),
  };
}

/** The account's tokens, shared by all workers. */
export function tokensOf(services: Services, account: AccountConfig): Tokens {
  const deps = budgetDeps(services, account, "forward");
  return createTokens(services.store, services.key, account, {
    init: (signal) => getInitToken(account, { deps, signal }),
    refresh: (token, signal) => refreshToken(account, token, { deps, signal }),
  });
}

/** A source's dependencies, bound to the store: shared tokens, budget and clock. */
export function sourceDeps(services: Services, account: AccountConfig, lane: Lane, signal: AbortSignal, onGrant?: (readNo: string) => void): SourceDeps {
  const tokens = tokensOf(services, account);
  return {
    ...budgetDeps(services, account, lane, onGrant),
    token: () => tokens.current(signal),
    renewToken: (used) => tokens.renew(used, signal),
  };
}

/** Everything that work on a pipeline needs, bound to one activity's signal and progress. */
export function pipelineContext(
  services: Services, name: string, lane: Lane, running: { signal: AbortSignal; progress: (done: number) => void },
): PipelineContext {
  const pipeline = pipelineOf(services.config, name);
  const account = accountOf(services.config, pipeline.source.account);
  const bind = (): BudgetedSource => {
    let readNo = "0";
    const deps = sourceDeps(services, account, lane, running.signal, (granted) => {
      readNo = granted;
    });
    return { source: createJushuitanSource({ account, api: getApi(pipeline.source.api), deps }), readNo: () => readNo };
  };
  let bound: BudgetedSource | undefined;
  return {
    store: services.store, pipeline, account, lane, ...running,
    source: () => (bound ??= bind()),
    target: () => targetOf(pipeline),
  };
}
