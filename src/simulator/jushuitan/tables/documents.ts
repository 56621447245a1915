import { BUYERS, pick, yuan } from "../fragments.ts";
import { soId } from "../order-facts.ts";
import { skuCode } from "./goods.ts";
import { DAY, loose, members, nothing, type Row, table } from "./table.ts";

const START_TS = { param: "start_ts", alone: false };
const STATUSES = ["WaitConfirm", "Confirmed", "Confirmed", "Cancelled", "Delete", "Archive", "OuterConfirming"];
const sale = (row: Row) => `${members({ o_id: 880001 + row.n, so_id: soId(row.n), shop_id: loose(row, 880101), shop_name: "演示旗舰店", status: row.status, created: row.created, remark: nothing(row) })},"shop_buyer_id":${pick(BUYERS, row.bits)}`;
const bought = (row: Row) => members({ status: row.status, supplier_id: (row.odd & 8) === 0 ? 7001 : "7001", supplier_name: "演示供应商", created: row.created, io_date: row.created, wms_co_id: 0, remark: `第${row.changes}次`, items: [{ ioi_id: 50_000 + row.n, sku_id: skuCode(row.n % 200), qty: loose(row, 3), inQty: row.changes, cost_price: "" }] });

/** Documents of sales, returns and purchases. */
export const DOCUMENT_TABLES = [
  table({
    path: "/open/refund/single/query", ids: (n) => ({ as_id: 550001 + n }), version: "text", ts: { ...START_TS, quiet: true }, archive: "archive", select: ["date_type", "0"], statusNames: ["WaitConfirm", "Confirmed", "Cancelled"],
    row: (row) => `${sale(row)},"type":"普通退货","good_status":"BUYER_RECEIVED","refund":${yuan(row.bits % 90_000 + row.changes)},"payment":0,"free_amount":"","freight":"0.00","labels":"","order_labels":["加急","礼品"],"batchs":[],"items":${row.odd % 9 === 2 ? "null" : `[{"asi_id":${551001 + row.n},"qty":1,"r_qty":${row.changes},"defective_qty":""}]`}`,
  }),
  table({
    path: "/open/aftersale/received/query", ids: (n) => ({ io_id: 560001 + n }), version: "number", ts: { ...START_TS, quiet: false }, select: ["date_type", "0"],
    row: (row) => `${sale(row)},"as_id":${550001 + row.n},"io_date":"${row.created}","items":[{"sku_id":"SKU-000001","qty":${1 + row.changes},"amount":${yuan(9900)}}]`,
  }),
  table({
    path: "/open/webapi/aftersaleapi/pay/payqueryasmodified", ids: (n) => ({ pay_id: `90000000000${String(100_000 + n)}` }), version: "number", ts: { ...START_TS, quiet: false },
    span: 184 * DAY, pageDefault: 1, pageMax: 1_000, mostPages: 800, archive: "is_archive", hasNext: false,
    row: (row) => `${sale(row)},"as_id":${550001 + row.n},"amount":${yuan(row.bits % 90_000 + row.changes)},"payment":"支付宝","outer_pay_id":""`,
  }),
  table({
    path: "/open/order/action/query", ids: (n) => ({ oa_id: 9_000_001 + n }), modified: "created", span: DAY, pageDefault: 50, pageMax: 500, totals: false, appendOnly: true,
    row: (row) => members({ o_id: 880001 + (row.bits % 900), name: pick(["发货", "审核", "转异常"], row.bits), remark: `"${row.n}"`, creator_name: "演示员工" }),
  }),
  // By send time unless date_type says otherwise, and rows without a time of their last change.
  table({
    path: "/open/logistic/query", list: "orders", ids: (n) => ({ o_id: 880001 + n }), modified: null, select: ["date_type", "0"],
    row: (row) => members({ so_id: soId(row.n), shop_id: 880101, send_date: row.created, l_id: `YT-${row.bits % 9_999}-${row.changes}`, logistics_company: "圆通速递" }),
  }),
  table({ path: "/open/purchase/query", ids: (n) => ({ po_id: 300001 + n }), statusNames: ["Creating", "WaitConfirm", "Confirmed", "Finished", "Cancelled", "Delete"], row: bought }),
  table({ path: "/open/purchasein/query", ids: (n) => ({ io_id: 310001 + n }), version: "number", ts: { ...START_TS, alone: true, quiet: true }, select: ["date_type", "0"], statuses: "statuss", statusNames: STATUSES, row: bought }),
  table({ path: "/open/webapi/wmsapi/purchasein/purchaseinquery", ids: (n) => ({ io_id: 310001 + n }), version: "text", ts: { ...START_TS, alone: true, quiet: true }, select: ["date_type", "0"], statuses: "statuss", statusNames: STATUSES, row: bought }),
  table({ path: "/open/purchaseout/query", ids: (n) => ({ io_id: 320001 + n }), select: ["date_type", "0"], statusNames: STATUSES, row: bought }),
  table({ path: "/open/jushuitan/purchasebooking/query", ids: (n) => ({ po_id: 330001 + n }), times: ["start_time", "end_time"], flat: true, pageMax: 100, row: bought }),
];
