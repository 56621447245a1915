import { defineMapping, type UserField } from "tidemark";
import { count, itemSummary, money, text, time, version } from "./fields.ts";

// /open/refund/single/query. Use one of the two: mapping: refundsFlat, or mapping: refundsWithItems.

const refund: Record<string, UserField> = {
  refundNo: text("outer_as_id"), orderId: text("o_id"), orderNo: text("so_id"), shopId: text("shop_id"), shopName: text("shop_name"),
  kind: text("type"), status: text("status"), shopStatus: text("shop_status"), goodsStatus: text("good_status"), orderStatus: text("order_status"), reason: text("question_type"),
  appliedAt: time("as_date"), createdAt: time("created"), modifiedAt: time("modified"), confirmedAt: time("confirm_date"),
  refund: money("refund"), payment: money("payment"), freight: money("freight"), applied: money("buyer_apply_refund"),
  warehouse: text("warehouse"), warehouseId: text("wms_co_id"), carrier: text("logistics_company"), trackingNo: text("l_id"), remark: text("remark"),
  "receiver.name": { from: "receiver_name", mask: "name" }, "receiver.mobile": { from: "receiver_mobile", mask: "phone" },
  ...version,
};

export const refundsFlat = defineMapping({ id: "as_id", rest: "drop", fields: { ...refund, ...itemSummary } });

export const refundsWithItems = defineMapping({
  id: "as_id", rest: "drop",
  fields: {
    ...refund,
    items: {
      each: "items",
      fields: {
        itemId: text("asi_id"), refundId: text("$.as_id"), skuId: text("sku_id"), shopSkuId: text("shop_sku_id"), styleId: text("i_id"), name: text("name"), properties: text("properties_value"),
        quantity: count("qty"), received: count("r_qty"), defective: count("defective_qty"), price: money("price"), amount: money("amount"), kind: text("type"), receivedAt: time("receive_date"),
      },
    },
  },
});
