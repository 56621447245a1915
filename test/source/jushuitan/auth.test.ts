import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { exchangeCode, getInitToken, refreshToken } from "../../../src/source/jushuitan/auth.ts";
import { readShops } from "../../../src/source/jushuitan/shops.ts";
import { account, never, outside, page, REFRESH_TOKEN, serve, TOKEN, type Answer } from "./wire.ts";

let close = () => {};
afterEach(() => close());

async function world(answer: Answer) {
  const server = await serve(answer);
  close = server.close;
  const { state, deps } = outside();
  return { server, state, main: account(server.baseUrl), options: { deps, signal: never } };
}

const granted = { code: 0, msg: "执行成功", data: { access_token: TOKEN, expires_in: 2592000, refresh_token: REFRESH_TOKEN, scope: "all" } };

describe("token calls", () => {
  it("getInitToken sends six random characters and no token", async () => {
    const { server, state, main, options } = await world(() => granted);
    expect(await getInitToken(main, options)).toEqual({ accessToken: TOKEN, refreshToken: REFRESH_TOKEN, expiresInSeconds: 2592000 });
    await getInitToken(main, options);
    const [first, second] = server.seen;
    expect(first).toMatchObject({ url: "/openWeb/auth/getInitToken", signed: true });
    expect(Object.keys(first?.form ?? {}).sort()).toEqual(["app_key", "charset", "code", "grant_type", "sign", "timestamp"]);
    expect(first?.form["grant_type"]).toBe("authorization_code");
    expect(first?.form["code"]).toMatch(/^[a-z0-9]{6}$/);
    expect(second?.form["code"]).not.toBe(first?.form["code"]);
    expect(state.log).toEqual(["acquire", "acquire"]);
  });

  it("refreshToken and exchangeCode send what they are given", async () => {
    const { server, main, options } = await world(() => ({ code: 0, data: { access_token: TOKEN, expires_in: "7200", refresh_token: "" } }));
    const grant = { accessToken: TOKEN, refreshToken: null, expiresInSeconds: 7200 };
    expect(await refreshToken(main, REFRESH_TOKEN, options)).toEqual(grant);
    expect(await exchangeCode({ ...main, kind: "isv" }, "page-code", options)).toEqual(grant);
    expect(server.seen[0]).toMatchObject({
      url: "/openWeb/auth/refreshToken",
      signed: true,
      form: { grant_type: "refresh_token", refresh_token: REFRESH_TOKEN, scope: "all" },
    });
    expect(server.seen[1]).toMatchObject({ url: "/openWeb/auth/accessToken", signed: true, form: { code: "page-code" } });
  });

  it("an isv account never asks for a token by itself", async () => {
    const { server, main, options } = await world(() => granted);
    const isv = { ...main, kind: "isv" as const };
    await expect(getInitToken(isv, options)).rejects.toMatchObject({ kind: "final", code: "TM_REAUTHORISE" });
    await expect(refreshToken(isv, REFRESH_TOKEN, options)).rejects.toMatchObject({ kind: "final", code: "TM_REAUTHORISE" });
    expect(server.seen).toEqual([]);
  });

  it.each([
    [150, "服务商应用禁止刷新access_token,需商户重新授权", "TM_REAUTHORISE"],
    [100, "access_token超时", "TM_SOURCE_TOKEN"],
    [21024, "仅支持自有应用", "TM_SOURCE_PERMISSION"],
    [10, "验证失败！无效签名", "TM_SOURCE_SIGN"],
  ])("a refusal with code %i is final and asked once", async (code, msg, expected) => {
    const { server, main, options } = await world(() => ({ code, msg }));
    await expect(refreshToken(main, REFRESH_TOKEN, options)).rejects.toMatchObject({ kind: "final", code: expected });
    expect(server.seen.length).toBe(1);
  });

  it.each([{}, { access_token: "", expires_in: 1 }, { access_token: TOKEN }, { access_token: TOKEN, expires_in: "soon" }])(
    "an incomplete token is no token: %j",
    async (data) => {
      const { main, options } = await world(() => ({ code: 0, data }));
      const error: unknown = await getInitToken(main, options).catch((reason: unknown) => reason);
      expect(error).toMatchObject({ kind: "transient", code: "TM_SOURCE_ANSWER" });
      expect(inspect(error, { depth: 10 })).not.toContain(TOKEN);
    },
  );

  it("tokens in a broken answer never reach the error", async () => {
    const { main, options } = await world(() => `{"code":0,"data":{"access_token":"short-new","refresh_token":"${REFRESH_TOKEN}"`);
    const error: unknown = await getInitToken(main, options).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ kind: "transient", code: "TM_SOURCE_TRANSIENT" });
    expect(inspect(error, { depth: 10 })).not.toMatch(/short-new|ffeeddcc/);
  });
});

describe("shops", () => {
  const shop = (n: number) => `{"shop_id":${n},"shop_name":"店${n}","created":"2026-01-01 00:00:00.123"}`;

  it("are read whole, page by page", async () => {
    const { server, main, options } = await world((seen) => {
      const first = seen.form["biz"]?.includes('"page_index":1,') === true;
      return page(first ? Array.from({ length: 100 }, (_, n) => shop(n)) : [shop(100), '{"shop_id":""}', '{"shop_id":"101"}'], '"x":1', "datas");
    });
    const shops = await readShops(main, options);
    expect(shops.length).toBe(102);
    expect(shops[7]).toEqual({ id: "7", name: "店7" });
    expect(shops.at(-1)).toEqual({ id: "101", name: "" });
    expect(server.seen.map(({ form }) => form["biz"])).toEqual(['{"page_index":1,"page_size":100}', '{"page_index":2,"page_size":100}']);
  });

  it("end even if the source ignores the page asked for", async () => {
    const { server, main, options } = await world(() => page(Array.from({ length: 100 }, (_, n) => shop(n)), '"has_next":true', "datas"));
    expect((await readShops(main, options)).length).toBe(100);
    expect(server.seen.length).toBe(2);
  });
});
