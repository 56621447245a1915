import type { ApiDescription } from "../../contract.ts";
import { describe, pages, WHOLE } from "./describe.ts";

const DATE_FIELD = { windowParams: { date_field: "modified" }, dateTypes: "date_field modified (the default), created" } as const;

/** What is sold: SKUs, styles, what shops call them, sets, categories. */
export const GOODS_APIS: readonly ApiDescription[] = [
  describe({
    path: "/open/sku/query", method: "sku.query",
    title: "商品查询（按 SKU）",
    idField: "sku_id", ...DATE_FIELD,
    parameters: ["sku_ids (text with commas, 20 at most)", "exactly_name", "name (one)", "i_ids", "sku_codes", "flds (keep sku_id, modified)"],
    oddities: ["windows of an hour are advised: Tidemark's are as wide as a slice holds records", "enabled is a boolean or 0 and 1", "a renamed SKU gets another sku_id and keeps its autoid"],
  }),
  describe({
    path: "/open/mall/item/query", method: "mall.item.query",
    title: "商品查询（按款）",
    idField: "i_id", ...DATE_FIELD,
    parameters: ["only_item", "i_ids (20 at most)", "item_flds (keep i_id, modified), itemsku_flds"],
    oddities: ["its SKUs stand in skus"],
  }),
  describe({
    path: "/open/skumap/query", method: "skumap.query",
    title: "店铺商品查询", shops: true,
    idField: "shop_sku_id+shop_id", modifiedField: "modified+link_modified", otherWindowKeys: ["link_modified_begin", "link_modified_end"], totals: false,
    dateTypes: "created_begin/_end",
    parameters: ["sku_ids (online SKUs, 20 at most)", "shop_id"],
    oddities: [
      "a changed link moves link_modified; whether it moves modified too is not documented, so each window is asked for by both",
      "it announces totals, but none for both together",
    ],
  }),
  describe({
    path: "/open/combine/sku/query", method: "combine.sku.query",
    title: "组合装商品查询",
    idField: "sku_id",
    parameters: ["sku_ids (20 at most)", "i_ids", "combine_itemsku_flds"],
    oddities: ["its parts stand in items"],
  }),
  describe({
    path: "/open/category/query", method: "category.query",
    title: "商品类目查询",
    idField: "c_id", ...WHOLE,
    pageSize: pages(30),
    parameters: ["c_ids", "parent_c_ids"],
    oddities: ["windows and the largest page are not documented: it is read whole, in pages of the usual default"],
  }),
];
