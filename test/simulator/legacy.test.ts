import { createHash } from "node:crypto";
import { afterEach, describe, expect, it } from "vitest";
import { type JushuitanOptions, type JushuitanSimulator, startJushuitan } from "../../src/simulator/jushuitan/server.ts";
import { admin, now, post } from "./client.ts";

const TOKEN = "0123456789abcdef0123456789abcdef";
const BEARER = "demo-bearer-token-0001";
const DAY = 86_400;
let simulator: JushuitanSimulator;
const start = async (options: JushuitanOptions = {}) => (simulator = await startJushuitan({ perSecond: null, perMinute: null, orders: 20, ...options }));
afterEach(() => simulator?.close());

interface Flat {
  code: number;
  issuccess: unknown;
  msg: unknown;
  data_count?: number;
  orders?: { o_id: unknown }[];
}

/** Signs as the platform's documentation says. */
async function ask(method: string, body = '{"start_ts":1,"page_size":50}', change: Partial<Record<"token" | "ts" | "sign" | "type", string>> = {}): Promise<Flat> {
  const token = change.token ?? TOKEN;
  const ts = change.ts ?? now();
  const sign = change.sign ?? createHash("md5").update(`${method}demo-partner-0001token${token}ts${ts}demo-partner-key-0001`).digest("hex");
  const url = `${simulator.url}/api/open/query.aspx?method=${method}&partnerid=demo-partner-0001&token=${token}&ts=${ts}&sign=${sign}`;
  const { text, status } = await post(url, body, { "Content-Type": change.type ?? "application/json" });
  expect(status).toBe(200);
  return JSON.parse(text) as Flat;
}
const code = async (...asked: Parameters<typeof ask>) => (await ask(...asked)).code;

describe("query.aspx", () => {
  it("answers flat, without data", async () => {
    await start();
    const answer = await ask("orders.single.query");
    expect(answer).toMatchObject({ code: 0, issuccess: true, msg: null, data_count: 20 });
    expect(answer.orders).toHaveLength(20);
    expect(answer).not.toHaveProperty("data");
  });

  it("writes issuccess as text when told so", async () => {
    await start({ successType: "text" });
    expect((await ask("orders.single.query")).issuccess).toBe("true");
    expect((await ask("orders.single.query", "{}", { token: "other" })).issuccess).toBe("false");
  });

  it("checks the sign, the clock, the token, the address, the permission and the body, each with its code", async () => {
    await start({ deniedApis: ["/open/orders/out/simple/query"] });
    expect(await code("orders.single.query", "{}", { sign: "0".repeat(32) })).toBe(120);
    expect(await code("orders.single.query", "{}", { ts: String(Number(now()) - 700) })).toBe(180);
    expect(await code("orders.single.query", "{}", { token: "other" })).toBe(100);
    expect(await code("orders.out.simple.query")).toBe(190);
    expect(await code("no.such.method")).toBe(190);
    expect(await code("orders.single.query", "{}")).toBe(140);
    expect(await code("orders.single.query", '{"start_ts":1}', { type: "text/plain" })).toBe(140);
    await admin(simulator.url, "configure", { addressAllowed: false });
    expect(await code("orders.single.query")).toBe(110);
  });

  it("shares the account's limits with the new platform, in its own words", async () => {
    await start({ perSecond: 1 });
    expect([await code("orders.single.query"), await code("orders.single.query")]).toEqual([0, 199]);
  });

  it("has archived orders under a name of their own", async () => {
    await start({ archived: 1, orders: 40 });
    const [current, archived] = [await ask("orders.single.query"), await ask("orders.history.query")];
    expect([current.data_count, archived.data_count]).toEqual([20, 20]);
  });
});

describe("refresh.token of the old platform", () => {
  const refresh = () => ask("refresh.token", "{}");
  const expiresIn = async () => Math.round((Date.parse((await admin<{ legacyToken: { expiresAt: string } }>(simulator.url, "state")).legacyToken.expiresAt) - Date.now()) / 1000 / DAY);

  it("too early changes nothing under code 0, or is refused when told so", async () => {
    await start({ legacyExpiresInSeconds: 8 * DAY });
    expect(await refresh()).toMatchObject({ code: 0, issuccess: true });
    expect(await expiresIn()).toBe(8);
    await admin(simulator.url, "configure", { legacyTooEarly: "refused" });
    expect((await refresh()).code).toBe(160);
  });

  it("in the last week prolongs the same token by a year; business calls are refused for a while", async () => {
    await start({ legacyExpiresInSeconds: 6 * DAY, legacyCacheMs: 300 });
    expect((await refresh()).code).toBe(0);
    expect(await expiresIn()).toBe(365);
    expect(await code("orders.single.query")).toBe(100);
    await new Promise((resolve) => setTimeout(resolve, 320));
    expect(await code("orders.single.query")).toBe(0);
  });

  it("after expiry is refused, by the simulator's clock", async () => {
    await start({ legacyExpiresInSeconds: 60 });
    await admin(simulator.url, "configure", { clockOffsetMs: 61_000 });
    expect((await refresh()).code).toBe(100);
  });
});

describe("the simple form", () => {
  const exchange = async (token: string, body = "{}") => {
    const { text, status } = await post(`${simulator.url}/api/refresh.token`, body, { "Content-Type": "application/json", Authorization: `Bearer ${token}` });
    return { status, body: JSON.parse(text) as { msg: { id: string; token: string }[] | string } };
  };

  it("gives a new token for each id, and takes the one before no longer", async () => {
    await start({ bearerIds: ["1", "2"], bearerExtra: { total: 2 } });
    const { status, body } = await exchange(BEARER);
    expect(status).toBe(200);
    expect(body).toMatchObject({ total: 2, msg: [{ id: "1" }, { id: "2" }] });
    expect(body).not.toHaveProperty("code");
    expect((await exchange(BEARER)).status).toBe(401);
    expect((await exchange((body.msg as { token: string }[])[1]!.token)).status).toBe(200);
  });

  it("answers a text without a new token when told so", async () => {
    await start({ bearerMsg: "text" });
    expect((await exchange(BEARER)).body).toEqual({ msg: "操作成功" });
    expect((await exchange(BEARER)).status).toBe(200);
  });

  it("meets faults like any call about tokens: only when told so", async () => {
    await start({ faults: { http500: 1 }, bearerOldDies: false });
    expect((await exchange(BEARER)).status).toBe(200);
    await admin(simulator.url, "configure", { faultsOnAuth: true });
    expect((await post(`${simulator.url}/api/refresh.token`, "{}", { Authorization: `Bearer ${BEARER}` })).status).toBe(500);
  });
});
