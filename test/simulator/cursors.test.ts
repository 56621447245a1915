import { afterEach, describe, expect, it } from "vitest";
import { type JushuitanOptions, type JushuitanSimulator, startJushuitan } from "../../src/simulator/jushuitan/server.ts";
import { admin, type Answer, ask, ORDERS, OUTBOUND, type Row, shanghai, truth } from "./client.ts";

let simulator: JushuitanSimulator;
const start = async (options: JushuitanOptions = {}) => (simulator = await startJushuitan({ perSecond: null, perMinute: null, seed: 7, ...options }));
afterEach(() => simulator?.close());

const versionBiz = (from: string, size = 50) => `{"start_ts":${from},"is_get_total":false,"page_index":1,"page_size":${size}}`;
const windowBiz = (begin: string, end: string, page: number, size = 50, more = "") =>
  `{"modified_begin":"${begin}","modified_end":"${end}","date_type":0,"page_index":${page},"page_size":${size}${more}}`;

/** Walks by version as the platform's own template does; keeps the newest version of each id. */
async function walk(api = ORDERS, size = 50): Promise<Map<string, Row>> {
  const seen = new Map<string, Row>();
  for (let from = "1"; ; ) {
    const { rows } = await ask(simulator.url, api, versionBiz(from, size));
    for (const row of rows) seen.set(row.id, row);
    const last = rows.at(-1)?.ts ?? from;
    if (rows.length < size || last === from) return seen;
    from = last;
  }
}

async function pageForward(begin: string, end: string): Promise<Map<string, Row>> {
  const seen = new Map<string, Row>();
  for (let page = 1; ; page++) {
    const answer = await ask(simulator.url, ORDERS, windowBiz(begin, end, page));
    for (const row of answer.rows) seen.set(row.id, row);
    if (answer.hasNext !== true) return seen;
  }
}

const ids = (answer: Answer) => answer.rows.map((row) => row.id);

describe("while two orders change between any two requests", () => {
  it("a pager that goes forward through a closed window loses orders that did not change", async () => {
    await start({ orders: 2000, changesPerRequest: 2 });
    const end = shanghai(-1);
    const before = await truth(simulator.url);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const seen = await pageForward(shanghai(-6.5 * 86_400), end);
    const after = new Map((await truth(simulator.url)).map((row) => [row.id, row.ts]));
    const lost = before.filter((row) => after.get(row.id) === row.ts && !seen.has(row.id));
    expect(lost.length).toBeGreaterThan(10);
  });

  it("pages from the last to the first lose none", async () => {
    await start({ orders: 2000, changesPerRequest: 2 });
    const [begin, end] = [shanghai(-6.5 * 86_400), shanghai(-1)];
    const before = await truth(simulator.url);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const first = await ask(simulator.url, ORDERS, windowBiz(begin, end, 1));
    const seen = new Set<string>();
    for (let page = Math.ceil((first.total ?? 0) / 50); page >= 1; page--) for (const id of ids(await ask(simulator.url, ORDERS, windowBiz(begin, end, page)))) seen.add(id);
    const after = new Map((await truth(simulator.url)).map((row) => [row.id, row.ts]));
    expect(before.filter((row) => after.get(row.id) === row.ts && !seen.has(row.id))).toEqual([]);
    expect(await admin(simulator.url, "state")).toMatchObject({ pagesAskedTwice: 0 });
  });

  it.each([ORDERS, OUTBOUND])("a walk by version ends with every row of %s in its newest version", async (api) => {
    await start({ orders: 1000, changesPerRequest: 2, insertsPerRequest: 1 });
    const seen = await walk(api);
    await admin(simulator.url, "freeze", {});
    for (const row of (await walk(api)).values()) seen.set(row.id, row);
    const expected = await truth(simulator.url, api);
    expect([...seen.values()].map(({ id, ts, modified }) => `${id} ${ts} ${modified}`).sort()).toEqual(expected.map(({ id, ts, modified }) => `${id} ${ts} ${modified}`).sort());
    expect(await admin(simulator.url, "state")).toMatchObject({ frozen: true, writes: { changes: expect.any(Number), inserts: expect.any(Number) } });
  });
});

describe("version queries", () => {
  it("answer rows at or above the version asked for, ascending, exact beyond 2^53, without totals", async () => {
    await start({ orders: 200 });
    const all = [...(await walk()).values()];
    const from = all[30]?.ts ?? "";
    const answer = await ask(simulator.url, ORDERS, versionBiz(from, 20));
    expect(answer.rows.map((row) => row.ts)).toEqual(all.slice(30, 50).map((row) => row.ts));
    expect(answer.text).toContain(`"ts":${from},`);
    expect(BigInt(from)).toBeGreaterThan(2n ** 53n);
    expect(answer.total).toBeUndefined();
  });

  it.each(["1", "2147483647", "9007199254740990", "9223372036854770000"])("keep each version apart when counting starts at %s", async (versionStart) => {
    await start({ orders: 60, versionStart });
    const { rows } = await ask(simulator.url, ORDERS, versionBiz(versionStart, 100));
    expect(new Set(rows.map((row) => row.ts)).size).toBe(60);
    expect(rows.every((row, n) => n === 0 || BigInt(row.ts) > BigInt(rows[n - 1]?.ts ?? "0"))).toBe(true);
    const head = rows.at(-1)?.ts ?? "";
    expect((await ask(simulator.url, ORDERS, versionBiz(head, 100))).rows.map((row) => row.ts)).toEqual([head]);
    expect((await ask(simulator.url, ORDERS, versionBiz(String(BigInt(head) + 1000n), 100))).rows).toEqual([]);
  });

  it("say of has_next what they are told to, in the spelling they are told to", async () => {
    await start({ orders: 10 });
    expect((await ask(simulator.url, ORDERS, versionBiz("1"))).hasNext).toBe(false);
    await admin(simulator.url, "configure", { hasNext: "always-true", hasNextType: "text" });
    expect((await ask(simulator.url, ORDERS, versionBiz("1"))).hasNext).toBe("true");
    await admin(simulator.url, "configure", { hasNext: "always-false", hasNextType: "number" });
    expect((await ask(simulator.url, ORDERS, versionBiz("1", 5))).hasNext).toBe(0);
  });
});

describe("windows", () => {
  it("hold both of their ends, or only the first when told so, and count what they hold", async () => {
    await start({ orders: 100 });
    const all = [...(await walk()).values()].sort((a, b) => (a.modified < b.modified ? -1 : 1));
    const [begin, end] = [all[10]?.modified ?? "", all[40]?.modified ?? ""];
    const closed = await ask(simulator.url, ORDERS, windowBiz(begin, end, 1));
    expect(closed.total).toBe(31);
    await admin(simulator.url, "configure", { windowEnd: "exclusive" });
    expect((await ask(simulator.url, ORDERS, windowBiz(begin, end, 1))).total).toBe(30);
    expect((await ask(simulator.url, ORDERS, windowBiz(begin, end, 1, 50, ',"is_get_total":false'))).total).toBeUndefined();
  });

  it("are ordered by time, by time downward, or by id, and each order covers them in pages", async () => {
    await start({ orders: 130 });
    const [begin, end] = [shanghai(-6.5 * 86_400), shanghai(0)];
    const orders: Record<string, Row[]> = {};
    for (const windowOrder of ["modified-asc", "modified-desc", "id"]) {
      await admin(simulator.url, "configure", { windowOrder });
      orders[windowOrder] = [...(await pageForward(begin, end)).values()];
      expect(orders[windowOrder]).toHaveLength(130);
    }
    const ascending = orders["modified-asc"]?.map((row) => row.id) ?? [];
    expect(orders["modified-asc"]?.map((row) => row.modified)).toEqual(orders["modified-asc"]?.map((row) => row.modified).toSorted());
    expect(orders["modified-desc"]?.map((row) => row.id)).toEqual(ascending.toReversed());
    expect(orders["id"]?.map((row) => row.id)).toEqual(ascending.toSorted());
  });

  it("count a page as asked twice, page 1 only from its third time on", async () => {
    await start({ orders: 120 });
    const [begin, end] = [shanghai(-6.5 * 86_400), shanghai(0)];
    for (const page of [1, 3, 2, 1]) await ask(simulator.url, ORDERS, windowBiz(begin, end, page));
    expect(await admin(simulator.url, "state")).toMatchObject({ pagesAskedTwice: 0 });
    for (const page of [2, 1]) await ask(simulator.url, ORDERS, windowBiz(begin, end, page));
    expect(await admin(simulator.url, "state")).toMatchObject({ pagesAskedTwice: 2 });
  });
});

describe("rows by id and archived rows", () => {
  it("come by o_ids or so_ids, whichever way the ids are written", async () => {
    await start({ orders: 20 });
    const soId = JSON.parse((await ask(simulator.url, ORDERS, '{"o_ids":[880003]}')).rows[0]?.raw ?? "{}") as { so_id: string };
    expect(ids(await ask(simulator.url, ORDERS, '{"o_ids":[880005,"880002",1]}'))).toEqual(["880002", "880005"]);
    expect(ids(await ask(simulator.url, ORDERS, `{"so_ids":["${soId.so_id}","nonsense"]}`))).toEqual(["880003"]);
  });

  it("are seen with archive=true only, and are part of the truth", async () => {
    await start({ orders: 400, archived: 0.5 });
    const live = (await walk()).size;
    const archived = await ask(simulator.url, ORDERS, '{"start_ts":1,"page_size":100,"archive":true}');
    expect(live + (archived.total ?? 0)).toBe(400);
    expect(archived.total).toBeGreaterThan(50);
    expect(await truth(simulator.url)).toHaveLength(400);
    await admin(simulator.url, "configure", { archiveMode: "both" });
    expect((await ask(simulator.url, ORDERS, '{"start_ts":1,"page_size":100,"archive":true}')).total).toBe(400);
  });
});
