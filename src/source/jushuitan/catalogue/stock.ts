import type { ApiDescription } from "../../contract.ts";
import { days, describe, pages } from "./describe.ts";

const IO_DATE = { windowParams: { date_type: 0 }, dateTypes: "date_type 0 modified (the default), 2 io_date" } as const;
const TIMES = { windowKeys: ["start_time", "end_time"], flat: true } as const satisfies Partial<ApiDescription>;

/** What lies in warehouses, and how it moves. */
export const STOCK_APIS: readonly ApiDescription[] = [
  describe({
    path: "/open/inventory/query", method: "inventory.query",
    title: "商品库存查询",
    listFields: ["inventorys"], idField: "sku_id+wms_co_id", versionField: "ts", versionParam: "ts", versionAlone: true, totalsParam: false,
    pageSize: pages(100), totals: false, params: { wms_co_id: 0 },
    parameters: ["wms_co_id (0: the total of all warehouses)", "sku_ids (text with commas, 100 at most)", "names", "i_ids", "has_lock_qty (adds lock_qty)"],
    oddities: [
      "no totals", "the rows do not say which warehouse was asked for: it comes from params",
      "a version query takes no other parameter, so one warehouse, or lock_qty, is followed by windows",
    ],
    neverReturns: ["changes of the defective and the custom warehouses, unless the merchant has switched that on at the platform: they leave `modified` as it is"],
  }),
  describe({
    path: "/open/pack/query", method: "pack.query",
    title: "箱及仓位库存查询",
    idField: "sku_id+wms_co_id+pack_id+bin+batch_no", windowKeys: ["start_time", "end_time"], windowMs: days(1), pageSize: pages(200), totals: false,
    parameters: ["sku_ids (20 at most)", "pack_type: Bin, DefaultPack, Pack", "owner_co_id"],
    oddities: ["no totals by time, and another form of answer", "no has_next", "the total is spelt date_count", "a query by time has to be switched on by the platform", "pack_id, bin and batch_no may be empty"],
  }),
  describe({
    path: "/open/inventory/count/query", method: "inventory.count.query",
    title: "盘点单查询",
    idField: "io_id",
    parameters: ["io_ids (text with commas, 50 at most)"],
    oddities: ["items have qty, and r_qty beside it"],
  }),
  describe({
    path: "/open/other/inout/query", method: "other.inout.query",
    title: "其它出入库查询",
    idField: "io_id", ...IO_DATE,
    parameters: ["types: 其它退货, 其它出库, 其它进仓", "wms_co_id", "status", "io_ids, so_ids (50 at most)"],
    oddities: ["start_ts is taken, but the rows are not said to carry a ts: windows are used"],
  }),
  describe({
    path: "/open/allocate/query", method: "allocate.query",
    title: "调拨单查询",
    idField: "io_id", ...IO_DATE,
    parameters: ["type: 调拨出, 调拨入"],
    oddities: ["one move is two documents, joined by link_io_id", "labels and lables"],
  }),
  describe({
    path: "/open/jushuitan/inout/water/query", method: "jushuitan.inout.water.query",
    title: "进出仓流水查询",
    idField: "io_id", ...TIMES, rowAsObject: true, maxPages: 800, windowMs: days(1), windowParams: { date_type: 0 },
    dateTypes: "date_type 0 modified (the default), 1 document date, 2 in/out time",
    parameters: ["type", "wms_co_id"],
    oddities: ["flat answer", "items have an ioi_id of their own", "one field text has an object in place of the list: one with an io_id is read as a single row", "the widest window is not documented: one day is asked for"],
  }),
  describe({
    path: "/open/jushuitan/manufacture/query", method: "jushuitan.manufacture.query",
    title: "加工单查询",
    idField: "po_id", ...TIMES, pageSize: pages(100), windowParams: { date_type: 0 },
    dateTypes: "date_type 0 modified (the default), 1 created, 2 processing date",
    parameters: ["so_ids, mo_ids (20 at most)", "statusList"],
    oddities: ["flat answer", "statusList is camel case"],
  }),
];
