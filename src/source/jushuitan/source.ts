import type { AccountConfig, JsonValue } from "../../config/types.ts";
import type { ApiDescription, ListQuery, Source, SourceAnswer, SourceDeps } from "../contract.ts";
import { asked, checkParams, listBiz, versionBiz, windowBiz } from "./biz.ts";
import { call, type Link } from "./call.ts";
import type { HttpOptions } from "./client.ts";
import { rowsOf } from "./rows.ts";

/** What a source is made of. */
export interface JushuitanSourceOptions {
  account: AccountConfig;
  api: ApiDescription;
  deps: SourceDeps;
  http?: HttpOptions;
  /** The pipeline's parameters, only to have them refused here rather than at the first query. */
  params?: Record<string, JsonValue>;
}

/**
 * An API of Jushuitan's new open platform, read with an account.
 * @throws ConfigError `TM_CONFIG_PARAMS` when a parameter belongs to the cursor
 */
export function createJushuitanSource({ account, api, deps, http = {}, params = {} }: JushuitanSourceOptions): Source {
  checkParams(api, params);
  const link: Link = { account, deps, tokens: deps, http };

  const ask = async (biz: string, query: Pick<ListQuery, "params">, totals: boolean, signal: AbortSignal): Promise<SourceAnswer> => {
    const outcome = await call(link, { path: api.path, fields: { version: "2", biz } }, signal);
    const { rows, paging } = rowsOf(outcome, api, asked(api, query));
    const { total, pageCount, hasNext } = paging;
    return { rows, total: totals ? total : null, pageCount: totals ? pageCount : null, hasNext, requests: outcome.requests };
  };

  return {
    api,
    // With is_get_total false the totals are absent or meaningless (official field text).
    readVersions: async (query, signal) => ask(versionBiz(api, query), query, false, signal),
    readWindow: async (query, signal) => ask(windowBiz(api, query), query, api.totals, signal),
    readList: async (query, signal) => ask(listBiz(api, query), query, false, signal),
  };
}
