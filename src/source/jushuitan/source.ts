import type { AccountConfig, JsonValue } from "../../config/types.ts";
import type { ApiDescription, ListQuery, Source, SourceAnswer, SourceDeps, WindowQuery } from "../contract.ts";
import { isLastAnswer } from "../walk-window.ts";
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
 * A list of Jushuitan, read with an account of the new platform or the old one.
 * @throws ConfigError `TM_CONFIG_PARAMS` when a parameter belongs to the cursor
 */
export function createJushuitanSource({ account, api, deps, http = {}, params = {} }: JushuitanSourceOptions): Source {
  checkParams(api, params);
  /** Archived records may be another interface on the old platform; it takes no parameter for them then. */
  const hasHistory = account.kind === "legacy" && api.historyMethod !== null;
  const link: Link = { account, deps, tokens: deps, http };

  const ask = async (biz: string, query: Pick<ListQuery, "params"> & { archive?: boolean }, totals: boolean, signal: AbortSignal): Promise<SourceAnswer> => {
    const method = query.archive === true && hasHistory ? api.historyMethod : api.method;
    const outcome = await call(link, { path: api.path, method, biz }, signal);
    const { rows, paging } = rowsOf(outcome, api, asked(api, query));
    const { total, pageCount, hasNext } = paging;
    return { rows, total: totals ? total : null, pageCount: totals ? pageCount : null, hasNext, requests: outcome.requests };
  };

  const flagged = <Query extends { archive?: boolean }>(query: Query): Query => (hasHistory ? { ...query, archive: false } : query);

  return {
    api,
    // With is_get_total false the totals are absent or meaningless (official field text).
    readVersions: async (query, signal) => ask(versionBiz(api, flagged(query)), query, false, signal),
    async readWindow(query, signal) {
      if (api.otherWindowKeys === null) return ask(windowBiz(api, flagged(query)), query, api.totals, signal);
      const one = await ask(windowBiz(api, flagged(query)), query, true, signal);
      return together(query, one, await ask(windowBiz(api, flagged(query), api.otherWindowKeys), query, true, signal));
    },
    readList: async (query, signal) => ask(listBiz(api, query), query, false, signal),
  };
}

/** Two readings of a window as one answer without a total: a row in both is there once, as the later one gave it. */
function together({ page, pageSize }: WindowQuery, ...answers: SourceAnswer[]): SourceAnswer {
  const rows = new Map(answers.flatMap((answer) => answer.rows).map((row, i) => [row.id ?? i, row]));
  const hasNext = answers.some((answer) => !isLastAnswer(answer, pageSize) || (answer.total ?? 0) > (page - 1) * pageSize + answer.rows.length);
  return { rows: [...rows.values()], total: null, pageCount: null, hasNext, requests: answers.reduce((sum, answer) => sum + answer.requests, 0) };
}
