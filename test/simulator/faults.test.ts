import { afterEach, describe, expect, it } from "vitest";
import { type JushuitanSimulator, startJushuitan } from "../../src/simulator/jushuitan/server.ts";
import { admin, APP_KEY, ask, now, ORDERS, postForm, read, shanghai, TOKEN, truth } from "./client.ts";

let simulator: JushuitanSimulator;
const BIZ = '{"start_ts":1,"is_get_total":false,"page_index":1,"page_size":50}';
const send = (biz = BIZ) => postForm(simulator.url + ORDERS, { app_key: APP_KEY, access_token: TOKEN, timestamp: now(), charset: "utf-8", version: "2", biz });
const start = async (faults: Record<string, unknown>) =>
  (simulator = await startJushuitan({ perSecond: null, perMinute: null, orders: 200, changesPerRequest: 1, faults }));
const faultsSoFar = async () => (await admin<{ requests: { faults: object } }>(simulator.url, "state")).requests.faults;
afterEach(() => simulator?.close());

describe("a fault with share 1 befalls every data request", () => {
  it("drop: nothing comes back and nothing was done", async () => {
    await start({ drop: 1 });
    await expect(send()).rejects.toThrow();
    expect(await admin(simulator.url, "state")).toMatchObject({ writes: { changes: 0 }, requests: { answered: 0, faults: { drop: 1 } } });
  });

  it("dropAfter: nothing comes back although all was done", async () => {
    await start({ dropAfter: 1 });
    await expect(send()).rejects.toThrow();
    expect(await admin(simulator.url, "state")).toMatchObject({ writes: { changes: 1 }, requests: { answered: 0 } });
  });

  it.each([
    ["html502", 502, /^<html>/],
    ["http500", 500, /^Internal/],
    ["html200", 200, /^<!DOCTYPE/],
    ["emptyBody", 200, /^$/],
  ])("%s: HTTP %i and no JSON", async (kind, status, body) => {
    await start({ [kind]: 1 });
    expect(await send()).toMatchObject({ status, text: expect.stringMatching(body) });
    expect(await faultsSoFar()).toEqual({ [kind]: 1 });
  });

  it("cutJson: half a body, with or without a broken connection", async () => {
    await start({ cutJson: 1 });
    const outcomes = await Promise.all(Array.from({ length: 20 }, () => send().then(({ text }) => text, () => "broken")));
    expect(outcomes).toContain("broken");
    const whole = outcomes.filter((text) => text !== "broken");
    expect(whole.length).toBeGreaterThan(0);
    for (const text of whole) expect(() => JSON.parse(text) as unknown).toThrow(SyntaxError);
  });

  it.each([
    ["code199", 199],
    ["code200", 200],
    ["code100", 100],
  ])("%s: code %i under HTTP 200", async (kind, code) => {
    await start({ [kind]: 1 });
    const reply = await send();
    expect(reply.status).toBe(200);
    expect(read(reply.text).code).toBe(code);
  });

  it("shortPage: rows are missing under the same total", async () => {
    await start({ shortPage: 1 });
    const answer = await ask(simulator.url, ORDERS, `{"modified_begin":"${shanghai(-6.5 * 86_400)}","modified_end":"${shanghai(60)}","page_size":100}`);
    expect(answer.total).toBe(200);
    expect(answer.rows.length).toBeLessThan(100);
    expect(answer.rows.length).toBeGreaterThan(0);
  });

  it("versionDisorder: the rows of a version page are not ascending", async () => {
    await start({ versionDisorder: 1 });
    const { rows } = await ask(simulator.url, ORDERS, BIZ);
    expect(rows.some((row, n) => n > 0 && BigInt(row.ts) < BigInt(rows[n - 1]!.ts))).toBe(true);
  });

  it("totalsLie: the total is wrong", async () => {
    await start({ totalsLie: 1 });
    const answer = await ask(simulator.url, ORDERS, '{"start_ts":1,"page_size":100}');
    expect(answer.total).not.toBe(200);
  });

  it("slow: late, and whole", async () => {
    await start({ slow: { share: 1, ms: 300 } });
    const began = Date.now();
    expect((await ask(simulator.url, ORDERS, BIZ)).rows).toHaveLength(50);
    expect(Date.now() - began).toBeGreaterThanOrEqual(290);
  });
});

it("shares are kept, faults end when told so, and the token interfaces are spared unless told otherwise", async () => {
  await start({ http500: 0.3, emptyBody: 0.2 });
  for (let n = 0; n < 200; n++) await send();
  const counts = (await faultsSoFar()) as Record<string, number>;
  expect(counts["http500"]).toBeGreaterThan(35);
  expect(counts["http500"]).toBeLessThan(85);
  expect(counts["emptyBody"]).toBeGreaterThan(20);

  const token = () => postForm(`${simulator.url}/openWeb/auth/getInitToken`, { app_key: APP_KEY, timestamp: now(), charset: "utf-8", grant_type: "authorization_code", code: "abc123" });
  await admin(simulator.url, "configure", { faults: null, oldTokenDies: false });
  for (let n = 0; n < 20; n++) expect((await send()).status).toBe(200);
  await admin(simulator.url, "configure", { faults: { http500: 1 } });
  expect((await token()).status).toBe(200);
  await admin(simulator.url, "configure", { faultsOnAuth: true });
  expect((await token()).status).toBe(500);
});

it("refuses a switch that does not exist, or one that is for the start only", async () => {
  await start({});
  for (const wrong of [{ speed: 1 }, { orders: 5 }, { faults: { drop: 2 } }, { faults: { fire: 1 } }]) {
    const response = await fetch(`${simulator.url}/_admin/configure`, { method: "POST", body: JSON.stringify(wrong) });
    expect(response.status).toBe(400);
  }
});

it("logs each request with what became of it", async () => {
  await start({ emptyBody: 1 });
  await send();
  await admin(simulator.url, "configure", { faults: {} });
  await send();
  const { last, requests } = await admin<{ last: number; requests: object[] }>(simulator.url, "requests?since=0");
  expect(last).toBe(2);
  expect(requests).toMatchObject([
    { n: 1, path: ORDERS, biz: BIZ, code: null, fault: "emptyBody" },
    { n: 2, path: ORDERS, biz: BIZ, code: 0, rows: 50, fault: null },
  ]);
  await admin(simulator.url, "reset-counters", {});
  expect(await admin(simulator.url, "state")).toMatchObject({ requests: { answered: 0, faults: {} }, writes: { changes: 0 } });
  expect(await truth(simulator.url)).toHaveLength(200);
});
