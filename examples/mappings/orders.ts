import { defineMapping, type UserField } from "tidemark";
import { count, itemSummary, money, text, time, version } from "./fields.ts";

// /open/orders/single/query. Use one of the two: mapping: ordersFlat, or mapping: ordersWithItems.

const order: Record<string, UserField> = {
  orderNo: text("so_id"), shopId: text("shop_id"), shopName: text("shop_name"), status: text("status"), shopStatus: text("shop_status"),
  orderType: text("type"), source: text("order_from"), question: text("question_type"),
  orderedAt: time("order_date"), paidAt: time("pay_date"), sentAt: time("send_date"), createdAt: time("created"), modifiedAt: time("modified"),
  payable: money("pay_amount"), paid: money("paid_amount"), freight: money("freight"), discount: money("free_amount"), currency: text("currency"),
  labels: text("labels"), flag: { from: "seller_flag", values: { 1: "red", 2: "yellow", 3: "green", 4: "blue", 5: "purple" }, others: { default: null } },
  sellerRemark: text("remark"), buyerMessage: text("buyer_message"),
  "receiver.name": { from: "receiver_name", mask: "name" }, "receiver.mobile": { from: "receiver_mobile", mask: "phone" },
  "receiver.state": text("receiver_state"), "receiver.city": text("receiver_city"), "receiver.district": text("receiver_district"),
  carrier: text("logistics_company"), trackingNo: text("l_id"), warehouseId: text("wms_co_id"),
  merged: { from: "is_merge", type: "boolean" }, split: { from: "is_split", type: "boolean" }, linkedOrderIds: text("link_o_id"),
  ...version,
};

export const ordersFlat = defineMapping({ id: "o_id", rest: "drop", fields: { ...order, ...itemSummary } });

export const ordersWithItems = defineMapping({
  id: "o_id", rest: "drop",
  fields: {
    ...order,
    items: {
      each: "items",
      fields: {
        itemId: text("oi_id"), orderId: text("$.o_id"), orderNo: text("raw_so_id"), skuId: text("sku_id"), shopSkuId: text("shop_sku_id"), styleId: text("i_id"),
        name: text("name"), properties: text("properties_value"), quantity: count("qty"), price: money("price"), amount: money("amount"),
        gift: { from: "is_gift", type: "boolean" }, status: text("item_status"), refundStatus: text("refund_status"),
      },
    },
    payments: { each: "pays", fields: { paymentId: text("pay_id"), amount: money("amount"), paidAt: time("pay_date"), method: text("payment"), status: text("status") } },
  },
});
