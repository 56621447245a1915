import type { ApiDescription } from "../../contract.ts";
import { days, describe, pages } from "./describe.ts";

const QIMEN = "they need the Qimen (奇门) route";

/** Orders, what leaves the warehouse for them, and their log. */
export const ORDER_APIS: readonly ApiDescription[] = [
  describe({
    path: "/open/orders/single/query", method: "orders.single.query", historyMethod: "orders.history.query",
    title: "订单查询（自有商城、跨境线下）", shops: true,
    listFields: ["orders"], idField: "o_id", versionField: "ts", versionParam: "start_ts", pageSize: pages(100),
    windowParams: { date_type: 0 }, archive: true,
    dateTypes: "date_type 0 modified (the default), 2 order date, 3 send date",
    parameters: ["shop_id", "is_offline_shop (with shop_id 0)", "so_ids (20 at most)", "o_ids", "status", "order_types", "order_flds, order_item_flds (keep o_id, modified, ts)", "is_get_cbfinance"],
    oddities: ["numbers as text, \"\" for null", "freight and wms_co_id are text", "sku_type \"nomal\"", "receiver fields may be masked", "so_id is not unique after a split or merge"],
    neverReturns: [`Taobao and Tmall (淘系) orders: ${QIMEN}`, `Pinduoduo (拼多多) orders: ${QIMEN}`],
  }),
  // The field text names the list `datas`, one client `orders`: both are accepted.
  describe({
    path: "/open/orders/out/simple/query", method: "orders.out.simple.query", historyMethod: "jushuitan.saleout.history.query",
    title: "销售出库查询", shops: true,
    listFields: ["datas", "orders"], idField: "io_id", versionField: "ts", versionParam: "start_ts",
    windowParams: { date_type: 0 }, archive: true,
    dateTypes: "date_type 0 modified (the default), 2 io_date",
    parameters: ["status", "wms_co_id", "owner_co_id", "drp_co_id (windows of one day only)", "o_ids, so_ids, io_ids, wave_ids (50 at most)", "l_ids (20 at most)", "InoutFlds, InoutItemFlds (keep io_id, modified, ts)", "is_get_cbfinance, is_get_cblogistic"],
    oddities: ["ClusterInfos is capitalised, batchs misspelt", "receiver_phone and receiver_mobile change places"],
    neverReturns: [
      "orders that have not reached a warehouse: outbound documents begin there",
      `shipments of Taobao and Tmall (淘系) and Pinduoduo (拼多多), but for a few: ${QIMEN}`,
    ],
  }),
  describe({
    path: "/open/logistic/query", method: "logistic.query",
    title: "发货信息查询", shops: true,
    listFields: ["orders"], idField: "o_id", modifiedField: null,
    windowParams: { date_type: 0 },
    notProvable: "its rows carry no modified time and no version, so neither which of two readings is newer nor what a window holds can be told from them",
    dateTypes: "date_type 3 send time (the default), 0 modified, 1 document date, 2 order date",
    parameters: ["so_ids (20 at most)"],
    oddities: ["selects by send time unless date_type says otherwise"],
  }),
  describe({
    path: "/open/order/action/query", method: "order.action.query",
    title: "订单操作日志查询",
    idField: "oa_id", modifiedField: "created", pageSize: pages(500), windowMs: days(1), totals: false,
    parameters: ["o_id", "action_name"],
    oddities: ["no totals", "entries are only ever added"],
  }),
];
