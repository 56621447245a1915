import { afterEach, describe, expect, it } from "vitest";
import { type JushuitanOptions, type JushuitanSimulator, startJushuitan } from "../../src/simulator/jushuitan/server.ts";
import { admin, APP_KEY, ask, now, ORDERS, postForm, TOKEN } from "./client.ts";

const REFRESH = "ffeeddccbbaa99887766554433221100";
let simulator: JushuitanSimulator;
const start = async (options: JushuitanOptions = {}) => (simulator = await startJushuitan({ perSecond: null, perMinute: null, orders: 5, ...options }));
afterEach(() => simulator?.close());

interface Granted {
  code: number;
  msg: string;
  data: { access_token: string; refresh_token: string; expires_in: number } | null;
}

async function auth(name: string, fields: Record<string, string>): Promise<Granted> {
  const reply = await postForm(`${simulator.url}/openWeb/auth/${name}`, { app_key: APP_KEY, timestamp: now(), charset: "utf-8", ...fields });
  return JSON.parse(reply.text) as Granted;
}
const init = () => auth("getInitToken", { grant_type: "authorization_code", code: "k7m2qx" });
const refresh = (token = REFRESH) => auth("refreshToken", { grant_type: "refresh_token", refresh_token: token, scope: "all" });
const works = async (token: string) => (await ask(simulator.url, ORDERS, '{"start_ts":1}', token)).code === 0;

describe("a merchant's own app", () => {
  it("gets a new token at any time, whereupon the old one dies", async () => {
    await start();
    expect(await works(TOKEN)).toBe(true);
    const { code, data } = await init();
    expect(code).toBe(0);
    expect(data?.expires_in).toBe(2_592_000);
    expect([await works(TOKEN), await works(data?.access_token ?? "")]).toEqual([false, true]);
  });

  it("keeps the old token beside the new one when told so", async () => {
    await start({ oldTokenDies: false });
    const { data } = await init();
    expect([await works(TOKEN), await works(data?.access_token ?? "")]).toEqual([true, true]);
  });

  it("is refused a code that has not six characters", async () => {
    await start();
    expect((await auth("getInitToken", { grant_type: "authorization_code", code: "seven77" })).code).toBe(140);
  });
});

describe("a refresh", () => {
  it("before the last twelve hours changes nothing under code 0", async () => {
    await start({ tokenLifeSeconds: 50_000 });
    const { code, data } = await refresh();
    expect(code).toBe(0);
    expect(data).toMatchObject({ access_token: TOKEN, refresh_token: REFRESH });
    expect(data?.expires_in).toBeLessThanOrEqual(50_000);
    expect(await admin(simulator.url, "state")).toMatchObject({ tokens: { refreshTooEarly: 1, refreshed: 0 } });
  });

  it("in the last twelve hours extends the life and hands out a new token, or the same when told so", async () => {
    await start({ tokenLifeSeconds: 40_000 });
    const rotated = await refresh();
    expect(rotated.data?.access_token).not.toBe(TOKEN);
    expect(await works(rotated.data?.access_token ?? "")).toBe(true);
    expect((await refresh()).code).toBe(100);
    await admin(simulator.url, "configure", { rotateOnRefresh: false, tokenLifeSeconds: 100_000 });
    const same = await refresh(rotated.data?.refresh_token);
    expect(same.data?.access_token).toBe(rotated.data?.access_token);
    expect(same.data?.expires_in).toBe(100_000);
  });

  it("after expiry is refused, as the token is; a new token is to be had", async () => {
    await start({ tokenLifeSeconds: 1 });
    await new Promise((resolve) => setTimeout(resolve, 1050));
    expect(await works(TOKEN)).toBe(false);
    expect((await refresh()).code).toBe(100);
    expect((await init()).code).toBe(0);
  });

  it("after the authorisation was taken back is refused, as the token is", async () => {
    await start({ tokenLifeSeconds: 40_000 });
    await admin(simulator.url, "revoke-tokens", {});
    expect(await works(TOKEN)).toBe(false);
    expect((await refresh()).code).toBe(100);
    expect((await init()).code).toBe(0);
  });
});

it("a service provider's app can neither refresh nor get a token by itself, only with the merchant's code", async () => {
  await start({ appKind: "isv", authorisationCode: "fromBrowser" });
  expect(await refresh()).toMatchObject({ code: 150, msg: "服务商应用禁止刷新access_token,需商户重新授权" });
  expect(await init()).toMatchObject({ code: 21024, msg: "仅支持自有应用" });
  expect((await auth("accessToken", { grant_type: "authorization_code", code: "wrong" })).code).toBe(140);
  const { data } = await auth("accessToken", { grant_type: "authorization_code", code: "fromBrowser" });
  expect(await works(data?.access_token ?? "")).toBe(true);
});
