import type { JushuitanOptions } from "../simulator/jushuitan/server.ts";

export const PIPELINE = "orders";
export const ORDERS_API = "/open/orders/single/query";
/** Orders that lie in the simulated source when the demo begins, modified over the six days before. */
export const ORDERS = 20_000;
export const DAYS = 6;

const APP = { appKey: "demo-app-key", appSecret: "demo-app-secret-of-a-simulated-shop" };

/** Requests that the simulated source grants: a quarter of a real minute's wait would make the demo long, not better. */
export function demoLimits(realLimits: boolean): { perSecond: number; perMinute: number } {
  return realLimits ? { perSecond: 5, perMinute: 100 } : { perSecond: 20, perMinute: 1_200 };
}

/** A source that changes two orders between any two requests, adds one, and commits a part late. */
export function demoSource(realLimits: boolean): JushuitanOptions {
  return {
    ...APP, ...demoLimits(realLimits), orders: ORDERS, days: DAYS, seed: 20_260_101, changesPerRequest: 2, insertsPerRequest: 1,
    lateCommits: { share: 0.2, minMs: 200, maxMs: 6_000 }, latencyMs: 15,
  };
}

/** The demo's tidemark.config.json: what a user would write, with times that fit two minutes. */
export function demoConfig(at: { sourceUrl: string; targetUrl: string; realLimits: boolean }): object {
  return {
    accounts: { main: { platform: "jushuitan", kind: "self", baseUrl: at.sourceUrl, ...APP, limits: demoLimits(at.realLimits) } },
    pipelines: {
      [PIPELINE]: {
        source: {
          account: "main", api: ORDERS_API, cursor: "version", from: new Date().toISOString(), lookback: "8s", sweepEvery: "10s", settle: "2s",
        },
        schedule: { every: "10s" },
        mapping: { id: "o_id" },
        target: { use: "qeasy", baseUrl: at.targetUrl, api: "写入空操作", timeout: "5s", zombieAfter: "6s" },
      },
    },
    runtime: { heartbeat: "5s" },
  };
}
