import { afterEach, describe, expect, it } from "vitest";
import { type JushuitanOptions, type JushuitanSimulator, startJushuitan } from "../../src/simulator/jushuitan/server.ts";
import { admin, ask, ORDERS, truth } from "./client.ts";

let simulator: JushuitanSimulator;
const start = async (options: JushuitanOptions = {}) => (simulator = await startJushuitan({ perSecond: null, perMinute: null, orders: 50, ...options }));
afterEach(() => simulator?.close());

interface Written {
  id: string;
  ts: string;
  visible: boolean;
}

const from = (ts: string) => `{"start_ts":${ts},"is_get_total":false,"page_index":1,"page_size":50}`;
const head = async () => (await admin<{ head: string }>(simulator.url, "state")).head;

describe("late commits", () => {
  it("have their version and time at once and are seen later, below versions that were seen before", async () => {
    await start();
    const before = await head();
    const late = await admin<{ inserted: Written[] }>(simulator.url, "insert", { count: 1, lateMs: 1000 });
    const onTime = await admin<{ inserted: Written[] }>(simulator.url, "insert", { count: 1, lateMs: 0 });
    const [hidden, visible] = [late.inserted[0]!, onTime.inserted[0]!];
    expect([hidden.visible, visible.visible]).toEqual([false, true]);
    expect(BigInt(hidden.ts)).toBeLessThan(BigInt(visible.ts));
    const seen = async () => (await ask(simulator.url, ORDERS, from(String(BigInt(before) + 1n)))).rows.map((row) => row.ts);
    expect(await seen()).toEqual([visible.ts]);
    expect((await truth(simulator.url)).some((row) => row.id === hidden.id)).toBe(false);
    await new Promise((resolve) => setTimeout(resolve, 1050));
    expect(await seen()).toEqual([hidden.ts, visible.ts]);
    expect((await truth(simulator.url)).some((row) => row.id === hidden.id)).toBe(true);
  });

  it("a row's past versions can be had back, byte for byte", async () => {
    await start({ lateCommits: { share: 0.5, minMs: 60_000, maxMs: 60_000 } });
    const { store } = simulator;
    const versions = new Map<string, string>();
    for (let write = 0; write < 6; write++) {
      versions.set(store.versionText(store.orders.versionOf(7)), store.rowText(store.orders, 7));
      store.touch(store.orders, 7);
    }
    expect(versions.size).toBeGreaterThan(2);
    for (const [version, text] of versions) expect(store.pastText(store.orders, 7, version)).toBe(text);
    expect(store.pastText(store.orders, 8, [...versions.keys()][0]!)).toBeNull();
    expect(store.pastText(store.orders, 7, "1")).toBeNull();
  });

  it("leave the old version of a changed row in sight until they are seen; freezing shows them all", async () => {
    await start({ lateCommits: { share: 1, minMs: 60_000, maxMs: 60_000 } });
    const old = (await truth(simulator.url)).find((row) => row.id === "880007");
    const { changed } = await admin<{ changed: Written[] }>(simulator.url, "change", { ids: [880007] });
    expect(changed[0]).toMatchObject({ id: "880007", visible: false });
    expect((await truth(simulator.url)).find((row) => row.id === "880007")).toEqual(old);
    expect(await admin(simulator.url, "state")).toMatchObject({ latePending: 1, writes: { changes: 1, late: 1 } });
    await admin(simulator.url, "freeze", {});
    expect((await truth(simulator.url)).find((row) => row.id === "880007")?.ts).toBe(changed[0]?.ts);
    expect(await admin(simulator.url, "state")).toMatchObject({ latePending: 0 });
  });
});

describe("changes", () => {
  it("stop when frozen and go on when unfrozen", async () => {
    await start({ changesPerRequest: 2, insertsPerRequest: 1 });
    await ask(simulator.url, ORDERS, from("1"));
    expect(await admin(simulator.url, "state")).toMatchObject({ writes: { changes: 2, inserts: 1 } });
    await admin(simulator.url, "freeze", {});
    await ask(simulator.url, ORDERS, from("1"));
    expect(await admin(simulator.url, "state")).toMatchObject({ writes: { changes: 2, inserts: 1 } });
    await admin(simulator.url, "unfreeze", {});
    await ask(simulator.url, ORDERS, from("1"));
    expect(await admin(simulator.url, "state")).toMatchObject({ writes: { changes: 4, inserts: 2 } });
  });

  it("come by time as well, in all tables", async () => {
    await start({ changeIntervalMs: 20, insertsPerInterval: 1 });
    const changes = async () => (await admin<{ writes: { changes: number } }>(simulator.url, "state")).writes.changes;
    await expect.poll(changes, { timeout: 5000 }).toBeGreaterThan(3);
    await admin(simulator.url, "configure", { changeIntervalMs: null });
    const settled = await admin<{ writes: object }>(simulator.url, "state");
    await new Promise((resolve) => setTimeout(resolve, 80));
    expect(await admin(simulator.url, "state")).toMatchObject({ writes: settled.writes });
  });

  it("choose the same rows for the same seed, and give the same text for the same row", async () => {
    const runs = [];
    for (let run = 0; run < 2; run++) {
      await start({ seed: 42, orders: 300, clockOffsetMs: 0 });
      runs.push((await admin<{ changed: Written[] }>(simulator.url, "change", { count: 20 })).changed);
      const record = async () => (await fetch(`${simulator.url}/_admin/record?id=880009`)).text();
      expect(await record()).toBe(await record());
      if (run === 0) await simulator.close();
    }
    expect(runs[0]).toEqual(runs[1]);
  });
});

describe("rows on the wire", () => {
  it("hold the oddities of the platform: numbers as text, empty text for null, ids as text, two-digit money, null lists", async () => {
    await start({ orders: 600 });
    let text = "";
    for (let page = 1; page <= 6; page++) text += (await ask(simulator.url, ORDERS, `{"start_ts":1,"page_index":${page},"page_size":100}`)).text;
    for (const oddity of [/"o_id":"88\d+"/, /"o_id":88\d+,/, /"pay_amount":"\d+\.\d\d"/, /"pay_amount":\d+\.\d0[,}]/, /"free_amount":""/, /"pays":null/, /"qty":"\d"/, /😊/u, /\\n/, /\\"/]) {
      expect(text).toMatch(oddity);
    }
    for (const status of ["Sent", "Merged", "Split", "Cancelled", "Question", "WaitConfirm"]) expect(text).toContain(`"status":"${status}"`);
  });

  it("are plain when the oddities are switched off", async () => {
    await start({ orders: 100, oddities: false });
    const { text } = await ask(simulator.url, ORDERS, '{"start_ts":1,"page_size":100}');
    expect(text).not.toMatch(/"o_id":"|"qty":"|"free_amount":""|"pays":null/);
  });
});
