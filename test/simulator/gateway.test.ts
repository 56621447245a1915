import { afterEach, describe, expect, it } from "vitest";
import { type JushuitanOptions, type JushuitanSimulator, startJushuitan } from "../../src/simulator/jushuitan/server.ts";
import { signOf } from "../../src/simulator/jushuitan/gateway.ts";
import { admin, APP_KEY, ask, form, now, ORDERS, OUTBOUND, post, postForm, read, SECRET, shanghai, TOKEN } from "./client.ts";

let simulator: JushuitanSimulator;
const start = async (options: JushuitanOptions = {}) => (simulator = await startJushuitan({ orders: 50, perSecond: null, perMinute: null, ...options }));
afterEach(() => simulator?.close());

const BIZ = '{"start_ts":1,"is_get_total":false,"page_index":1,"page_size":50}';
const fields = (biz = BIZ) => ({ app_key: APP_KEY, access_token: TOKEN, timestamp: now(), charset: "utf-8", version: "2", biz });
const FORM = { "Content-Type": "application/x-www-form-urlencoded;charset=utf-8" };

describe("signature", () => {
  it("is computed as in the published vectors", () => {
    const common = { app_key: APP_KEY, charset: "utf-8" };
    const business = { ...common, access_token: TOKEN, version: "2" };
    const vectors: [Record<string, string>, string][] = [
      [{ ...common, timestamp: "1767225600", grant_type: "authorization_code", code: "k7m2qx" }, "fae3e61e5f069d942b076644f3e5a8fc"],
      [{ ...business, timestamp: "1767229200", biz: BIZ }, "df0fbf9f81ed16adaff0d20281a9678a"],
      [
        { ...business, timestamp: "1767232800", biz: '{"page_index":1,"page_size":50,"exactly_name":"加厚羊毛围巾（红色）"}' },
        "6d9cf82f302f53fa27c8a3e687e87e6d",
      ],
    ];
    for (const [signed, expected] of vectors) expect(signOf(new Map(Object.entries({ ...signed, empty: "" })), SECRET)).toBe(expected);
  });

  it("is taken when right and refused with code 10 when anything signed differs", async () => {
    const { url } = await start();
    expect(read((await postForm(url + ORDERS, fields())).text).code).toBe(0);
    const tampered = form(fields()).replace("page_size%22%3A50", "page_size%22%3A49");
    expect(read((await post(url + ORDERS, tampered, FORM)).text)).toMatchObject({ code: 10, msg: "验证失败！无效签名" });
    expect(read((await postForm(url + ORDERS, { ...fields(), app_key: "other" })).text).code).toBe(10);
  });

  it("takes nothing but a form body", async () => {
    const { url } = await start();
    expect(read((await post(url + ORDERS, JSON.stringify(fields()), { "Content-Type": "application/json" })).text).code).toBe(130);
    expect(read((await post(`${url}${ORDERS}?a=1`, form(fields()), FORM)).text).code).toBe(130);
  });
});

describe("timestamp, token and permission", () => {
  it("refuses a timestamp that is off by more than 15 minutes of the simulator's own clock, and says the time", async () => {
    const { url } = await start({ clockOffsetMs: 3_600_000 });
    const late = await postForm(url + ORDERS, fields());
    expect(read(late.text)).toMatchObject({ code: 140, msg: expect.stringContaining("timestamp") });
    expect(Math.abs(Date.parse(late.date) - Date.now() - 3_600_000)).toBeLessThan(5000);
    expect(read((await postForm(url + ORDERS, { ...fields(), timestamp: String(Number(now()) + 3600) })).text).code).toBe(0);
  });

  it("refuses an unknown token with 100 and an interface without permission with 190", async () => {
    const { url } = await start({ deniedApis: [OUTBOUND] });
    expect((await ask(url, ORDERS, BIZ, "wrong")).code).toBe(100);
    expect((await ask(url, OUTBOUND, BIZ)).code).toBe(190);
    expect((await ask(url, ORDERS, BIZ)).code).toBe(0);
  });
});

describe("request limits", () => {
  it("answers 199 to the sixth request in a second, under HTTP 200, and goes on a second later", async () => {
    const { url } = await start({ perSecond: 5, perMinute: 100 });
    const replies = await Promise.all(Array.from({ length: 8 }, () => postForm(url + ORDERS, fields())));
    expect(replies.every((reply) => reply.status === 200)).toBe(true);
    expect(replies.map((reply) => read(reply.text).code).sort((a, b) => a - b)).toEqual([0, 0, 0, 0, 0, 199, 199, 199]);
    await new Promise((resolve) => setTimeout(resolve, 1050));
    expect((await ask(url, ORDERS, BIZ)).code).toBe(0);
    expect(await admin(url, "state")).toMatchObject({ requests: { total: 9, answered: 6, rateRefused: { 199: 3 } } });
  });

  it("answers 200 beyond the limit of a minute, over all interfaces, until it is switched off", async () => {
    const { url } = await start({ perMinute: 3 });
    const codes = [];
    for (const path of [ORDERS, OUTBOUND, "/open/shops/query", ORDERS]) codes.push((await ask(url, path, path === "/open/shops/query" ? '{"page_index":1}' : BIZ)).code);
    expect(codes).toEqual([0, 0, 0, 200]);
    await admin(url, "configure", { perMinute: null });
    expect((await ask(url, ORDERS, BIZ)).code).toBe(0);
  });
});

describe("parameters", () => {
  it.each([
    ["a page above the maximum", ORDERS, '{"start_ts":1,"page_size":101}'],
    ["a page above the maximum", OUTBOUND, '{"start_ts":1,"page_size":51}'],
    ["page 0", ORDERS, '{"start_ts":1,"page_index":0}'],
    ["one end of a window", ORDERS, `{"modified_begin":"${shanghai(-60)}"}`],
    ["a window of more than 7 days", ORDERS, `{"modified_begin":"${shanghai(-7 * 86_400 - 1)}","modified_end":"${shanghai(0)}"}`],
    ["no condition at all", ORDERS, "{}"],
    ["a time in another form", ORDERS, '{"modified_begin":"2026-01-01T00:00:00","modified_end":"2026-01-02T00:00:00"}'],
    ["a filter that it cannot apply", ORDERS, '{"start_ts":1,"status":"Sent"}'],
    ["broken JSON", ORDERS, '{"start_ts":1'],
  ])("refuses %s", async (_what, path, biz) => {
    const { url } = await start();
    expect((await ask(url, path, biz)).code).toBe(140);
  });

  it("takes numbers as text and pages of 100 orders and 50 outbound documents", async () => {
    const { url } = await start({ orders: 300 });
    expect((await ask(url, ORDERS, '{"start_ts":"1","page_index":"1","page_size":"100"}')).rows).toHaveLength(100);
    expect((await ask(url, OUTBOUND, '{"start_ts":1,"page_size":50}')).rows).toHaveLength(50);
  });

  it("lists the shops, one of which never delivers an order", async () => {
    const { url } = await start();
    const reply = await ask(url, "/open/shops/query", '{"page_index":1,"page_size":100}');
    expect(reply.rows).toHaveLength(8);
    expect(reply.total).toBeUndefined();
  });
});
