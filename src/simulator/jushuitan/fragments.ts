import { mix } from "../random.ts";

/** Texts as they stand in JSON, quotes and all: Chinese, emoji, quotes, backslashes, line ends, and digits that look like keys. */
export const REMARKS = [
  "", "", "", "老客户，请附【贺卡】", "放快递柜会投诉\n先打电话", "包装写\"生日快乐\"", "备注 \"ts\":20260101000000001 勿改", "路径 C:\\发货\\顺丰", "加急！！\t今天必须发",
].map((text) => JSON.stringify(text));
export const MESSAGES = ["", "", "尽快发货，谢谢！😊", "要红色的❤️，没有就换蓝色", "请不要放\"发票\"", "周末在家🏠\r\n工作日请放门卫", "👨‍👩‍👧 送家人的，包装好一点"].map((text) => JSON.stringify(text));
export const LABELS = ["", "", "加急", "加急,礼品", "VIP", "预售,分批发"].map((text) => JSON.stringify(text));
export const QUESTIONS = ["地址异常", "缺货", "黑名单", "金额异常"].map((text) => JSON.stringify(text));
export const PAYMENTS = ["支付宝", "微信", "银行卡", "余额"].map((text) => JSON.stringify(text));
export const SHOP_STATUS = ["WAIT_SELLER_SEND_GOODS", "WAIT_BUYER_CONFIRM_GOODS", "TRADE_FINISHED"].map((text) => JSON.stringify(text));
export const BUYERS = ["演***客", "小🐱**", "门店客户", "A**'s 店", "悠**然", "t***8"].map((text) => JSON.stringify(text));
export const RECEIVERS = ["张*", "李**", "王*明", "欧阳**", "赵*"].map((text) => JSON.stringify(text));

/** Carriers: name, code and the members of a row that follow. */
export const CARRIERS = [["SF", "顺丰速运"], ["ZTO", "中通快递"], ["YTO", "圆通速递"], ["EMS", "邮政快递"]].map(([code, name]) => ({
  code: code as string,
  members: `"lc_id":"${code}","logistics_company":"${name}"`,
}));

/** Addresses as the members of a row, up to the district. */
export const PLACES = [
  ["浙江省", "杭州市", "西湖区"], ["广东省", "深圳市", "南山区"], ["上海", "上海市", "浦东新区"], ["四川省", "成都市", "武侯区"], ["北京", "北京市", "朝阳区"],
].map(([state, city, district]) => `"receiver_state":"${state}","receiver_city":"${city}","receiver_district":"${district}"`);

/** Goods: the parts of an item that never change, and the price in cents. */
export interface Good {
  sku: string;
  /** `sku_id` … `properties_value` of an order's item. */
  orderMembers: string;
  /** The same of an outbound document's item. */
  outboundMembers: string;
  cents: number;
}

const NAMES = ["加厚羊毛围巾", "陶瓷杯 350ml", "儿童雨靴", "蓝牙耳机 \"Pro\"", "无火香薰", "12\" 平底锅", "全棉四件套", "便携榨汁机"];
const COLOURS = ["红色", "白色", "藏青", "奶油黄", "雾霾蓝"];
const SIZES = ["均码", "S", "M", "L", "XL"];

export const GOODS: readonly Good[] = Array.from({ length: 200 }, (_, n) => {
  const name = NAMES[n % NAMES.length] as string;
  const colour = COLOURS[n % COLOURS.length] as string;
  const sku = `SKU-${String(n).padStart(3, "0")}`;
  const shopSku = n % 11 === 5 ? "null" : `"S-${1000 + n}"`;
  const title = JSON.stringify(`${name}（${colour}）`);
  const properties = JSON.stringify(`${colour};${SIZES[mix(n, 7) % SIZES.length]}`);
  const style = `"i_id":"STYLE-${n % 40}"`;
  return {
    sku,
    orderMembers: `"sku_id":"${sku}","shop_sku_id":${shopSku},${style},"shop_i_id":"","name":${title},"properties_value":${properties}`,
    outboundMembers: `"sku_id":"${sku}",${style},"name":${title},"properties_value":${properties},"unit":"条"`,
    cents: 990 + (mix(n, 11) % 40_000),
  };
});

/** An element by 32 random bits. */
export function pick<T>(list: readonly T[], bits: number): T {
  return list[bits % list.length] as T;
}

/** Cents as yuan with exactly two decimals: `206.00`, never `206`. */
export function yuan(cents: number): string {
  const rest = cents % 100;
  return `${(cents - rest) / 100}.${rest < 10 ? "0" : ""}${rest}`;
}
