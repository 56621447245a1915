import { expect, test } from "vitest";
import { withStringMember } from "../../src/json/raw.ts";
import { compareSourceAndTarget } from "../../src/simulator/compare.ts";
import { startJushuitan } from "../../src/simulator/jushuitan/server.ts";
import { startQeasy } from "../../src/simulator/qeasy/server.ts";
import { Random } from "../../src/simulator/random.ts";
import type { Source, SourceAnswer } from "../../src/source/contract.ts";
import { createJushuitanSource, getApi } from "../../src/source/jushuitan/index.ts";
import { createQeasyTarget } from "../../src/target/qeasy.ts";
import type { Target } from "../../src/target/contract.ts";
import { ORDERS, qeasyOf, testConfig } from "../support/pipeline.ts";
import { compareDocuments } from "./documents.ts";
import { sourceOf } from "./world.ts";

/**
 * The control of the seeds beside this test: the same sources, changing the same way, and the same oracle, but read the way
 * most tools read: page after page forward through the modified time since the last run, with an overlap, every failed
 * request repeated, nothing killed. It has to lose orders, or the others prove nothing.
 */
test("forward paging, by the same oracle, loses orders on most seeds", async () => {
  const lost: number[] = [];
  for (let seed = 1; seed <= 8; seed++) lost.push(await lostByForwardPaging(seed));
  expect(lost.filter((count) => count > 0).length, `lost or stale by seed: ${lost.join(", ")}`).toBeGreaterThanOrEqual(6);
}, 240_000);

test("the comparison of documents tells what is missing, stale, of another content, or never was; what an older version had is no fault", async () => {
  const [source, target] = await Promise.all([startJushuitan({ orders: 300, perSecond: null, perMinute: null }), startQeasy()]);
  try {
    const { store } = source;
    const { orders } = store;
    const itemsOf = (text: string) => /^(.*"items":)\[(.*)\](,"pays":.*)$/s.exec(text)!;
    const send = (index: number) => {
      const [, head, items, tail] = itemsOf(store.rowText(orders, index));
      items!.split(/,(?=\{"oi_id":)/).forEach((item, n) => put(`${orders.idText(index)}-${n + 1}`, `${head}${item}${tail}`, store.versionText(orders.versionOf(index))));
    };
    const put = (id: string, text: string, ts: string) => target.store.take({ id, raw: Buffer.from(withStringMember(text, "id", id)), ts, modified: null }, true, false);
    const compare = () => compareDocuments({ job: { source, target }, refused: [], leftOut: () => false });
    const none = { missing: 0, stale: 0, wrongContent: 0, neverExisted: 0, leftOver: 0 };
    for (let index = 0; index < 300; index++) send(index);
    expect(compare()).toEqual(none);
    // Some orders lose an item with their second change.
    for (const _ of [1, 2]) for (let index = 0; index < 300; index++) store.touch(orders, index);
    expect(compare()).toMatchObject({ missing: 0, stale: expect.any(Number) as number, neverExisted: 0 });
    for (let index = 0; index < 300; index++) send(index);
    const { leftOver, ...rest } = compare();
    expect(leftOver).toBeGreaterThan(10);
    expect({ ...rest, leftOver: 0 }).toEqual(none);

    const first = orders.idText(0);
    const held = target.store.get(`${first}-1`)!;
    target.store.delete(`${first}-1`);
    expect(compare()).toMatchObject({ missing: 1 });
    put(`${first}-1`, held.raw!.toString(), "20260101000000001");
    expect(compare()).toMatchObject({ stale: 1 });
    put(`${first}-1`, '{"o_id":1}', held.ts!);
    expect(compare()).toMatchObject({ wrongContent: 1 });
    put(`${first}-9`, held.raw!.toString(), held.ts!);
    put(first, held.raw!.toString(), held.ts!);
    expect(compare()).toMatchObject({ wrongContent: 1, neverExisted: 2 });
  } finally {
    await Promise.all([source.close(), target.close()]);
  }
});

const SETTLE_MS = 500;
const OVERLAP_MS = 3_000;

async function lostByForwardPaging(seed: number): Promise<number> {
  const app = { appKey: "k", appSecret: "s", accessToken: "0123456789" };
  const settings = { ...sourceOf(seed, new Random(seed)), archived: 0, clockOffsetMs: 0, windowEnd: "inclusive", windowOrder: "modified-asc", hasNext: "truthful" } as const;
  const simulator = await startJushuitan({ ...app, perSecond: null, perMinute: null, ...settings, faults: { ...settings.faults, code199: 0, code200: 0, code100: 0 } });
  const qeasy = await startQeasy({ seed });
  const config = testConfig({ account: { ...app, baseUrl: simulator.url }, target: { baseUrl: qeasy.url } });
  const source = createJushuitanSource({
    account: config.accounts["main"]!, api: getApi(ORDERS),
    deps: {
      token: () => Promise.resolve({ value: app.accessToken, version: 1 }), renewToken: () => Promise.resolve(), acquire: () => Promise.resolve(),
      pause: () => Promise.resolve(), clockOffsetMs: () => Promise.resolve(0), reportClock: () => Promise.resolve(),
    },
  });
  const target = createQeasyTarget(qeasyOf(config.pipelines["orders"]!));
  try {
    let since = Date.now() - 3 * 86_400_000;
    for (let run = 0; run < 6; run++) {
      const to = Math.floor((Date.now() - SETTLE_MS) / 1_000) * 1_000;
      await copyForward(source, target, since - OVERLAP_MS, to);
      since = to;
      if (run === 2) await fetch(`${simulator.url}/_admin/freeze`, { method: "POST" });
      await new Promise((resolve) => setTimeout(resolve, 600));
    }
    const { missing, stale } = await compareSourceAndTarget({ jushuitanUrl: simulator.url, qeasyUrl: qeasy.url, api: ORDERS });
    return missing + stale;
  } finally {
    await Promise.all([simulator.close(), qeasy.close()]);
  }
}

async function copyForward(source: Source, target: Target, from: number, to: number): Promise<void> {
  for (let page = 1, more = true; more; page++) {
    const answer = await repeated(() => source.readWindow({ from, to, page, pageSize: 50, params: {}, archive: false }, new AbortController().signal));
    const records = answer.rows.map((row) => ({ id: row.id!, recordId: row.id!, sourceId: row.id!, version: row.version!, slice: "1", json: withStringMember(row.raw, "id", row.id!) }));
    if (records.length > 0) await target.send(records, `${from}-${page}`, { signal: new AbortController().signal, beforeWrite: () => undefined });
    more = answer.hasNext === true;
  }
}

async function repeated(ask: () => Promise<SourceAnswer>): Promise<SourceAnswer> {
  for (;;) {
    const answer = await ask().catch(() => null);
    if (answer !== null) return answer;
  }
}
