import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { type AuditAnswer, runAudit } from "../../src/ops/audit.ts";
import { preview } from "../../src/ops/preview.ts";
import { pipelineStatus } from "../../src/ops/status.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";
import { qeasyOf } from "../support/pipeline.ts";

let job: Job;
afterEach(() => job.stop());

const mapping = { id: "o_id", filter: 'record.status != "Cancelled"', explode: { list: "items" } };
const source = { from: "all" as const, pageSize: 50, lookbackMs: 500, sweepEveryMs: 3_600_000, settleMs: 200 };

const listed = async (url: string) => (await (await fetch(url)).text()).trim().split("\n").map((line) => JSON.parse(line) as { id: string; ts: string });
const textOf = async (url: string) => (await fetch(url)).text();

/** Orders of the source, with the elements that are to be documents of the target. */
async function orders(): Promise<{ id: string; ts: string; passes: boolean; skus: string[] }[]> {
  return Promise.all((await listed(`${job.source.url}/_admin/truth`)).map(async ({ id, ts }) => {
    const { status, items } = JSON.parse(await textOf(`${job.source.url}/_admin/record?id=${id}`)) as { status: string; items: { sku_id: string }[] | "" | null };
    const skus = Array.isArray(items) ? items.map((item) => item.sku_id) : [];
    return { id, ts, passes: status !== "Cancelled" && skus.length > 0, skus };
  }));
}

/** Compares the frozen source's orders with the target, document by document, and the index and the ledger with both. */
async function expectEverything(): Promise<void> {
  const all = await orders();
  const held = new Map((await listed(`${job.target.url}/_admin/records`)).map(({ id, ts }) => [id, ts]));
  const wrong: string[] = [];
  for (const { id, ts, passes, skus } of all) {
    if (!passes && [...held].some(([document, version]) => document.startsWith(`${id}-`) && version === ts)) wrong.push(`${id}@${ts} is left out, and was sent`);
    for (const [i, sku] of passes ? skus.entries() : []) {
      const document = JSON.parse(held.has(`${id}-${i + 1}`) ? await textOf(`${job.target.url}/_admin/record?id=${id}-${i + 1}`) : "{}") as { ts?: unknown; items?: { sku_id: string } };
      if (held.get(`${id}-${i + 1}`) !== ts || document.items?.sku_id !== sku) wrong.push(`${id}-${i + 1}@${ts} with ${sku}: the target holds ${JSON.stringify(document)}`);
    }
  }
  expect(wrong).toEqual([]);
  const left = all.filter(({ passes }) => !passes).length;
  expect(left).toBeGreaterThan(0);
  expect(await pipelineStatus(job.store, job.config, pipelineName(job))).toMatchObject({ loaded: all.length - left, filtered: left, quarantined: 0, settled: true });
  const { rows } = await sql`select 1 from slice where state = 'committed' and read <> duplicate + unchanged + superseded + quarantined + filtered + loaded`.execute(job.store.db);
  expect(rows).toEqual([]);
}

test("filtered and exploded orders under change, with a worker that is killed while it sends: every document arrives in its newest version, and what is left out is counted", async () => {
  job = await startJob({
    worker: "process", source: { ...source, sliceRecords: 700 }, runtime: { heartbeatMs: 1_500 }, mapping, target: { batchSize: 60 },
    jushuitan: { orders: 1_500, changesPerRequest: 3, insertsPerRequest: 1 }, qeasy: { faults: { slow: { share: 0.5, ms: 300 } } },
  });
  const first = job.startWorker();
  await expect.poll(async () => (await sql`select 1 from worker`.execute(job.store.db)).rows.length, { timeout: 60_000 }).toBe(1);
  const run = job.sync();
  // Some documents of a batch are there, and the rest is not: the batch takes several requests.
  await expect.poll(async () => (await sql`select 1 from batch where state = 'sending'`.execute(job.store.db)).rows.length > 0 && job.target.store.size > 60, { timeout: 60_000, interval: 10 }).toBe(true);
  await first.kill();
  job.startWorker();
  await run;
  await job.freeze();
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  const last = await job.sync();
  expect(last.counts).toMatchObject({ filtered: expect.any(Number) as number });
  await expectEverything();
}, 180_000);

const audit = (asked: { byIds?: boolean; target?: boolean; repair?: boolean }): Promise<AuditAnswer> =>
  runAudit(job.services, job.temporal, pipelineName(job), { byIds: false, repair: false, ...asked }, { wait: true, signal: AbortSignal.timeout(120_000), onCost: () => undefined });
const sum = (answer: AuditAnswer, what: "missing" | "stale" | "repaired") => answer.windows!.reduce((total, window) => total + window[what], 0);

test("an audit counts orders and looks for documents: what is left out is not missing, one document that is gone is found and loaded again", async () => {
  job = await startJob({ source, mapping, jushuitan: { orders: 400, days: 10 } });
  const qeasy = qeasyOf(job.config.pipelines[pipelineName(job)]!);
  qeasy.heldUrl = `${job.target.url}/_admin/records`;
  await fetch(`${job.source.url}/_admin/change`, { method: "POST", body: JSON.stringify({ count: 60 }) });
  const { counts, documents } = await job.sync();
  expect(job.target.store.size).toBeGreaterThan(counts!.loaded);
  expect(documents).toBeGreaterThanOrEqual(job.target.store.size);
  expect(counts!.read).toBe(counts!.duplicate + counts!.unchanged + counts!.superseded + counts!.filtered + counts!.loaded);
  await expectEverything();
  for (const asked of [{}, { byIds: true }, { target: true }]) expect((await audit(asked)).verdict).toBe("complete");

  const [one, two, three] = (await orders()).filter(({ passes, skus }) => passes && skus.length > 1);
  const remove = (ids: string[]) => fetch(`${job.target.url}/_admin/delete`, { method: "POST", body: JSON.stringify({ ids }) });
  await remove([`${one!.id}-2`, `${two!.id}-1`, `${two!.id}-2`]);
  await fetch(`${job.target.url}/api/${encodeURIComponent("写入空操作")}`, { method: "POST", headers: { "content-type": "application/json" }, body: `[{"id":"${three!.id}-1","ts":1}]` });
  expect((await audit({ byIds: true })).verdict).toBe("complete");
  const found = await audit({ target: true });
  expect([found.verdict, sum(found, "missing"), sum(found, "stale")]).toEqual(["incomplete", 2, 1]);
  const repaired = await audit({ target: true, repair: true });
  expect([repaired.verdict, sum(repaired, "missing"), sum(repaired, "stale"), sum(repaired, "repaired")]).toEqual(["complete", 2, 1, 3]);
  await expectEverything();

  // The newest hour, in which some orders were changed.
  const { records } = await preview(job.services, pipelineName(job), AbortSignal.timeout(60_000));
  const expected = new Map((await orders()).map(({ id, passes, skus }) => [id, passes ? skus.map((_, i) => `${id}-${i + 1}`) : []]));
  expect(records.length).toBeGreaterThan(20);
  expect(records.map(({ id, documents, problem }) => [id, documents.map((document) => document.id), problem])).toEqual(records.map(({ id }) => [id, expected.get(id!), null]));
}, 180_000);
