import type { ApiDescription } from "../../contract.ts";
import { days, describe, pages } from "./describe.ts";

const OWN_MALLS = "after-sale records of other platforms than own malls (自有商城): they need the Qimen (奇门) route";

/** After-sale: refunds, what came back, what was paid back. */
export const REFUND_APIS: readonly ApiDescription[] = [
  describe({
    path: "/open/refund/single/query", method: "refund.single.query", historyMethod: "refund.history.query",
    title: "退货退款查询", shops: true,
    idField: "as_id", versionField: "ts", versionParam: "start_ts", archive: true,
    windowParams: { date_type: 0 },
    dateTypes: "date_type 0 modified, 1 created, 2 confirm_date (older text)",
    parameters: ["so_ids, o_ids, as_ids, shop_buyer_ids (50 at most)", "status", "good_status", "type (Chinese value)", "owner_co_id"],
    oddities: ["ts is text", "labels is text, order_labels a list", "archive is named by the older text only"],
    neverReturns: [OWN_MALLS],
  }),
  describe({
    path: "/open/aftersale/received/query", method: "aftersale.received.query",
    title: "实际收货查询", shops: true,
    idField: "io_id", versionField: "ts", versionParam: "start_ts", totalsParam: false,
    windowParams: { date_type: 0 },
    dateTypes: "date_type 0 modified, 1 created, 2 order date, 4 real in/out time",
    parameters: ["as_ids, io_ids (50 at most)", "so_ids", "o_ids", "shop_id"],
  }),
  describe({
    path: "/open/webapi/aftersaleapi/pay/payqueryasmodified",
    title: "售后支付查询", shops: true,
    idField: "pay_id", versionField: "ts", versionParam: "start_ts", totalsParam: false,
    pageSize: pages(1_000), maxPages: 800, windowMs: days(180), archive: true, archiveParam: "is_archive",
    parameters: ["shop_id"],
    oddities: ["the page size is 1 unless one is sent", "no has_next", "pay_id has 64-bit digits"],
    neverReturns: [OWN_MALLS],
  }),
];
