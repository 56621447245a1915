import { sql } from "kysely";
import { afterEach, expect, test, vi } from "vitest";
import { check } from "../../src/ops/check.ts";
import { coverageNote } from "../../src/ops/coverage-note.ts";
import { type JushuitanOptions, type JushuitanSimulator, startJushuitan } from "../../src/simulator/jushuitan/server.ts";
import { type QeasySimulator, startQeasy } from "../../src/simulator/qeasy/server.ts";
import { openStore, type Store } from "../../src/store/db.ts";
import { ensureStream } from "../../src/store/streams.ts";
import { TEST_KEY, testConfig } from "../support/pipeline.ts";
import { sharedServers } from "../support/servers.ts";

const APP = { appKey: "demo-app", appSecret: "demo-secret", accessToken: "00112233445566778899aabbccddeeff" };
const signal = new AbortController().signal;

let source: JushuitanSimulator;
let target: QeasySimulator;
let store: Store;
afterEach(async () => {
  vi.unstubAllEnvs();
  await Promise.all([source.close(), target.close(), store.close()]);
});

async function start(options: JushuitanOptions = {}) {
  source = await startJushuitan({ ...APP, orders: 20, days: 0.01, perSecond: null, perMinute: null, ...options });
  target = await startQeasy();
  const { databaseUrl, temporal } = await sharedServers();
  vi.stubEnv("DATABASE_URL", databaseUrl);
  vi.stubEnv("TEMPORAL_ADDRESS", temporal.address);
  vi.stubEnv("TIDEMARK_KEY", TEST_KEY.toString("base64"));
  store = openStore(databaseUrl);
  return testConfig({ account: { ...APP, baseUrl: source.url }, target: { baseUrl: target.url } });
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
  await sql`insert into shop_seen (stream_id, shop_id) values (${id}, ${all[0]!})`.execute(store.db);
  expect(await silent()).toEqual(all.slice(1));
});

test.each([[-120_000, 1], [120_000, 1], [30_000, 0]])("a source's clock %i ms off makes %i warnings", async (clockOffsetMs, warnings) => {
  const results = await check(await start({ clockOffsetMs }), signal);
  expect(results.filter(({ what, warning }) => what === "clock of main" && warning === true)).toHaveLength(warnings);
});
