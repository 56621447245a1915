import { COMPANY, FIRST_SHOP, SHOP_NAMES } from "../order-facts.ts";
import { DAY, loose, members, nothing, type Row, table } from "./table.ts";

/** Shops of the account: those that deliver orders, the offline shop, one whose orders the order interface never carries, and what is added. */
const FIRST_SHOPS = SHOP_NAMES.length + 2;
const shopId = (n: number) => (n < SHOP_NAMES.length ? FIRST_SHOP + n : n === SHOP_NAMES.length ? 0 : FIRST_SHOP + n - 1);

function shop({ n, changes }: Row): string {
  const offline = n === SHOP_NAMES.length;
  const silent = n === SHOP_NAMES.length + 1;
  const name = SHOP_NAMES[n] ?? (offline ? "线下门店" : silent ? "演示天猫店" : `新店 ${n}`);
  const created = offline ? "2025-03-01 10:00:00.123" : silent ? "2025-06-18 00:00:00.007" : "2025-03-01 10:00:00";
  return members({
    shop_name: name, co_id: COMPANY, shop_site: offline ? "" : silent ? "淘宝天猫" : "自有商城", shop_url: "", created, nick: name,
    session_expired: `${2027 + changes}-01-01 00:00:00`, session_uid: "", short_name: name.slice(0, 4),
  });
}

export const PARTY_TABLES = [
  table({ path: "/open/shops/query", ids: (n) => ({ shop_id: shopId(n) }), modified: null, times: null, totals: false, pageDefault: 100, pageMax: 100, seeded: FIRST_SHOPS, still: true, row: shop }),
  table({
    path: "/open/wms/partner/query", ids: (n) => ({ wms_co_id: 10001 + n }), modified: null, times: null, totals: false, pageMax: 30,
    row: (row) => members({ name: `分仓 ${row.n}`, co_id: COMPANY, is_main: row.n === 0, status: "生效", remark1: String(row.changes), remark2: nothing(row) }),
  }),
  table({ path: "/open/logisticscompany/query", ids: (n) => ({ lc_id: `LC-${n}` }), span: DAY, row: (row) => members({ lc_name: `快递 ${row.n}`, enabled: loose(row, 1), kind: row.changes }) }),
  table({
    path: "/open/supplier/query", ids: (n) => ({ supplier_id: 7001 + n }), span: DAY, pageMax: 500,
    row: (row) => members({ name: `供应商 ${row.n}`, enabled: (row.odd & 1) === 1 ? 1 : true, supplier_code: nothing(row), bankacount: "", acountnumber: "", depositbank: "", remark: `第${row.changes}次` }),
  }),
];
