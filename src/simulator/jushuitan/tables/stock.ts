import { yuan } from "../fragments.ts";
import { skuCode } from "./goods.ts";
import { DAY, loose, members, nothing, type Row, table } from "./table.ts";

const items = (row: Row) => (row.odd % 13 === 5 ? null : [{ ioi_id: 90_000_000 + row.n, sku_id: skuCode(row.n % 200), qty: loose(row, 1 + (row.bits % 9) + row.changes), name: "陶瓷杯", unit: "条" }]);
const document = (row: Row, more: Record<string, unknown> = {}) =>
  members({ co_id: 990001, status: row.status, wms_co_id: (row.odd & 4) === 0 ? 0 : "0", created: row.created, io_date: row.created, remark: `备注\n"${row.changes}"`, labels: "加急", ...more, items: items(row) });
const IO_DATE = { select: ["date_type", "0"] } as const;
const STATUSES = ["WaitConfirm", "Confirmed", "Confirmed", "Cancelled"];

export const STOCK_TABLES = [
  table({
    path: "/open/inventory/query", list: "inventorys", ids: (n) => ({ sku_id: skuCode(n) }), asked: { wms_co_id: "0" }, version: "number", pageMax: 100,
    ts: { param: "ts", alone: true, quiet: false }, totals: false, fixed: { wms_co_id: "0" },
    row: (row) => members({ i_id: `STYLE-${row.n % 40}`, qty: loose(row, row.bits % 500 + row.changes), order_lock: row.bits % 7, pick_lock: 0, virtual_qty: nothing(row), purchase_qty: 0, return_qty: 0, in_qty: 0, defective_qty: "" }),
  }),
  table({
    path: "/open/pack/query", ids: (n) => ({ sku_id: skuCode(n >> 2), wms_co_id: 10001, pack_id: n % 2 === 0 ? `P|${n >> 1}` : `P%7C${n >> 1}`, bin: n % 4 < 2 ? "" : `A-${n}`, batch_no: n % 3 === 0 ? "" : `B${n}` }),
    times: ["start_time", "end_time"], span: DAY, pageDefault: 50, pageMax: 200, totals: false, hasNext: false,
    row: (row) => members({ qty: loose(row, row.changes + 1), pack_type: row.n % 2 === 0 ? "Pack" : "Bin", wh_id: 1, product_date: nothing(row) }),
  }),
  table({ path: "/open/inventory/count/query", ids: (n) => ({ io_id: 4_000_001 + n }), statusNames: STATUSES, row: (row) => document(row, { wh_id: 1 }) }),
  table({ path: "/open/other/inout/query", ids: (n) => ({ io_id: 5_000_001 + n }), ...IO_DATE, statusNames: STATUSES, row: (row) => document(row, { type: "其它进仓", so_id: "" }) }),
  table({ path: "/open/allocate/query", ids: (n) => ({ io_id: 6_000_001 + n }), ...IO_DATE, statusNames: STATUSES, row: (row) => document(row, { type: row.n % 2 === 0 ? "调拨出" : "调拨入", link_io_id: 6_000_001 + (row.n ^ 1), lables: "" }) }),
  table({
    path: "/open/jushuitan/inout/water/query", ids: (n) => ({ io_id: 7_000_001 + n }), times: ["start_time", "end_time"], select: ["date_type", "0"], span: DAY, flat: true, mostPages: 800, pageDefault: 50,
    row: (row) => document(row, { type: "销售出仓" }),
  }),
  table({
    path: "/open/jushuitan/manufacture/query", ids: (n) => ({ po_id: 8_000_001 + n }), times: ["start_time", "end_time"], select: ["date_type", "0"], flat: true, pageDefault: 20, pageMax: 100, statusNames: STATUSES,
    row: (row) => `${members({ mo_id: `MO-${row.n}`, status: row.status, created: row.created, remark: nothing(row) })},"amount":${yuan(row.bits % 99_999 + row.changes)}`,
  }),
];
