import { defineMapping, type UserField } from "tidemark";
import { count, itemSummary, money, text, time, version } from "./fields.ts";

// /open/orders/out/simple/query. Use one of the two: mapping: outboundFlat, or mapping: outboundWithItems.

const outbound: Record<string, UserField> = {
  orderId: text("o_id"), orderNo: text("so_id"), shopId: text("shop_id"), shopName: text("shop_name"), status: text("status"), orderType: text("order_type"),
  createdAt: time("created"), modifiedAt: time("modified"), sentAt: time("io_date"), paidAt: time("pay_date"),
  payable: money("pay_amount"), paid: money("paid_amount"), freight: money("freight"), discount: money("free_amount"),
  weight: money("weight"), weighed: money("f_weight"),
  carrierId: text("lc_id"), carrier: text("logistics_company"), trackingNo: text("l_id"), warehouseId: text("wms_co_id"), labels: text("labels"),
  "receiver.name": { from: "receiver_name", mask: "name" }, "receiver.mobile": { from: "receiver_mobile", mask: "phone" },
  "receiver.state": text("receiver_state"), "receiver.city": text("receiver_city"), "receiver.district": text("receiver_district"),
  ...version,
};

export const outboundFlat = defineMapping({ id: "io_id", rest: "drop", fields: { ...outbound, ...itemSummary } });

export const outboundWithItems = defineMapping({
  id: "io_id", rest: "drop",
  fields: {
    ...outbound,
    items: {
      each: "items",
      fields: {
        itemId: text("ioi_id"), outboundId: text("$.io_id"), orderItemId: text("oi_id"), orderNo: text("raw_so_id"), skuId: text("sku_id"), styleId: text("i_id"),
        name: text("name"), properties: text("properties_value"), quantity: count("qty"), unit: text("unit"), price: money("sale_price"), amount: money("sale_amount"),
        gift: { from: "is_gift", type: "boolean" },
      },
    },
    // Capitalised in the source, and its carrier has no s.
    parcels: { each: "ClusterInfos", fields: { trackingNo: text("l_id"), carrierId: text("lc_id"), carrier: text("logistic_company"), weighed: money("f_weight") } },
  },
});
