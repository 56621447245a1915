import { pick, yuan } from "../fragments.ts";
import { loose, members, nothing, type Row, table } from "./table.ts";

const NAMES = ["加厚羊毛围巾（红色）", "陶瓷杯 350ml", "12\" 平底锅", "全棉四件套\n(加大)", "便携榨汁机"];

/** Codes that people make up hold anything. */
export function skuCode(n: number): string {
  return n % 37 === 5 ? `SKU|${n}%7C` : n % 41 === 7 ? `加绒-${n}` : `SKU-${String(n).padStart(6, "0")}`;
}

const item = (row: Row) =>
  `${members({ i_id: `STYLE-${row.n % 40}`, name: pick(NAMES, row.bits), properties_value: "红色;均码", enabled: (row.odd & 1) === 1 ? 1 : true, weight: nothing(row), brand: "", labels: "" })},"sale_price":${yuan(990 + row.bits % 9000 + row.changes)},"cost_price":${
    (row.odd & 2) === 0 ? '""' : yuan(500)},"created":"${row.created}"`;

export const GOODS_TABLES = [
  table({ path: "/open/sku/query", ids: (n) => ({ sku_id: skuCode(n) }), select: ["date_field", "modified"], row: (row) => `"autoid":${7_000_000 + row.n},${item(row)}` }),
  table({
    path: "/open/mall/item/query", ids: (n) => ({ i_id: `STYLE-${n}` }), select: ["date_field", "modified"],
    row: (row) => `${members({ name: pick(NAMES, row.bits), brand: nothing(row), created: row.created, remark: `第${row.changes}次` })},"skus":${row.odd % 9 === 4 ? "null" : `[{"sku_id":${JSON.stringify(skuCode(row.n))},"sale_price":${yuan(1990)}}]`}`,
  }),
  table({
    path: "/open/skumap/query", ids: (n) => ({ shop_sku_id: n % 29 === 3 ? `S|${n >> 1}` : `S-${n >> 1}`, shop_id: n % 2 === 0 ? 880101 : 0 }),
    otherTimes: ["link_modified_begin", "link_modified_end"],
    row: (row) => members({ sku_id: skuCode(row.n), shop_i_id: "", i_id: `STYLE-${row.n % 40}`, enabled: loose(row, 1), link_modified: row.otherModified, created: row.created, raw_sku_id: nothing(row) }),
  }),
  table({
    path: "/open/combine/sku/query", ids: (n) => ({ sku_id: `SET-${n}` }),
    row: (row) => members({ i_id: `STYLE-${row.n}`, name: "组合装", created: row.created, enabled: true, items: [{ src_sku_id: skuCode(row.n), qty: loose(row, 2 + row.changes) }] }),
  }),
  table({ path: "/open/category/query", ids: (n) => ({ c_id: 3001 + n }), times: null, pageMax: 30, totals: false, row: (row) => members({ name: `类目 ${row.n}`, parent_c_id: row.n === 0 ? 0 : 3001 + (row.n >> 1), created: row.created, sort: loose(row, row.changes) }) }),
];
