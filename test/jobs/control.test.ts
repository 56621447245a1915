import { afterEach, expect, test } from "vitest";
import { createJushuitanSource, getApi } from "../../src/source/jushuitan/index.ts";
import { type JushuitanSimulator, startJushuitan } from "../../src/simulator/jushuitan/server.ts";
import { ORDERS, testConfig } from "../support/pipeline.ts";

let source: JushuitanSimulator;
afterEach(() => source.close());

/**
 * The control of the tests beside this one: the same simulator, the same changes between requests, read the way most tools
 * read it. It has to lose orders, or the others prove nothing.
 */
test("paging forward through a modified-time window loses orders that never changed", async () => {
  const app = { appKey: "k", appSecret: "s", accessToken: "0123456789" };
  source = await startJushuitan({ ...app, orders: 4_000, days: 2, changesPerRequest: 2, perSecond: null, perMinute: null });
  const account = testConfig({ account: { ...app, baseUrl: source.url } }).accounts["main"]!;
  const api = createJushuitanSource({
    account, api: getApi(ORDERS),
    deps: {
      token: () => Promise.resolve({ value: app.accessToken, version: 1 }), renewToken: () => Promise.resolve(), acquire: () => Promise.resolve(),
      pause: () => Promise.resolve(), clockOffsetMs: () => Promise.resolve(0), reportClock: () => Promise.resolve(),
    },
  });
  const to = Math.floor(Date.now() / 1000) * 1000;
  const from = to - 3 * 86_400_000;
  const read = new Set<string>();
  for (let page = 1, more = true; more; page++) {
    const answer = await api.readWindow({ from, to, page, pageSize: 50, params: {}, archive: false }, new AbortController().signal);
    for (const row of answer.rows) read.add(row.id!);
    more = answer.hasNext === true;
  }
  const truth = (await (await fetch(`${source.url}/_admin/truth`)).text()).trim().split("\n").map((line) => JSON.parse(line) as { id: string; modified: string });
  const unchanged = truth.filter((order) => Date.parse(`${order.modified.replace(" ", "T")}+08:00`) < to);
  const lost = unchanged.filter((order) => !read.has(order.id));
  expect(lost.length).toBeGreaterThan(10);
});
