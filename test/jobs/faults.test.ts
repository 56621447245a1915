import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { type Job, startJob } from "../support/job.ts";

let job: Job;
afterEach(() => job.stop());

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const perfect = { missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 };

const QUICK = { lookbackMs: 500, sweepEveryMs: 800, sliceRecords: 600, pageSize: 50 };

test("every kind of source fault at once delays and loses nothing, by version", async () => {
  job = await startJob({
    source: { from: "all", ...QUICK }, account: { accessToken: null },
    jushuitan: {
      orders: 1_500, changesPerRequest: 2, insertsPerRequest: 1, lateCommits: { share: 0.3, minMs: 10, maxMs: 400 },
      faults: { drop: 0.03, dropAfter: 0.03, html502: 0.03, http500: 0.02, html200: 0.02, emptyBody: 0.03, cutJson: 0.03, code100: 0.03, slow: { share: 0.05, ms: 200 } },
    },
  });
  await job.sync();
  await job.freeze();
  await job.configureSource({ faults: null });
  for (let run = 0; run < 3; run++) {
    await wait(1_000);
    await job.sync();
  }
  expect(await job.compare()).toMatchObject(perfect);
}, 180_000);

test("short pages, lying totals and faults do not lose an order of a closed window", async () => {
  job = await startJob({
    source: { cursor: "window", from: Date.now() - 3 * 86_400_000, settleMs: 500, ...QUICK },
    jushuitan: { orders: 1_200, days: 2, changesPerRequest: 1, faults: { shortPage: 0.05, totalsLie: 0.05, cutJson: 0.03, drop: 0.03 } },
  });
  await job.sync();
  await job.freeze();
  await job.configureSource({ faults: null });
  await wait(1_500);
  await job.sync();
  await wait(1_500);
  await job.sync();
  expect(await job.compare()).toMatchObject(perfect);
}, 180_000);

test("target faults, accepted but never answered among them, leave every order in its newest version", async () => {
  job = await startJob({
    source: { from: "all", ...QUICK }, target: { batchSize: 50, timeoutMs: 1_000, leaseMs: 2_500, zombieAfterMs: 500 },
    jushuitan: { orders: 1_000, changesPerRequest: 2 },
    qeasy: { faults: { drop: 0.08, dropAfter: 0.08, http500: 0.05, http503: 0.05, http429: 0.03, html200: 0.05, slow: { share: 0.1, ms: 300 } } },
  });
  await job.sync();
  await job.freeze();
  await job.configureTarget({ faults: null });
  await wait(1_000);
  await job.sync();
  expect(await job.compare()).toMatchObject(perfect);
}, 180_000);

test("records that the target refuses are set aside with their raw text; the rest goes on", async () => {
  job = await startJob({ source: { from: "all", ...QUICK }, jushuitan: { orders: 300 }, target: { batchSize: 100 } });
  const truth = (await (await fetch(`${job.source.url}/_admin/truth`)).text()).trim().split("\n").map((line) => (JSON.parse(line) as { id: string }).id);
  const refused = [truth[7]!, truth[150]!];
  await job.configureTarget({ refuseIds: refused });
  const report = await job.sync();
  expect(report.counts).toMatchObject({ quarantined: 2, loaded: 298 });
  expect(await job.compare(refused)).toMatchObject({ ...perfect, target: 298 });
  const { rows } = await sql<{ id: string; code: string; raw: string }>`select source_id as id, code, raw from quarantine order by 1`.execute(job.store.db);
  expect(rows.map(({ id, code }) => ({ id, code }))).toEqual(refused.toSorted().map((id) => ({ id, code: "TM_TARGET_REFUSED" })));
  for (const row of rows) expect(row.raw).toBe(await (await fetch(`${job.source.url}/_admin/record?id=${row.id}`)).text());
  await job.configureTarget({ refuseIds: [] });
  await fetch(`${job.source.url}/_admin/change`, { method: "POST", body: JSON.stringify({ ids: refused }) });
  await job.sync();
  expect(await job.compare()).toMatchObject(perfect);
  const open = await sql`select 1 from quarantine where state = 'open'`.execute(job.store.db);
  expect(open.rows).toEqual([]);
}, 120_000);

test.each([
  ["a wrong secret", { status: 401 }, "TM_TARGET_CONFIG"],
  ["a wrong address", { status: 404 }, "TM_TARGET_CONFIG"],
  ["an answer of 204", { status: 204 }, "TM_TARGET_CONFIG"],
  ["a target that refuses everything", { refuseAll: true }, "TM_TARGET_REFUSES_ALL"],
])("%s sends nothing to quarantine; once mended the run goes on", async (_what, trouble, code) => {
  job = await startJob({ source: { from: "all", ...QUICK }, jushuitan: { orders: 200 }, target: { batchSize: 100 } });
  await job.configureTarget(trouble);
  await expect(job.sync()).rejects.toMatchObject({ code });
  const { rows } = await sql<{ n: number }>`select count(*)::int as n from quarantine`.execute(job.store.db);
  expect(rows[0]!.n).toBe(0);
  await job.configureTarget({ status: null, refuseAll: false });
  await job.sync();
  expect(await job.compare()).toMatchObject(perfect);
}, 120_000);
