import { sql } from "kysely";
import type { AppAccount, BearerAccount, LegacyAccount } from "../../src/config/types.ts";
import { LEGACY_PATH } from "../../src/simulator/jushuitan/legacy.ts";
import { type JushuitanOptions, type JushuitanSimulator, startJushuitan } from "../../src/simulator/jushuitan/server.ts";
import { createJushuitanSource, getApi } from "../../src/source/jushuitan/index.ts";
import type { Store } from "../../src/store/db.ts";
import { type Services, sourceDeps, tokensOf } from "../../src/sync/services.ts";
import { TEST_KEY, testConfig, testStore } from "../support/pipeline.ts";

export const LEGACY_TOKEN = "0123456789abcdef0123456789abcdef";
export const BEARER_TOKEN = "demo-bearer-token-0001";
export const DAY = 86_400_000;

type Kinds = { legacy: LegacyAccount; bearer: BearerAccount; isv: AppAccount };

/** An account of a kind against a simulator, with a store of its own. */
export interface TokenBench {
  simulator: JushuitanSimulator;
  store: Store;
  services: Services;
  tokens: ReturnType<typeof tokensOf>;
  /** The simulator's own account of what it was asked. */
  state(): Promise<State>;
  /** One page of orders, as a run reads it. */
  read(): Promise<number>;
  /** The account's rows as the database holds them. */
  dump(): Promise<string>;
  close(): Promise<void>;
}

interface State {
  legacyToken: { refreshed: number; refreshTooEarly: number };
  bearer: { refreshed: number };
  requests: { byPath: Record<string, number>; byCode: Record<string, number> };
}

export const never = new AbortController().signal;

export async function startTokens<Kind extends keyof Kinds>(kind: Kind, account: Partial<Kinds[Kind]> = {}, jushuitan: JushuitanOptions = {}): Promise<TokenBench> {
  const simulator = await startJushuitan({ perSecond: null, perMinute: null, orders: 20, ...jushuitan });
  const common = { name: "main", platform: "jushuitan", limits: { perSecond: 1_000, perMinute: 60_000 }, timeoutMs: 5_000, baseUrl: simulator.url } as const;
  const kinds: Kinds = {
    legacy: {
      ...common, kind: "legacy", baseUrl: simulator.url + LEGACY_PATH, partnerId: "demo-partner-0001", partnerKey: "demo-partner-key-0001",
      token: LEGACY_TOKEN, tokenExpiresAt: null, holdAfterRefreshMs: 0,
    },
    bearer: { ...common, kind: "bearer", token: BEARER_TOKEN, tokenId: null },
    isv: {
      ...common, kind: "isv", appKey: "a1b2c3d4e5f60718293a4b5c6d7e8f90", appSecret: "0f1e2d3c4b5a69788796a5b4c3d2e1f0", authUrl: "https://openweb.jushuitan.com/auth",
      accessToken: "00112233445566778899aabbccddeeff", refreshToken: null, tokenExpiresAt: null,
    },
  };
  const config = testConfig();
  config.accounts["main"] = { ...kinds[kind], ...account };
  const store = await testStore();
  const services: Services = { config, store, key: TEST_KEY };
  const source = createJushuitanSource({ account: config.accounts["main"], api: getApi("/open/orders/single/query"), deps: sourceDeps(services, config.accounts["main"], "forward", never) });
  return {
    simulator, store, services, tokens: tokensOf(services, config.accounts["main"]),
    state: async () => (await (await fetch(`${simulator.url}/_admin/state`)).json()) as State,
    read: async () => (await source.readVersions({ from: "1", pageSize: 50, params: {} }, never)).rows.length,
    async dump() {
      const { rows } = await sql<{ dump: string }>`
        select coalesce((select json_agg(a) from account a)::text, '') || coalesce((select json_agg(t) from account_token t)::text, '') as dump`.execute(store.db);
      return rows[0]!.dump;
    },
    close: async () => void (await Promise.all([simulator.close(), store.close()])),
  };
}
