import { scalarText } from "../../json/raw.ts";
import type { AccountConfig } from "../../config/types.ts";
import type { SourceDeps } from "../contract.ts";
import { call } from "./call.ts";
import type { HttpOptions } from "./client.ts";
import { listOf } from "./rows.ts";

const PATH = "/open/shops/query";
const PAGE_SIZE = 100; // default and maximum (official field text)

/** A shop of the merchant. */
export interface Shop {
  id: string;
  /** Empty when the platform names none. */
  name: string;
}

/**
 * All shops of the merchant. The interface states no totals, so the reading ends at an answer that is not full, or that
 * brings no new shop.
 * @throws SourceError
 */
export async function readShops(
  account: AccountConfig,
  { deps, signal, http = {} }: { deps: SourceDeps; signal: AbortSignal; http?: HttpOptions },
): Promise<Shop[]> {
  const shops = new Map<string, Shop>();
  for (let page = 1; ; page++) {
    const biz = `{"page_index":${page},"page_size":${PAGE_SIZE}}`;
    const outcome = await call({ account, deps, tokens: deps, http }, { path: PATH, method: "shops.query", biz }, signal);
    const { elements, paging } = listOf(outcome, ["datas"], ["shop_id", "shop_name"]);
    const before = shops.size;
    for (const { members } of elements) {
      const [id, name] = members.map((span) => (span === undefined ? null : scalarText(outcome.text.slice(span.start, span.end))));
      if (id != null) shops.set(id, { id, name: name ?? "" });
    }
    const full = elements.length >= PAGE_SIZE || paging.hasNext === true;
    if (!full || shops.size === before) return [...shops.values()];
  }
}
