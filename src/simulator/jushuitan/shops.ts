import { memberText, objectMembers, scalar } from "../json-bytes.ts";
import { badParameter, type Refusal } from "./codes.ts";
import { COMPANY, FIRST_SHOP, SHOP_NAMES } from "./order-facts.ts";

export const SHOPS_PATH = "/open/shops/query";
const LARGEST_PAGE = 100;

/** All shops of the account: those that deliver orders, the offline shop, and one whose orders this interface never carries. */
const SHOPS = [
  ...SHOP_NAMES.map((name, n) => shop(FIRST_SHOP + n, name, "自有商城", "2025-03-01 10:00:00")),
  shop(0, "线下门店", "", "2025-03-01 10:00:00.123"),
  shop(FIRST_SHOP + SHOP_NAMES.length, "演示天猫店", "淘宝天猫", "2025-06-18 00:00:00.007"),
];

function shop(id: number, name: string, site: string, created: string): string {
  return JSON.stringify({
    shop_id: id, shop_name: name, co_id: COMPANY, shop_site: site, shop_url: "", created, nick: name, session_expired: "2027-01-01 00:00:00",
    session_uid: "", short_name: name.slice(0, 4),
  });
}

/** The answer's `data` for `/open/shops/query`: no totals. */
export function shopsData(biz: string): string | Refusal {
  const bytes = Buffer.from(biz);
  try {
    const members = objectMembers(bytes) ?? [];
    const page = Number(scalar(memberText(bytes, members, "page_index")) ?? 1);
    const size = Number(scalar(memberText(bytes, members, "page_size")) ?? LARGEST_PAGE);
    if (!Number.isInteger(page) || page < 1) return badParameter("page_index");
    if (!Number.isInteger(size) || size < 1 || size > LARGEST_PAGE) return badParameter(`page_size 最大${LARGEST_PAGE}`);
    const rows = SHOPS.slice((page - 1) * size, page * size);
    return `{"page_index":${page},"page_size":${size},"has_next":${SHOPS.length > page * size},"datas":[${rows.join(",")}]}`;
  } catch {
    return badParameter("biz");
  }
}
