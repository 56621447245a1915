import type { ApiDescription } from "../../contract.ts";
import { describe, pages } from "./describe.ts";

/** Unless they are named, only `Confirmed` is answered, and a cancellation would never be seen. */
const ALL_STATUSES = ["WaitConfirm", "Confirmed", "Cancelled", "Delete", "Archive", "OuterConfirming"];

const PURCHASE_IN = {
  idField: "io_id", versionField: "ts", windowParams: { date_type: 0, statuss: ALL_STATUSES },
  dateTypes: "date_type 0 modified (the default), 2 io_date",
  oddities: [
    "only Confirmed unless statuss (double s) names others: all are asked for",
    "start_ts is taken, but with paging alone, and which statuses it answers is not documented: windows are used",
  ],
} as const satisfies Partial<ApiDescription>;

/** What is bought. */
export const PURCHASE_APIS: readonly ApiDescription[] = [
  describe({
    path: "/open/purchase/query", method: "purchase.query",
    title: "采购单查询",
    idField: "po_id",
    parameters: ["po_ids", "so_ids"],
    oddities: ["an item's quantity is what was ordered", "items[].inQty is camel case"],
  }),
  describe({
    path: "/open/purchasein/query", method: "purchasein.query",
    title: "采购入库查询",
    ...PURCHASE_IN,
    parameters: ["io_ids (30 at most)"],
  }),
  describe({
    path: "/open/webapi/wmsapi/purchasein/purchaseinquery",
    title: "采购入库查询（新）",
    ...PURCHASE_IN,
    parameters: ["seller_ids", "io_ids (30 at most)"],
    oddities: [...PURCHASE_IN.oddities, "ts is text", "an app may have the permission for this interface and not for /open/purchasein/query"],
  }),
  describe({
    path: "/open/purchaseout/query", method: "purchaseout.query",
    title: "采购退货查询",
    idField: "io_id", windowParams: { date_type: 0 },
    dateTypes: "date_type 0 modified (the default), 2 io_date",
    parameters: ["status", "io_ids (30 at most)"],
  }),
  describe({
    path: "/open/jushuitan/purchasebooking/query", method: "jushuitan.purchasebooking.query",
    title: "采购预约查询",
    idField: "po_id", flat: true, windowKeys: ["start_time", "end_time"], pageSize: pages(100),
    oddities: ["flat answer"],
  }),
];
