import type { ApiDescription } from "../../contract.ts";
import { days, describe, pages, WHOLE } from "./describe.ts";

/** With whom: shops, warehouses, carriers, suppliers. */
export const PARTY_APIS: readonly ApiDescription[] = [
  describe({
    path: "/open/shops/query", method: "shops.query",
    title: "店铺查询",
    idField: "shop_id", modifiedField: null, ...WHOLE, pageSize: pages(100),
    parameters: ["shop_ids"],
    oddities: ["no totals", "created with milliseconds now and then", "session_expired is when the shop's own authorisation ends"],
  }),
  describe({
    path: "/open/wms/partner/query", method: "wms.partner.query",
    title: "仓库查询",
    idField: "wms_co_id", modifiedField: null, ...WHOLE, pageSize: pages(30),
    oddities: ["no filter", "is_main marks the main warehouse", "the largest page is not documented: the default is asked for"],
  }),
  describe({
    path: "/open/logisticscompany/query", method: "logisticscompany.query",
    title: "物流公司查询",
    idField: "lc_id", windowMs: days(1),
    parameters: ["wms_co_id (then: carriers enabled for that company)"],
    oddities: ["lc_id is text", "the widest window is not documented: one day is asked for"],
  }),
  describe({
    path: "/open/supplier/query", method: "supplier.query",
    title: "供应商查询",
    idField: "supplier_id", pageSize: pages(500), windowMs: days(1),
    parameters: ["supplier_ids, names (50 at most)", "supplier_codes"],
    oddities: ["bankacount, acountnumber and depositbank are spelt so", "times are obligatory without ids"],
  }),
];
