import { afterEach, expect, test } from "vitest";
import { cursorOf } from "../../src/config/build.ts";
import { compareSourceAndTarget } from "../../src/simulator/compare.ts";
import { getApi } from "../../src/source/jushuitan/index.ts";
import { runAudit } from "../../src/ops/audit.ts";
import { coverage } from "../../src/ops/coverage.ts";
import { planChange } from "../../src/ops/state.ts";
import { pipelineStatus } from "../../src/ops/status.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";

let job: Job;
afterEach(() => job.stop());

const wait = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));
const audited = () => runAudit(job.services, job.temporal, pipelineName(job), { byIds: false, repair: false }, { wait: true, signal: AbortSignal.timeout(60_000), onCost: () => undefined });
const logged = async (since = 0) => (await (await fetch(`${job.source.url}/_admin/requests?since=${since}`)).json()) as { last: number; requests: { biz: string }[] };
const compare = (api: string) => compareSourceAndTarget({ jushuitanUrl: job.source.url, qeasyUrl: job.target.url, api });

async function startOn(path: string): Promise<void> {
  const api = getApi(path);
  job = await startJob({
    jushuitan: { orders: 10, rows: 80, days: 0.1, changesPerRequest: 1, insertsPerRequest: 1 }, mapping: { id: api.idField },
    source: { api: path, pageSize: Math.min(40, api.pageSize.max), cursor: cursorOf({ cursor: "auto", params: {} }, api), from: Date.now() - 3 * 3_600_000, settleMs: 1_500, lookbackMs: 1_000, sweepEveryMs: 500, sliceRecords: 100 },
  });
}

test("an API without totals, with an id of two parts: a whole job misses nothing, and its audit compares ids without asking for counts", async () => {
  await startOn("/open/inventory/query");
  await job.sync();
  await job.freeze();
  await wait(3_500);
  await job.sync();
  expect(await compare("/open/inventory/query")).toMatchObject({ missing: 0, stale: 0, wrongContent: 0, unknown: 0 });
  const { last } = await logged();
  const audit = await audited();
  expect(audit).toMatchObject({ verdict: "complete", notProvable: null, cost: { requests: 0 } });
  // The catch-ups of an audit are forward runs, by version.
  const windows = (await logged(last)).requests.filter(({ biz }) => biz.includes("modified_begin"));
  expect(windows.length).toBe(audit.requests);
  expect(windows.every(({ biz }) => biz.includes('"page_size":40'))).toBe(true);
  expect(audit.cost.idRequests / audit.requests!).toBeGreaterThan(0.3);
  expect(audit.cost.idRequests / audit.requests!).toBeLessThan(3);
  expect(audit.windows!.map(({ state }) => state)).toEqual(audit.windows!.map(() => "ids"));
}, 120_000);

test("an API that is read whole: a changed list is unproven while it changes, and complete once it rests", async () => {
  await startOn("/open/category/query");
  await expect(job.sync()).rejects.toMatchObject({ code: "TM_SNAPSHOT_UNPROVEN" });
  expect((await compare("/open/category/query")).target).toBe(0);
  await job.freeze();
  await job.sync();
  expect(await compare("/open/category/query")).toMatchObject({ missing: 0, stale: 0, wrongContent: 0, unknown: 0 });
  expect(await pipelineStatus(job.store, job.config, pipelineName(job))).toMatchObject({ cursor: "snapshot", settled: true, unproven: 0, initialLoad: { complete: true }, notProvable: null });
  expect(await coverage(job.services, pipelineName(job))).toMatchObject({ days: [], wholeAt: expect.stringMatching(/Z$/) as string });
  await expect(audited()).rejects.toMatchObject({ code: "TM_NO_WINDOWS" });
  await expect(job.backfill(0, 1_000)).rejects.toMatchObject({ code: "TM_NO_WINDOWS" });
  await expect(planChange(job.services, pipelineName(job), { checkpoint: 1_000 })).rejects.toMatchObject({ code: "TM_STATE_BOUNDS" });
}, 120_000);

test("an API that is not provable is copied, and its audit says no better than unproven", async () => {
  await startOn("/open/logistic/query");
  await job.freeze();
  await job.sync();
  expect(await compare("/open/logistic/query")).toMatchObject({ source: 80, missing: 0, wrongContent: 0 });
  const audit = await audited();
  const notProvable = expect.stringContaining("no modified time") as string;
  expect(audit).toMatchObject({ verdict: "unproven", notProvable, cost: { requests: 0 } });
  expect(await pipelineStatus(job.store, job.config, pipelineName(job))).toMatchObject({ notProvable });
  expect(await coverage(job.services, pipelineName(job))).toMatchObject({ notProvable, wholeAt: null });
  expect(audit.windows!.every(({ state, method }) => state === "unproven" && method === "ids")).toBe(true);
  expect((await coverage(job.services, pipelineName(job))).days.map(({ state }) => state)).not.toContain("ids");
}, 120_000);
