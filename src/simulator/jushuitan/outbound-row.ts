import { mix } from "../random.ts";
import { shanghaiText } from "../shanghai.ts";
import type { RowState, TableDescription } from "./collection.ts";
import { BUYERS, CARRIERS, LABELS, MESSAGES, pick, PLACES, RECEIVERS, REMARKS, yuan } from "./fragments.ts";
import { COMPANY, FIRST_SHOP, orderFacts, SHOP_NAMES } from "./order-facts.ts";
import { FIRST_ORDER } from "./order-row.ts";

const FIRST_OUTBOUND = 660001;
const FIRST_ITEM = 2_661_001;
const STATUSES = ["Confirmed", "Confirmed", "Confirmed", "WaitConfirm", "OuterConfirming", "Cancelled"];

/** An outbound document as `orders/out/simple/query` writes it, with its capitalised and misspelt keys. */
function renderOutbound(state: RowState): string {
  const { seed, index, changes, oddities } = state;
  const facts = orderFacts(seed, state.order);
  const bits = mix(seed, index, 3);
  const odd = oddities ? mix(seed, index, 2000 + changes) : 0;
  const empty = oddities ? '""' : "null";
  const id = FIRST_OUTBOUND + index;
  const status = changes > 0 ? "Confirmed" : pick(STATUSES, bits);
  const confirmed = status === "Confirmed";
  const goods = facts.lines.reduce((sum, line) => sum + line.good.cents * line.qty, 0);
  const payable = yuan(goods + facts.freight);
  const created = shanghaiText(state.created);
  const carrier = pick(CARRIERS, facts.bits >>> 7);
  const parcel = `"l_id":"DEMO-${carrier.code}-${state.order}"`;
  const clusters = (bits >>> 6) % 19 === 0 ? `[{"io_id":${id},${parcel},"logistic_company":"演示","lc_id":"${carrier.code}","f_weight":0.40}]` : "[]";

  const items = facts.lines.map(({ good, qty }, n) => {
    const price = yuan(good.cents);
    const asText = ((odd >>> (16 + n)) & 7) === 2;
    return `{"ioi_id":${FIRST_ITEM + index * 4 + n},"oi_id":"${770001 + state.order * 4 + n}","outer_oi_id":"${facts.soId}-${n + 1}","raw_so_id":"${facts.soId}",${good.outboundMembers},"qty":${
      asText ? `"${qty}"` : qty
    },"sale_price":${price},"sale_amount":${yuan(good.cents * qty)},"sale_base_price":"${yuan(good.cents + 1000)}","combine_sku_id":"","is_gift":false,"pic":"","batch_id":"","product_date":null,"supplier_id":${empty},"expiration_date":""}`;
  });

  return `{"io_id":${(odd & 15) === 3 ? `"${id}"` : id},"o_id":${FIRST_ORDER + state.order},"so_id":"${facts.soId}","co_id":${COMPANY},"shop_id":${FIRST_SHOP + facts.shop},"shop_name":"${
    SHOP_NAMES[facts.shop]
  }","status":"${status}","order_type":"普通订单","created":"${created}","modified":"${shanghaiText(state.modified)}","io_date":"${confirmed ? shanghaiText(state.modified) : ""}","pay_date":"${created}","ts":${
    state.ts
  },"pay_amount":${(odd & 7) === 1 ? `"${payable}"` : payable},"paid_amount":${payable},"free_amount":${empty},"freight":${yuan(facts.freight)},"weight":0.${10 + (bits % 90)},"f_weight":${(odd & 128) === 0 ? empty : "0.91"},${parcel},${
    carrier.members
  },"wms_co_id":0,"wave_id":${(odd & 64) === 0 ? 0 : empty},"seller_flag":${(bits % 5) + 1},"labels":${pick(LABELS, mix(bits, changes))},"merge_so_id":"","remark":${pick(REMARKS, mix(bits, changes, 5))},"node":"","buyer_message":${pick(
    MESSAGES,
    facts.bits >>> 2,
  )},"currency":"","is_cod":false,"is_print":${confirmed},"is_print_express":${confirmed},"stock_enabled":"true","drp_co_id_from":"","business_staff":"","order_staff_id":"","order_staff_name":"","invoice_title":"","shop_buyer_id":${pick(
    BUYERS,
    facts.bits >>> 6,
  )},"open_id":"","receiver_name":${pick(RECEIVERS, facts.bits >>> 11)},"receiver_mobile":"138****${1000 + (facts.bits % 9000)}","receiver_phone":"","receiver_country":"CN",${pick(
    PLACES,
    facts.bits >>> 13,
  )},"receiver_town":"","receiver_address":"演示路***${facts.bits % 900}号","package_no":"","warehouse_oid":"","items":[${items.join(",")}],"ClusterInfos":${clusters},"batchs":${
    (odd & 256) === 0 ? "[]" : "null"
  },"sns":[]}`;
}

/** `/open/orders/out/simple/query`. */
export const OUTBOUND: TableDescription = {
  path: "/open/orders/out/simple/query",
  idField: "io_id",
  idsParam: "io_ids",
  maxIds: 50,
  listField: "datas",
  firstId: FIRST_OUTBOUND,
  pageDefault: 30,
  pageMax: 50,
  render: renderOutbound,
};
