import { mix } from "../random.ts";
import { shanghaiText } from "../shanghai.ts";
import type { RowState, TableDescription } from "./collection.ts";
import { BUYERS, CARRIERS, LABELS, MESSAGES, PAYMENTS, pick, PLACES, QUESTIONS, RECEIVERS, REMARKS, SHOP_STATUS, yuan } from "./fragments.ts";
import { COMPANY, FIRST_SHOP, type Line, orderFacts, SHOP_NAMES, statusOf } from "./order-facts.ts";

/** Id of the first order. */
export const FIRST_ORDER = 880001;
const FIRST_ITEM = 770001;

/**
 * An order as `orders/single/query` writes it: about 2 KB, all keys of the field text, money with two decimals. With the
 * oddities on, some numbers are text, some absent ones `""` or null, and `o_id` is text now and then.
 */
function renderOrder(state: RowState): string {
  const { seed, index, changes, oddities } = state;
  const facts = orderFacts(seed, index);
  const status = statusOf(seed, index, changes);
  const bits = facts.bits;
  const odd = oddities ? mix(seed, index, 1000 + changes) : 0;
  const id = FIRST_ORDER + index;
  const offline = (bits >>> 5) % 16 === 0;
  const paid = status !== "WaitPay" && status !== "Cancelled";
  const sent = status === "Sent";
  // Some orders lose their last line with their second change.
  const lines = changes >= 2 && facts.lines.length > 1 && (bits >>> 20) % 2 === 0 ? facts.lines.slice(0, -1) : facts.lines;
  const goods = lines.reduce((sum, line) => sum + line.good.cents * line.qty, 0);
  const payable = yuan(goods + facts.freight);
  const created = shanghaiText(state.created);
  const payDate = paid ? shanghaiText(state.created + 37) : "";
  const sendDate = sent ? shanghaiText(Math.max(state.created + 60, state.modified - 2)) : "";
  const carrier = pick(CARRIERS, bits >>> 7);
  const empty = oddities ? '""' : "null";
  const text = (odd & 7) === 1;
  const origin = status === "Split" ? "SPLIT" : status === "Merged" ? "MERGE" : "ERP";
  const isSplit = (bits >>> 9) % 23 === 0;
  const isMerge = !isSplit && (bits >>> 9) % 29 === 0;
  const question = status === "Question" ? `${pick(QUESTIONS, bits)},"question_desc":"收货地址\\"不完整\\""` : '"","question_desc":""';

  return `{"o_id":${(odd & 15) === 3 ? `"${id}"` : id},"so_id":"${facts.soId}","co_id":${COMPANY},"shop_id":${offline ? '"0"' : FIRST_SHOP + facts.shop},"shop_name":"${
    offline ? "线下门店" : SHOP_NAMES[facts.shop]
  }","shop_site":"${offline ? "" : "自有商城"}","status":"${status}","shop_status":${pick(SHOP_STATUS, bits >>> 3)},"type":"普通订单","order_from":"${origin}","question_type":${question},"order_date":"${created}","pay_date":"${payDate}","send_date":${
    sendDate === "" && (odd & 32) !== 0 ? "null" : `"${sendDate}"`
  },"created":"${created}","modified":"${shanghaiText(state.modified)}","end_time":"","plan_delivery_date":null,"ts":${state.ts},"pay_amount":${
    text ? `"${payable}"` : payable
  },"paid_amount":${paid ? payable : 0},"freight":"${facts.freight === 0 ? "" : yuan(facts.freight)}","free_amount":${(odd & 64) === 0 ? "0" : empty},"platform_free_amount":${empty},"pay_free_amount":${empty},"referrer_free_amount":${empty},"shop_free_amount":${
    (bits & 256) === 0 ? empty : "10.00"
  },"buyer_paid_amount":${empty},"seller_income_amount":${empty},"currency":"","weight":${(odd & 128) === 0 ? `0.${10 + (bits % 90)}` : empty},"f_weight":${empty},"is_cod":false,"is_merge":${isMerge},"is_split":${isSplit},"merge_so_id":"","link_o_id":"${
    isSplit || isMerge ? id - 1 : ""
  }","as_id":${empty},"labels":${pick(LABELS, mix(bits, changes))},"seller_flag":${(bits >>> 4) % 3 === 0 ? empty : (bits % 5) + 1},"node":${(odd & 512) === 0 ? '""' : "null"},"remark":${pick(
    REMARKS,
    mix(bits, changes, 5),
  )},"buyer_message":${pick(MESSAGES, bits >>> 2)},"shop_buyer_id":${pick(BUYERS, bits >>> 6)},"buyer_id":"","open_id":"","receiver_name":${pick(RECEIVERS, bits >>> 11)},"receiver_mobile":"138****${1000 + (bits % 9000)}","receiver_phone":"","receiver_country":"CN",${pick(
    PLACES,
    bits >>> 13,
  )},"receiver_town":"","receiver_address":"演示路***${bits % 900}号","receiver_zip":"","l_id":${sent ? `"DEMO-${carrier.code}-${index}"` : '""'},${carrier.members},"wms_co_id":${(odd & 1024) === 0 ? '"0"' : "10001"},"drp_co_id_from":"","drp_co_id_to":"","skus":"${summary(
    lines,
  )}","items":${renderItems(state, lines, status, odd, empty)},"pays":${paid ? renderPay(state, payable, payDate, bits) : (odd & 2048) === 0 ? "[]" : "null"}}`;
}

function summary(lines: readonly Line[]): string {
  return `${lines.reduce((sum, line) => sum + line.qty, 0)}.${lines.map((line) => `${line.good.sku}*${line.qty}`).join(",")}`;
}

function renderItems(state: RowState, lines: readonly Line[], status: string, odd: number, empty: string): string {
  const so = orderFacts(state.seed, state.index).soId;
  const items = lines.map(({ good, qty }, n) => {
    const price = yuan(good.cents);
    const asText = ((odd >>> (16 + n)) & 7) === 2;
    return `{"oi_id":${FIRST_ITEM + state.index * 4 + n},"outer_oi_id":"${so}-${n + 1}","raw_so_id":"${so}",${good.orderMembers},"qty":${asText ? `"${qty}"` : qty},"price":${
      asText ? `"${price}"` : price
    },"base_price":"${yuan(good.cents + 1000)}","amount":${yuan(good.cents * qty)},"is_gift":false,"is_presale":false,"item_status":"${status}","refund_status":"none","refund_id":"","sku_type":"nomal","buyer_paid_amount":${empty},"seller_income_amount":${empty},"remark":"","batch_id":""}`;
  });
  return `[${items.join(",")}]`;
}

function renderPay(state: RowState, amount: string, date: string, bits: number): string {
  const id = FIRST_ORDER + state.index;
  return `[{"pay_id":"9000000000${String(id).padStart(7, "0")}","o_id":${id},"amount":${amount},"is_order_pay":true,"pay_date":"${date}","payment":${pick(PAYMENTS, bits >>> 15)},"pay_type":"","status":"Confirmed","outer_pay_id":"DEMO-PAY-${state.index}","buyer_account":""}]`;
}

/** `/open/orders/single/query`. */
export const ORDERS: TableDescription = {
  path: "/open/orders/single/query",
  idField: "o_id",
  idsParam: "o_ids",
  maxIds: 100,
  listField: "orders",
  firstId: FIRST_ORDER,
  pageDefault: 50,
  pageMax: 100,
  render: renderOrder,
};
