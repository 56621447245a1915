import { afterEach, describe, expect, it } from "vitest";
import { getApi } from "../../../src/source/jushuitan/catalogue.ts";
import { createJushuitanSource } from "../../../src/source/jushuitan/source.ts";
import { account, never, outside, page, serve, TOKEN, type Answer } from "./wire.ts";

const api = getApi("/open/orders/single/query");
const query = { from: "1", pageSize: 50, params: {} };
const expired = { code: 100, msg: "验证失败！无效的access_token或access_token已过期", data: null };

let close = () => {};
afterEach(() => close());

async function world(answer: Answer, more: Parameters<typeof outside>[0] = {}) {
  const server = await serve(answer);
  close = server.close;
  const { state, deps } = outside(more);
  return { server, state, source: createJushuitanSource({ account: account(server.baseUrl), api, deps }) };
}

describe("token", () => {
  it("is renewed once, and the call repeated with the new one", async () => {
    const { server, state, source } = await world((seen) => (seen.form["access_token"] === TOKEN ? expired : page([])));
    const answer = await source.readVersions(query, never);
    expect(answer.requests).toBe(2);
    expect(state.renewals).toEqual([1]);
    expect(server.seen.map(({ form }) => form["access_token"])).toEqual([TOKEN, "renewed-token-2"]);
    expect(state.log).toEqual(["acquire", "token", "acquire", "token"]);
  });

  it("is final when the renewed one is refused as well", async () => {
    const { server, state, source } = await world(() => expired);
    await expect(source.readVersions(query, never)).rejects.toMatchObject({ kind: "final", code: "TM_SOURCE_TOKEN" });
    expect(server.seen.length).toBe(2);
    expect(state.renewals).toEqual([1]);
  });

  it("is read again, once, when another worker switched it in between", async () => {
    const { server, state, source } = await world((seen) => {
      // Another worker's token arrives while the renewed one is on its way.
      if (seen.form["access_token"] === "renewed-token-2") state.token = { value: "others-token-3", version: 3 };
      return seen.form["access_token"] === "others-token-3" ? page([]) : expired;
    });
    expect((await source.readVersions(query, never)).requests).toBe(3);
    expect(server.seen.map(({ form }) => form["access_token"])).toEqual([TOKEN, "renewed-token-2", "others-token-3"]);
    expect(state.renewals).toEqual([1]);
  });

  it("ends even if tokens are switched without end", async () => {
    const { server, state, source } = await world(() => {
      state.token = { value: `switched-${state.token.version}`, version: state.token.version + 1 };
      return expired;
    });
    await expect(source.readVersions(query, never)).rejects.toMatchObject({ code: "TM_SOURCE_TOKEN" });
    expect(server.seen.length).toBe(3);
  });

  it("passes on that the merchant has to authorise again", async () => {
    const refusal = new Error("TM_REAUTHORISE");
    const { source } = await world(() => expired, { renewToken: async () => Promise.reject(refusal) });
    await expect(source.readVersions(query, never)).rejects.toBe(refusal);
  });
});

describe("clock", () => {
  const skewed = { code: 140, msg: "验证失败！无效的timestamp，请求最大时间误差15分钟" };
  const date = (offsetMs: number) => new Date(Date.now() + offsetMs).toUTCString();

  it("is corrected by the source's Date header, reported, and the call repeated once", async () => {
    const hour = 3_600_000;
    const { server, state, source } = await world((seen, response) => {
      response.setHeader("date", date(hour));
      const skew = Math.abs(Number(seen.form["timestamp"]) * 1000 - (Date.now() + hour));
      return skew > 900_000 ? skewed : page([]);
    });
    expect((await source.readVersions(query, never)).requests).toBe(2);
    expect(server.seen.every(({ signed }) => signed)).toBe(true);
    expect(Math.abs((state.clocks[0] ?? 0) - hour)).toBeLessThan(2_000);
  });

  it("is final when the corrected time is refused as well", async () => {
    const { server, source } = await world(() => skewed);
    await expect(source.readVersions(query, never)).rejects.toMatchObject({ kind: "final", code: "TM_SOURCE_CLOCK" });
    expect(server.seen.length).toBe(2);
  });

  it("uses the offset that is known already, and reports only what differs", async () => {
    const { server, state, source } = await world((_seen, response) => {
      response.setHeader("date", date(-600_000));
      return page([]);
    });
    state.offsetMs = -600_000;
    await source.readVersions(query, never);
    expect(Math.abs(Number(server.seen[0]?.form["timestamp"]) * 1000 - (Date.now() - 600_000))).toBeLessThan(3_000);
    expect(state.clocks).toEqual([]);
    state.offsetMs = 0;
    await source.readVersions(query, never);
    expect(state.clocks.length).toBe(1);
  });
});

describe("rate", () => {
  it("pauses for everybody and goes on waiting, however often", async () => {
    const { state, source } = await world((_seen, response, n) => {
      if (n === 0) return { code: 199, msg: "调用频次超过限制!请稍后再试" };
      if (n === 1) return { code: 200, msg: "调用频次超过限制" };
      if (n === 2) return void response.writeHead(429, { "retry-after": "7" }).end("<html>slow down</html>");
      if (n === 3) return void response.writeHead(429).end();
      if (n < 30) return { code: 199, msg: "" };
      return page([]);
    });
    const answer = await source.readVersions(query, never);
    expect(answer.requests).toBe(31);
    expect(state.pauses.slice(0, 5)).toEqual([1_200, 15_000, 7_000, 15_000, 1_200]);
    expect(state.log.filter((entry) => entry === "acquire").length).toBe(31);
  });

  it("waits no longer than the signal lasts", async () => {
    const stop = new AbortController();
    const { server, source } = await world((_seen, _response, n) => {
      if (n === 4) stop.abort(new Error("stop"));
      return { code: 199, msg: "" };
    });
    await expect(source.readVersions(query, stop.signal)).rejects.toThrow("stop");
    expect(server.seen.length).toBe(5);
  });

  it("code 200 with other words is no rate refusal", async () => {
    const { server, state, source } = await world(() => ({ code: 200, msg: "参数错误" }));
    await expect(source.readVersions(query, never)).rejects.toMatchObject({ code: "TM_SOURCE_BUSINESS" });
    expect(server.seen.length).toBe(1);
    expect(state.pauses).toEqual([]);
  });
});
