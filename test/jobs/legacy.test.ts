import { afterEach, expect, test } from "vitest";
import { LEGACY_PATH } from "../../src/simulator/jushuitan/legacy.ts";
import type { JushuitanOptions } from "../../src/simulator/jushuitan/server.ts";
import { textsOf } from "../support/leaks.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";

let job: Job;
afterEach(() => job.stop());

const TOKEN = "0123456789abcdef0123456789abcdef";
const DAY = 86_400_000;
const perfect = { missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 };

async function startLegacy(jushuitan: JushuitanOptions, source: Record<string, unknown>): Promise<void> {
  job = await startJob({ jushuitan, source: { from: "all", lookbackMs: 500, sweepEveryMs: 3_600_000, pageSize: 50, ...source } });
  const { limits, timeoutMs } = job.config.accounts["main"]!;
  job.config.accounts["main"] = {
    name: "main", platform: "jushuitan", kind: "legacy", baseUrl: job.source.url + LEGACY_PATH, limits, timeoutMs,
    partnerId: "demo-partner-0001", partnerKey: "demo-partner-key-0001", token: TOKEN, tokenExpiresAt: null, holdAfterRefreshMs: 300,
  };
}

test("orders of the old platform under change, with faults and archived ones: none is missing, and no token stands in a history", async () => {
  await startLegacy({
    orders: 1_000, changesPerRequest: 2, insertsPerRequest: 1, archived: 0.3, successType: "text", lateCommits: { share: 0.2, minMs: 10, maxMs: 300 },
    faults: { drop: 0.02, html502: 0.02, cutJson: 0.02, code199: 0.02 },
  }, { sweepEveryMs: 800 });
  const first = await job.sync();
  await job.freeze();
  await job.configureSource({ faults: null });
  for (let run = 0; run < 3; run++) {
    await new Promise((resolve) => setTimeout(resolve, 900));
    await job.sync();
  }
  expect(await job.compare()).toMatchObject(perfect);
  const { requests: { byPath } } = (await (await fetch(`${job.source.url}/_admin/state`)).json()) as { requests: { byPath: Record<string, number> } };
  expect(Object.keys(byPath).sort()).toEqual(["orders.history.query", "orders.single.query"]);
  const history = await job.temporal.client.workflow.getHandle(first.workflowId, first.runId).fetchHistory();
  const text = textsOf(history.events).join("\n");
  expect(text).toContain(pipelineName(job));
  for (const secret of [TOKEN, "demo-partner-key-0001", "demo-partner-0001"]) expect(text).not.toContain(secret);
}, 180_000);

test("by windows of the old platform none is missing either", async () => {
  await startLegacy({ orders: 600, days: 2, changesPerRequest: 1, insertsPerRequest: 1 }, { cursor: "window", from: Date.now() - 3 * DAY, settleMs: 1_100, sweepEveryMs: 500, sliceRecords: 200 });
  await job.sync();
  await job.freeze();
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  await job.sync();
  await new Promise((resolve) => setTimeout(resolve, 3_000));
  await job.sync();
  expect(await job.compare()).toMatchObject(perfect);
}, 120_000);
