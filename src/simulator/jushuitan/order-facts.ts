import { mix } from "../random.ts";
import { GOODS, type Good } from "./fragments.ts";

/** Shops of the seeded account; the last one of `/open/shops/query` never delivers an order. */
export const FIRST_SHOP = 880101;
export const COMPANY = 990001;
export const SHOP_NAMES = ["演示旗舰店", "线上商城二店", "跨境店 Global", "小程序商城", "企业团购店", "直播专营店"];
const DELIVERING_SHOPS = SHOP_NAMES.length;

/** What an order's path through its life leads to. */
const LIVES = [
  ["WaitPay", "WaitConfirm", "Delivering", "Sent"],
  ["WaitConfirm", "WaitFConfirm", "Delivering", "Sent"],
  ["WaitConfirm", "Question", "WaitConfirm", "Delivering", "Sent"],
  ["WaitConfirm", "WaitOuterSent", "Sent"],
  ["WaitPay", "Cancelled"],
  ["WaitConfirm", "Merged"],
  ["WaitConfirm", "Split"],
] as const;
/** Lives by weight: most orders end as sent. */
const WEIGHTED = [0, 0, 0, 1, 1, 1, 1, 2, 3, 3, 4, 5, 6] as const;

export type Status = (typeof LIVES)[number][number];

/** One line of an order. */
export interface Line {
  good: Good;
  qty: number;
}

/** What an order and its outbound document have in common: the same whenever seed and number are the same. */
export interface OrderFacts {
  bits: number;
  shop: number;
  soId: string;
  lines: Line[];
  /** Freight in cents. */
  freight: number;
}

/** The platform's order number of an order. */
export function soId(order: number): string {
  return `DEMO20260101${String(order + 1).padStart(7, "0")}`;
}

/** An order's number from its platform number; null for any other text. */
export function orderOfSoId(text: string): number | null {
  const match = /^DEMO20260101(\d{7,})$/.exec(text);
  return match === null ? null : Number(match[1]) - 1;
}

/** The facts of an order that its changes leave alone. */
export function orderFacts(seed: number, order: number): OrderFacts {
  const bits = mix(seed, order, 1);
  const count = bits % 10 < 6 ? 1 : bits % 10 < 9 ? 2 : 3;
  const lines = Array.from({ length: count }, (_, n): Line => {
    const b = mix(seed, order, 10 + n);
    return { good: GOODS[b % GOODS.length] as Good, qty: 1 + ((b >>> 16) % 3) };
  });
  return { bits, shop: (bits >>> 8) % DELIVERING_SHOPS, soId: soId(order), lines, freight: (bits >>> 12) % 3 === 0 ? 800 : 0 };
}

/** Where an order stands after so many changes; most of the seeded ones have come to the end of their path already. */
export function statusOf(seed: number, order: number, changes: number): Status {
  const bits = mix(seed, order, 2);
  const life = LIVES[WEIGHTED[bits % WEIGHTED.length] as number] as readonly Status[];
  const start = (bits >>> 10) % 4 === 0 ? (bits >>> 14) % life.length : life.length - 1;
  return life[Math.min(start + changes, life.length - 1)] as Status;
}
