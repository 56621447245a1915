import type { AccountConfig, BearerAccount, PipelineConfig, TidemarkConfig } from "../config/types.ts";
import { ConfigError } from "../errors.ts";
import { acquireRequest, pauseRequests } from "../quota/budget.ts";
import type { SourceDeps } from "../source/contract.ts";
import { createJushuitanSource, getApi, getInitToken, refreshBearer, refreshLegacy, refreshToken } from "../source/jushuitan/index.ts";
import { localOffset, saveOffset } from "../store/clock.ts";
import type { Store } from "../store/db.ts";
import type { Lane } from "../store/leases.ts";
import { targetOf } from "../target/open.ts";
import { createAppTokens } from "../tokens/app.ts";
import { type BearerTokens, createBearerTokens } from "../tokens/bearer.ts";
import { createLegacyTokens } from "../tokens/legacy.ts";
import type { Tokens } from "../tokens/tokens.ts";
import type { BudgetedCall, BudgetedSource, PipelineContext } from "./context.ts";
import { openingTokens, sealToken, wantsToken } from "./sealed-token.ts";
import { strategyContext } from "./strategy.ts";

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

/** The pipeline, if it reads a list: a call has no past to look at. @throws ConfigError `TM_CALL`, `TM_PIPELINE_UNKNOWN` */
export function listPipelineOf(config: TidemarkConfig, name: string): PipelineConfig {
  const pipeline = pipelineOf(config, name);
  if (getApi(pipeline.source.api, config.apis).call !== true) return pipeline;
  throw new ConfigError("TM_CALL", `the pipeline "${name}" makes a call, ${pipeline.source.api}: there is no past to read or compare, and to look would be to make it`, {
    path: `pipelines.${name}.source.api`, fix: `Run "tidemark sync ${name}" to make the call; "tidemark token show ${pipeline.source.account}" tells what it left.`,
  });
}

/** What only APIs with windows of modified time can do. @throws ConfigError `TM_NO_WINDOWS` */
export function requireWindows(config: TidemarkConfig, name: string, what: string): void {
  const { api } = listPipelineOf(config, name).source;
  if (getApi(api, config.apis).windowKeys !== null) return;
  throw new ConfigError("TM_NO_WINDOWS", `${what} goes by modified time, and ${api} has no windows of it`, {
    path: `pipelines.${name}.source.api`, fix: `Each run reads all of it and compares it with the last reading: run "tidemark sync ${name} --wait".`,
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

/** What token calls need: the shared budget, before backfills. */
export function tokenDeps(services: Services, account: AccountConfig): BudgetDeps {
  return budgetDeps(services, account, "forward");
}

/** The account's tokens, shared by all workers. */
export function tokensOf(services: Services, account: AccountConfig): Tokens {
  const { store, key } = services;
  if (account.kind === "bearer") return bearerTokensOf(services, account);
  const deps = budgetDeps(services, account, "forward");
  if (account.kind === "legacy") {
    return createLegacyTokens({ store, key, account }, { refresh: (token, signal) => refreshLegacy(account, token, { deps, signal }), hold: deps.pause });
  }
  return createAppTokens({ store, key, account }, {
    init: (signal) => getInitToken(account, { deps, signal }),
    refresh: (token, signal) => refreshToken(account, token, { deps, signal }),
  });
}

/** The tokens of a bearer account, with the exchange that its pipelines make. */
export function bearerTokensOf(services: Services, account: BearerAccount, onGrant?: (readNo: string) => void): BearerTokens {
  const deps = budgetDeps(services, account, "forward", onGrant);
  return createBearerTokens({ ...services, account }, { exchange: (token, signal) => refreshBearer(account, token, { deps, signal }) });
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
  const api = getApi(pipeline.source.api, services.config.apis);
  const withToken = api.call === true && wantsToken(pipeline.mapping.record);
  const bind = (): BudgetedSource => {
    let readNo = "0";
    const deps = sourceDeps(services, account, lane, running.signal, (granted) => {
      readNo = granted;
    });
    return { source: createJushuitanSource({ account, api, deps }), readNo: () => readNo };
  };
  const bindCall = (): BudgetedCall => {
    if (account.kind !== "bearer") throw new TypeError(`account ${account.name} is no bearer account`);
    let readNo = "0";
    const tokens = bearerTokensOf(services, account, (granted) => {
      readNo = granted;
    });
    return { tokens, readNo: () => readNo, seal: withToken ? (token) => sealToken(services.key, token) : null };
  };
  let bound: BudgetedSource | undefined;
  return {
    store: services.store, pipeline, account, api, lane, ...running,
    source: () => (bound ??= bind()),
    call: bindCall,
    target: () => (withToken ? openingTokens(targetOf(pipeline), services.key) : targetOf(pipeline)),
    strategy: () => strategyContext(services, pipeline),
  };
}
