import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { sql } from "kysely";
import { afterEach, expect, onTestFinished, test, vi } from "vitest";
import { check } from "../../src/ops/check.ts";
import { coverageNote } from "../../src/ops/coverage-note.ts";
import { LEGACY_PATH } from "../../src/simulator/jushuitan/legacy.ts";
import { type JushuitanOptions, type JushuitanSimulator, startJushuitan } from "../../src/simulator/jushuitan/server.ts";
import { type QeasySimulator, startQeasy } from "../../src/simulator/qeasy/server.ts";
import { getApi } from "../../src/source/jushuitan/index.ts";
import { openStore, type Store } from "../../src/store/db.ts";
import { ensureStream } from "../../src/store/streams.ts";
import { type ConfigOverrides, tableTarget, TEST_KEY, testConfig } from "../support/pipeline.ts";
import { freshDatabase, sharedServers } from "../support/servers.ts";

const APP = { appKey: "demo-app", appSecret: "demo-secret", accessToken: "00112233445566778899aabbccddeeff" };
const signal = new AbortController().signal;

let source: JushuitanSimulator;
let target: QeasySimulator;
let store: Store;
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all([source.close(), target.close(), store.close()]);
});

async function start(options: JushuitanOptions = {}, overrides: ConfigOverrides = {}) {
  source = await startJushuitan({ ...APP, orders: 20, days: 0.01, perSecond: null, perMinute: null, ...options });
  target = await startQeasy();
  const { databaseUrl, temporal } = await sharedServers();
  vi.stubEnv("DATABASE_URL", databaseUrl);
  vi.stubEnv("TEMPORAL_ADDRESS", temporal.address);
  vi.stubEnv("TIDEMARK_KEY", TEST_KEY.toString("base64"));
  store = openStore(databaseUrl);
  return testConfig({ ...overrides, account: { ...APP, baseUrl: source.url }, target: { baseUrl: target.url, ...overrides.target } });
}

test("check names what the API never returns, and shops that delivered nothing so far", async () => {
  const config = await start();
  const results = await check(config, signal);
  expect(results.filter(({ ok }) => !ok)).toEqual([]);
  const about = (what: string) => results.filter((result) => result.what === `${what} of orders`).map(({ detail }) => detail).join("\n");
  expect(about("coverage")).toMatch(/淘系[^]*拼多多/);
  expect(about("shops")).toMatch(/not covered, or no sales[^]*演示天猫店/);
  expect(results.filter(({ what }) => what.startsWith("clock"))).toEqual([]);
  const silent = async () => (await coverageNote({ config, store, key: TEST_KEY }, "orders", signal)).silentShops.map(({ id }) => id);
  const all = await silent();
  const { id } = await ensureStream(store, config.pipelines["orders"]!, config.accounts["main"]!);
  await sql`insert into record (stream_id, id, source_id, held, version, modified) values (${id}, '1', '1', 'loaded', 1, 1)`.execute(store.db);
  expect(await silent()).toEqual([]); // its records name no shop
  await sql`insert into shop_seen (stream_id, shop_id) values (${id}, ${all[0]!})`.execute(store.db);
  expect(await silent()).toEqual(all.slice(1));
});

test("a call is not made to look, and the end of a token is told with its day", async () => {
  const config = await start();
  const { name, platform, limits, timeoutMs, baseUrl } = config.accounts["main"]!;
  const orders = config.pipelines["orders"]!;
  const common = { platform, limits, timeoutMs };
  config.accounts = {
    main: { ...common, name, baseUrl, kind: "bearer", token: "demo-bearer-token-0001", tokenId: null },
    old: {
      ...common, name: "old", kind: "legacy", baseUrl: baseUrl + LEGACY_PATH, partnerId: "demo-partner-0001", partnerKey: "demo-partner-key-0001",
      token: "0123456789abcdef0123456789abcdef", tokenExpiresAt: Date.now() + 2 * 86_400_000, holdAfterRefreshMs: 0,
    },
  };
  config.pipelines = {
    tokens: { ...orders, name: "tokens", source: { ...orders.source, api: "refresh.token" } },
    orders: { ...orders, source: { ...orders.source, account: "old" } },
  };
  const results = await check(config, signal);
  expect(results.filter(({ ok }) => !ok)).toEqual([]);
  expect(results.find(({ what }) => what === "targets")).toMatchObject({ warning: true, detail: expect.stringContaining("tokens and orders write to the same target") as string });
  expect(results.find(({ what }) => what === "source of tokens")!.detail).toMatch(/has a token, fingerprint [0-9a-f]{12}; refresh\.token is not called/);
  expect(results.filter(({ what }) => what === "tokens")).toMatchObject([{ warning: true, detail: expect.stringMatching(/^account old: its token expires on \d{4}-\d\d-\d\d/) as string }]);
  const state = (await (await fetch(`${source.url}/_admin/state`)).json()) as { bearer: { refreshed: number } };
  expect(state.bearer.refreshed).toBe(0);
});

test("check reads APIs without windows too, and says of one that is not provable why", async () => {
  const shops = await check(await start({}, { source: { api: "/open/shops/query", cursor: "snapshot" } }), signal);
  expect(shops.filter(({ ok }) => !ok)).toEqual([]);
  expect(shops.find(({ what }) => what === "source of orders")!.detail).toContain("8 records are there");
  expect(shops.filter(({ what }) => what === "proof of orders" || what === "shops of orders")).toEqual([]);
  await Promise.all([source.close(), target.close(), store.close()]);
  const described = { ...getApi("/open/sku/query"), notProvable: "for this test" };
  const skus = await check(await start({}, { source: { api: described.path, cursor: "window" }, apis: [described] }), signal);
  expect(skus.find(({ what }) => what === "proof of orders")).toMatchObject({ warning: true, detail: "not provable: for this test" });
});

test.each([[-120_000, 1], [120_000, 1], [30_000, 0]])("a source's clock %i ms off makes %i warnings", async (clockOffsetMs, warnings) => {
  const results = await check(await start({ clockOffsetMs }), signal);
  expect(results.filter(({ what, warning }) => what === "clock of main" && warning === true)).toHaveLength(warnings);
});

test("check reads the beginning of the target's list, with one request, and says what is wrong with it", async () => {
  let requests = 0;
  let answer: (response: ServerResponse) => void = () => undefined;
  const lists = createServer((_request, response) => {
    requests++;
    answer(response);
  });
  await new Promise<void>((resolve) => lists.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    lists.closeAllConnections();
    lists.close();
  });
  const config = await start({}, { target: { heldUrl: `http://127.0.0.1:${(lists.address() as AddressInfo).port}/held`, timeoutMs: 2_000 } });
  const found = async (give: typeof answer) => {
    answer = give;
    return (await check(config, signal)).filter(({ what }) => what === "list of orders's target");
  };
  const line = '{"id":"1001","ts":"20260101000000455"}\n';
  // A list that goes on for ever: its beginning is enough.
  const endless = (response: ServerResponse) => {
    const more = () => {
      while (!response.destroyed && response.write(line.repeat(500)));
    };
    response.on("drain", more);
    more();
  };
  expect(await found(endless)).toMatchObject([{ ok: true, detail: expect.stringContaining("looked at: 1000") as string }]);
  expect(requests).toBe(1);
  expect(await found((response) => response.end('{"id":"1001"}\n'))).toMatchObject([{ ok: true, detail: expect.stringContaining("without ts: 1") as string }]);
  expect(await found((response) => response.end())).toMatchObject([{ ok: true, detail: expect.stringContaining("nothing") as string }]);
  expect(await found((response) => response.writeHead(404).end())).toMatchObject([{ ok: false, code: "TM_TARGET_HELD", detail: expect.stringContaining("HTTP 404") as string }]);
  expect(await found((response) => response.end("<html>"))).toMatchObject([{ ok: false, code: "TM_TARGET_HELD", detail: expect.stringContaining("line 1") as string }]);
  expect(await found((response) => response.write(line))).toMatchObject([{ ok: false, code: "TM_TARGET_HELD", detail: expect.stringContaining("2000 ms") as string }]);
}, 60_000);

test("check says of a database what is there, and which rights are missing", async () => {
  const config = await start();
  const url = await freshDatabase();
  const look = async (into: string) => {
    config.pipelines["orders"]!.target = tableTarget({ use: "postgres", url: into });
    return (await check(config, signal)).filter(({ what }) => /target/.test(what));
  };
  expect(await look(url)).toMatchObject([{ what: "target of orders", ok: true, detail: expect.stringMatching(/^Postgres 18.*as tidemark; the table orders is not there yet/) as string }]);
  expect(await look(Object.assign(new URL(url), { password: "wrong" }).href)).toMatchObject([{ ok: false, code: "TM_TARGET_CONFIG", detail: expect.stringContaining("28P01") as string, fix: expect.stringContaining("target.url") as string }]);
  expect(await look("postgres://nobody@127.0.0.1:9/none")).toMatchObject([{ ok: false, code: "TM_TARGET_UNREACHABLE", detail: expect.stringContaining("ECONNREFUSED") as string }]);
}, 60_000);
