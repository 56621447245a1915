import { afterEach, expect, test } from "vitest";
import { preview } from "../../src/ops/preview.ts";
import { listEntries } from "../../src/store/quarantine-entries.ts";
import { strategyMapping } from "../mapping/support.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";

let job: Job;
afterEach(() => job.stop());

const SOURCE = { condition: [[{ field: "status", logic: "neq", value: "Cancelled" }]], beatFlat: ["items"] };
const TARGET = {
  request: [
    { field: "order", type: "int", value: "{{o_id}}" }, { field: "line.sku", type: "string", value: "{{items_sku_id}}" }, { field: "qty", type: "int", value: "{{items_qty}}" },
    { field: "big", type: "boolean", value: "_function {{items_qty}}>2" }, { field: "label", value: "_function CONCAT('{{so_id}}','/',LPAD({{items_qty}},4,'0'))" }, { field: "ts", type: "int", value: "{{ts}}" },
    { field: "slip", value: "{{so_idd}}" },
  ],
};

interface Order {
  o_id: number | string;
  so_id: string;
  status: string;
  items: { sku_id: string; qty: number | string }[];
}

async function lines(url: string): Promise<string[]> {
  const text = (await (await fetch(url)).text()).trim();
  return text === "" ? [] : text.split("\n").map((line) => (JSON.parse(line) as { id: string }).id);
}

test("a strategy with condition, beatFlat, _function, int and dotted fields over a source that never rests: every line of every order arrives in its newest version", async () => {
  job = await startJob({
    source: { from: "all", lookbackMs: 500, sweepEveryMs: 1_000, pageSize: 50 }, target: { batchSize: 40, zombieAfterMs: 1_000 }, mapping: await strategyMapping(SOURCE, TARGET),
    jushuitan: { orders: 200, seed: 11, changesPerRequest: 2, insertsPerRequest: 1, lateCommits: { share: 0.2, minMs: 50, maxMs: 300 } }, qeasy: { faults: { http500: 0.1, dropAfter: 0.1 } },
  });
  for (let run = 0; run < 3; run++) expect(await job.sync()).toMatchObject({ status: "completed" });
  await job.freeze();
  await job.configureTarget({ faults: {} });
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  for (let run = 0; run < 2; run++) expect(await job.sync()).toMatchObject({ status: "completed" });

  const expected = new Map<string, object>();
  const cancelled = new Set<string>();
  for (const id of await lines(`${job.source.url}/_admin/truth`)) {
    const raw = await (await fetch(`${job.source.url}/_admin/record?id=${id}`)).text();
    const order = JSON.parse(raw) as Order;
    if (order.status === "Cancelled") cancelled.add(id);
    else for (const [i, { sku_id, qty }] of order.items.entries()) expected.set(`${id}-${i + 1}`, { order: Number(order.o_id), "line.sku": sku_id, qty: Number(qty), big: Number(qty) > 2, label: `${order.so_id}/${String(qty).padStart(4, "0")}`, ts: /"ts":"?(\d+)/.exec(raw)![1] });
  }
  expect(expected.size).toBeGreaterThan(200);
  expect(cancelled.size).toBeGreaterThan(0);
  const held = new Set(await lines(`${job.target.url}/_admin/records`));
  expect([...expected.keys()].filter((id) => !held.has(id))).toEqual([]);
  // What was sent before its order was cancelled, or lost a line, stays: as on Qeasy, nothing is deleted.
  const left = [...held].filter((id) => !expected.has(id)).map((id) => id.split("-"));
  expect(left.filter(([order, line]) => !cancelled.has(order!) && !expected.has(`${order}-${Number(line) - 1}`))).toEqual([]);
  for (const [id, line] of expected) {
    const raw = await (await fetch(`${job.target.url}/_admin/record?id=${id}`)).text();
    expect({ ...(JSON.parse(raw) as object), ts: /"ts":"?(\d+)/.exec(raw)![1] }).toEqual({ id, ...line });
  }
  expect((await listEntries(job.store.db, {}, 10)).total).toBe(0);

  const shown = await preview(job.services, pipelineName(job), AbortSignal.timeout(60_000));
  expect(shown.mapping).toMatchObject({ id: "o_id", fields: { order: { from: "o_id" }, "line.sku": { from: "items_sku_id" }, big: { template: "_function {{items_qty}}>2" } } });
  expect(shown.notices).toMatchObject([{ code: "TM_QEASY_FIELD_MISSING", path: "target.request.slip", text: expect.stringContaining("so_idd") as string, times: shown.records.flatMap(({ documents }) => documents).length }]);
  expect(shown.records.flatMap(({ documents }) => documents).map(({ json }) => (JSON.parse(json) as { order: number }).order).every(Number.isSafeInteger)).toBe(true);
}, 180_000);
