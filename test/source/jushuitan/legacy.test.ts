import { afterEach, describe, expect, test } from "vitest";
import type { LegacyAccount } from "../../../src/config/types.ts";
import { createJushuitanSource, getApi, readShops, refreshLegacy } from "../../../src/source/jushuitan/index.ts";
import { signLegacy } from "../../../src/source/jushuitan/wire-legacy.ts";
import { type JushuitanOptions, type JushuitanSimulator, startJushuitan } from "../../../src/simulator/jushuitan/server.ts";
import { type Answer, never, outside, serve } from "./wire.ts";

const PARTNER = { partnerId: "demo-partner-0001", partnerKey: "demo-partner-key-0001" };
const TOKEN = "0123456789abcdef0123456789abcdef";
const ORDERS = getApi("/open/orders/single/query");
const WINDOW = { from: Date.UTC(2026, 0, 1), to: Date.UTC(2026, 0, 2), page: 1, pageSize: 50, params: {}, archive: false };

const account = (baseUrl: string): LegacyAccount => ({
  name: "main", platform: "jushuitan", kind: "legacy", baseUrl, ...PARTNER, token: null, tokenExpiresAt: null, holdAfterRefreshMs: 0,
  limits: { perSecond: 5, perMinute: 100 }, timeoutMs: 5_000,
});

let close: () => unknown = () => undefined;
afterEach(() => close());

/** A source against a server of the test's own. */
async function against(answer: Answer, api = ORDERS) {
  const server = await serve(answer);
  close = server.close;
  const { deps, state } = outside();
  state.token = { value: TOKEN, version: 1 };
  return { seen: server.seen, state, deps, source: createJushuitanSource({ account: account(`${server.baseUrl}/api/open/query.aspx`), api, deps }) };
}

const flat = (more = "") => `{"code":0,"issuccess":true,"msg":null,"page_index":1,"data_count":1,"page_count":1,"has_next":false,"orders":[{"o_id":100001,"ts":20260101000000455}]${more}}`;

describe("the signature", () => {
  test.each([
    ["O1", "refresh.token", "1767225600", "8cd67d276cddc8ad8dcd50f0f0fe8d8b"],
    ["O2", "orders.single.query", "1767229200", "f3ed7382101d72f453f13523e5516710"],
  ])("is that of the vector %s", (_name, method, ts, expected) => {
    expect(signLegacy({ method, partnerId: PARTNER.partnerId, token: TOKEN, ts }, PARTNER.partnerKey)).toBe(expected);
  });
});

test("a call is a signed address with a JSON body, and the key is in neither", async () => {
  const { source, seen } = await against(() => flat());
  const { rows, total } = await source.readWindow(WINDOW, never);
  expect(rows).toMatchObject([{ id: "100001", version: "20260101000000455" }]);
  expect(total).toBe(1);
  const { url, body, contentType } = seen[0]!;
  const query = Object.fromEntries(new URL(url, "http://x").searchParams);
  expect(Object.keys(query)).toEqual(["method", "partnerid", "token", "ts", "sign"]);
  expect(query).toMatchObject({ method: "orders.single.query", partnerid: PARTNER.partnerId, token: TOKEN });
  expect(query["sign"]).toBe(signLegacy({ method: "orders.single.query", partnerId: PARTNER.partnerId, token: TOKEN, ts: query["ts"]! }, PARTNER.partnerKey));
  expect(contentType).toBe("application/json");
  expect(JSON.parse(body)).toEqual({ modified_begin: "2026-01-01 08:00:00", modified_end: "2026-01-02 08:00:00", date_type: 0, page_index: 1, page_size: 50 });
  expect(url + body).not.toContain(PARTNER.partnerKey);
});

test("archived records are asked of an interface of their own, without the new platform's parameter", async () => {
  const { source, seen } = await against(() => flat());
  await source.readWindow({ ...WINDOW, archive: true }, never);
  expect(seen[0]!.url).toContain("method=orders.history.query");
  expect(JSON.parse(seen[0]!.body)).not.toHaveProperty("archive");
});

test("where there is no such interface, the parameter asks for them there too", async () => {
  const { source, seen } = await against(() => flat(), { ...ORDERS, historyMethod: null });
  await source.readWindow({ ...WINDOW, archive: true }, never);
  expect(seen[0]!.url).toContain("method=orders.single.query");
  expect(JSON.parse(seen[0]!.body)).toHaveProperty("archive", true);
});

describe("an answer", () => {
  test.each([
    ["issuccess as text", '{"code":0,"issuccess":"true","orders":[]}', null],
    ["issuccess false under code 0", '{"code":0,"issuccess":false,"msg":"x","orders":[]}', "TM_SOURCE_BUSINESS"],
    ["no issuccess", '{"code":0,"orders":[]}', "TM_SOURCE_TRANSIENT"],
    ["a sign error", '{"code":120,"issuccess":false}', "TM_SOURCE_SIGN"],
    ["the new platform's sign code, which the old one does not have", '{"code":10}', "TM_SOURCE_BUSINESS"],
    ["an internal exception", '{"code":150}', "TM_SOURCE_TRANSIENT"],
    ["a shop that does not exist", '{"code":170}', "TM_SOURCE_BUSINESS"],
    ["an address that is not allowed", '{"code":110}', "TM_SOURCE_IP"],
    ["no permission", '{"code":190}', "TM_SOURCE_PERMISSION"],
    ["a clock that is off, twice", '{"code":180}', "TM_SOURCE_CLOCK"],
    ["a token that is refused, the renewed one as well", '{"code":100}', "TM_SOURCE_TOKEN"],
  ])("with %s", async (_what, body, code) => {
    const { source } = await against(() => body);
    const error: unknown = await source.readVersions({ from: "1", pageSize: 50, params: {} }, never).then(() => null, (reason: unknown) => reason);
    if (code === null) expect(error).toBeNull();
    else expect(error).toMatchObject({ code });
    expect(JSON.stringify([error, String(error)])).not.toMatch(new RegExp(`${TOKEN}|${PARTNER.partnerKey}|${PARTNER.partnerId}|[0-9a-f]{32}`));
  });

  test.each([199, 200])("with code %i is waited out, whatever its words", async (code) => {
    const { source, state } = await against((_seen, _response, n) => (n === 0 ? `{"code":${code},"issuccess":false,"msg":"too many"}` : flat()));
    expect((await source.readWindow(WINDOW, never)).requests).toBe(2);
    expect(state.pauses).toHaveLength(1);
  });

  test("after a refused time the call is made again by the source's clock", async () => {
    const { source, state } = await against((_seen, response, n) => {
      response.setHeader("Date", new Date(Date.now() + 3_600_000).toUTCString());
      return n === 0 ? '{"code":180,"issuccess":false}' : flat();
    });
    expect((await source.readWindow(WINDOW, never)).requests).toBe(2);
    expect(state.clocks[0]).toBeGreaterThan(3_500_000);
  });
});

describe("against the simulator", () => {
  let simulator: JushuitanSimulator;
  async function start(options: JushuitanOptions = {}) {
    simulator = await startJushuitan({ perSecond: null, perMinute: null, orders: 120, archived: 0.5, ...options });
    close = () => simulator.close();
    const { deps, state } = outside();
    state.token = { value: TOKEN, version: 1 };
    const own = account(`${simulator.url}/api/open/query.aspx`);
    return { own, deps, source: createJushuitanSource({ account: own, api: ORDERS, deps }) };
  }

  test("both cursors read the same rows, current and archived ones apart", async () => {
    const { source } = await start({ successType: "text" });
    const count = async (archive: boolean) => (await source.readVersions({ from: "1", pageSize: 100, params: {}, archive }, never)).rows.length;
    const archived = await count(true);
    expect(archived).toBeGreaterThan(5);
    const now = Math.ceil(Date.now() / 1000) * 1000;
    const byWindow = await source.readWindow({ ...WINDOW, from: now - 604_000_000, to: now, archive: true }, never);
    expect(byWindow.total).toBe(archived);
    expect((await source.readWindow({ ...WINDOW, from: now - 604_000_000, to: now }, never)).total).toBe(120 - archived);
  });

  test("shops, and a refresh of the token", async () => {
    const { own, deps } = await start();
    expect((await readShops(own, { deps, signal: never })).length).toBeGreaterThan(2);
    await refreshLegacy(own, TOKEN, { deps, signal: never });
    const wrong = refreshLegacy(own, "no-such-token-anywhere", { deps, signal: never });
    await expect(wrong).rejects.toMatchObject({ code: "TM_SOURCE_TOKEN", message: expect.not.stringContaining("no-such-token") as string });
  });
});
