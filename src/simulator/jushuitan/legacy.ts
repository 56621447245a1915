import { createHash } from "node:crypto";
import { badParameter, LEGACY_REFUSALS, type Refusal } from "./codes.ts";
import type { Collection } from "./collection.ts";
import { type Outcome, readData, refused, type Speech } from "./open.ts";
import type { JushuitanSettings } from "./options.ts";
import type { Simulation } from "./simulation.ts";
import type { View } from "./version-log.ts";

export const LEGACY_PATH = "/api/open/query.aspx";
const REFRESH = "refresh.token";

/** The old platform's names of the simulated interfaces; archived rows have interfaces of their own. */
const METHODS: Readonly<Record<string, { path: string; view?: View }>> = {
  "orders.single.query": { path: "/open/orders/single/query" },
  "orders.history.query": { path: "/open/orders/single/query", view: "archived" },
  "orders.out.simple.query": { path: "/open/orders/out/simple/query" },
  "jushuitan.saleout.history.query": { path: "/open/orders/out/simple/query", view: "archived" },
  "refund.single.query": { path: "/open/refund/single/query" },
  "refund.history.query": { path: "/open/refund/single/query", view: "archived" },
  "aftersale.received.query": { path: "/open/aftersale/received/query" },
  "logistic.query": { path: "/open/logistic/query" },
  "order.action.query": { path: "/open/order/action/query" },
  "sku.query": { path: "/open/sku/query" },
  "mall.item.query": { path: "/open/mall/item/query" },
  "skumap.query": { path: "/open/skumap/query" },
  "combine.sku.query": { path: "/open/combine/sku/query" },
  "category.query": { path: "/open/category/query" },
  "inventory.query": { path: "/open/inventory/query" },
  "pack.query": { path: "/open/pack/query" },
  "inventory.count.query": { path: "/open/inventory/count/query" },
  "other.inout.query": { path: "/open/other/inout/query" },
  "allocate.query": { path: "/open/allocate/query" },
  "jushuitan.inout.water.query": { path: "/open/jushuitan/inout/water/query" },
  "jushuitan.manufacture.query": { path: "/open/jushuitan/manufacture/query" },
  "purchase.query": { path: "/open/purchase/query" },
  "purchasein.query": { path: "/open/purchasein/query" },
  "purchaseout.query": { path: "/open/purchaseout/query" },
  "jushuitan.purchasebooking.query": { path: "/open/jushuitan/purchasebooking/query" },
  "shops.query": { path: "/open/shops/query" },
  "wms.partner.query": { path: "/open/wms/partner/query" },
  "logisticscompany.query": { path: "/open/logisticscompany/query" },
  "supplier.query": { path: "/open/supplier/query" },
  "example.versions": { path: "/open/example/versions" },
  "example.history": { path: "/open/example/versions", view: "archived" },
};

/** The merchant's token on the old platform: one value, whose validity a refresh prolongs. */
export class LegacyToken {
  counts = { refreshed: 0, refreshTooEarly: 0 };
  /** Epoch milliseconds by the simulator's clock. */
  expiresAt: number;
  private cachedUntil = 0;

  constructor({ legacyExpiresInSeconds }: JushuitanSettings, nowMs: number) {
    this.expiresAt = nowMs + legacyExpiresInSeconds * 1000;
  }

  refusal(settings: JushuitanSettings, token: string, nowMs: number, isRefresh: boolean): Refusal | null {
    const good = token === settings.legacyToken && this.expiresAt > nowMs && (isRefresh || this.cachedUntil <= nowMs);
    return good ? null : LEGACY_REFUSALS.token;
  }

  refresh(settings: JushuitanSettings, nowMs: number): Refusal | null {
    if (this.expiresAt - nowMs > settings.legacyWindowSeconds * 1000) {
      this.counts.refreshTooEarly++;
      return settings.legacyTooEarly === "refused" ? LEGACY_REFUSALS.tooEarly : null;
    }
    this.counts.refreshed++;
    this.expiresAt = nowMs + settings.legacyLifeSeconds * 1000;
    this.cachedUntil = nowMs + settings.legacyCacheMs;
    return null;
  }
}

/** The old platform: a signed address, a JSON body, flat answers. */
export function legacySpeech(simulation: Simulation, { searchParams }: URL): Speech {
  const { settings } = simulation.store;
  const method = searchParams.get("method") ?? "";
  const success = (good: boolean) => (settings.successType === "text" ? `"${good}"` : String(good));
  return {
    name: method, isAuth: method === REFRESH, refusals: LEGACY_REFUSALS,
    biz: (body) => body,
    decide: (body, type, fault) => {
      const refusal = checkAddress(simulation, searchParams);
      if (refusal !== null) return refused(refusal);
      return /^application\/json\b/i.test(type) ? answer(simulation, method, body, fault) : refused(badParameter("Content-Type"));
    },
    // Flat: what the new platform wraps in `data` stands beside the code.
    envelope: ({ answer: given }) => {
      if (typeof given !== "string") return `{"code":${given.code},"issuccess":${success(false)},"msg":${JSON.stringify(given.msg)}}`;
      return `{"code":0,"issuccess":${success(true)},${given.startsWith('{"msg":') ? "" : '"msg":null,'}${given.slice(1)}`;
    },
  };
}

function checkAddress({ store, legacyToken }: Simulation, query: URLSearchParams): Refusal | null {
  const { settings } = store;
  const [method = "", partner = "", token = "", ts = "", sign = ""] = ["method", "partnerid", "token", "ts", "sign"].map((name) => query.get(name) ?? "");
  if (!settings.addressAllowed) return LEGACY_REFUSALS.ip;
  if (partner !== settings.partnerId) return LEGACY_REFUSALS.token;
  // Written out here, not taken from the program under test: method, partner, then the other system parameters as they were passed.
  const passed = [...query].filter(([name]) => !["method", "partnerid", "sign"].includes(name)).map(([name, value]) => name + value).join("");
  if (sign !== createHash("md5").update(method + partner + passed + settings.partnerKey).digest("hex")) return LEGACY_REFUSALS.sign;
  if (!/^\d{1,12}$/.test(ts) || Math.abs(Number(ts) * 1000 - store.now()) > settings.legacySkewSeconds * 1000) return LEGACY_REFUSALS.timestamp;
  const refusal = legacyToken.refusal(settings, token, store.now(), method === REFRESH);
  if (refusal !== null) return refusal;
  const known = METHODS[method]?.path ?? (method === REFRESH ? REFRESH : null);
  return known === null || settings.deniedApis.includes(known) ? LEGACY_REFUSALS.permission : null;
}

function answer(simulation: Simulation, method: string, body: string, fault: Parameters<Speech["decide"]>[2]): Outcome {
  const { store, legacyToken } = simulation;
  const { settings } = store;
  if (method === REFRESH) return refused(legacyToken.refresh(settings, store.now()) ?? `{"msg":${REFRESHED[settings.legacyMsg]}}`);
  const { path, view } = METHODS[method]!;
  return readData(simulation, store.tableOf(path) as Collection, body, fault, view);
}

const REFRESHED: Record<JushuitanSettings["legacyMsg"], string> = { text: '"操作成功"', null: "null", array: "[]" };
