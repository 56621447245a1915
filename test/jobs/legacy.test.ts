import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import type { LegacyAccount } from "../../src/config/types.ts";
import { LEGACY_PATH } from "../../src/simulator/jushuitan/legacy.ts";
import type { JushuitanOptions } from "../../src/simulator/jushuitan/server.ts";
import { textsOf } from "../support/leaks.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";

let job: Job;
afterEach(() => job.stop());

const TOKEN = "0123456789abcdef0123456789abcdef";
const DAY = 86_400_000;
const perfect = { missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 };

async function startLegacy(jushuitan: JushuitanOptions, account: Partial<LegacyAccount> = {}, source: Record<string, unknown> = {}): Promise<void> {
  job = await startJob({ jushuitan, source: { from: "all", lookbackMs: 500, sweepEveryMs: 3_600_000, pageSize: 50, ...source } });
  const { limits, timeoutMs } = job.config.accounts["main"]!;
  job.config.accounts["main"] = {
    name: "main", platform: "jushuitan", kind: "legacy", baseUrl: job.source.url + LEGACY_PATH, limits, timeoutMs,
    partnerId: "demo-partner-0001", partnerKey: "demo-partner-key-0001", token: TOKEN, tokenExpiresAt: null, holdAfterRefreshMs: 300, ...account,
  };
}

interface State {
  legacyToken: { refreshed: number; refreshTooEarly: number };
  requests: { byPath: Record<string, number> };
}
const state = async () => (await (await fetch(`${job.source.url}/_admin/state`)).json()) as State;
const refresh = async () => {
  const run = await job.temporal.client.workflow.start("refreshToken", {
    workflowId: `refresh-${Math.random()}`, taskQueue: job.config.runtime.taskQueue, args: [{ account: "main", heartbeatMs: 2_000 }],
  });
  return (await run.result()) as { outcome: string; expiresAt: string | null; expiryKnown: string | null; notice: string | null };
};

test("orders of the old platform under change, with faults and archived ones: none is missing, and no token stands in a history", async () => {
  await startLegacy({
    orders: 1_500, changesPerRequest: 2, insertsPerRequest: 1, archived: 0.3, successType: "text", lateCommits: { share: 0.2, minMs: 10, maxMs: 300 },
    faults: { drop: 0.02, html502: 0.02, cutJson: 0.02, code199: 0.02, code200: 0.005 },
  }, {}, { sweepEveryMs: 800 });
  const first = await job.sync();
  await job.freeze();
  await job.configureSource({ faults: null });
  for (let run = 0; run < 3; run++) {
    await new Promise((resolve) => setTimeout(resolve, 900));
    await job.sync();
  }
  expect(await job.compare()).toMatchObject(perfect);
  const { byPath } = (await state()).requests;
  expect(Object.keys(byPath).sort()).toEqual(["orders.history.query", "orders.single.query"]);
  const history = await job.temporal.client.workflow.getHandle(first.workflowId, first.runId).fetchHistory();
  const text = textsOf(history.events).join("\n");
  expect(text).toContain(pipelineName(job));
  for (const secret of [TOKEN, "demo-partner-key-0001", "demo-partner-0001"]) expect(text).not.toContain(secret);
}, 180_000);

test("by windows of the old platform none is missing either", async () => {
  await startLegacy({ orders: 600, days: 2, changesPerRequest: 1, insertsPerRequest: 1 }, {}, { cursor: "window", from: Date.now() - 3 * DAY, settleMs: 500, sweepEveryMs: 500, sliceRecords: 200 });
  await job.sync();
  await job.freeze();
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await job.sync();
  await new Promise((resolve) => setTimeout(resolve, 1_500));
  await job.sync();
  expect(await job.compare()).toMatchObject(perfect);
}, 120_000);

test("too early, no refresh is asked for; the expiry is the one that was given, and said to be", async () => {
  const at = Date.now() + 20 * DAY;
  await startLegacy({ orders: 5 }, { tokenExpiresAt: at });
  expect(await refresh()).toEqual({ outcome: "not-due", expiresAt: new Date(at).toISOString(), expiryKnown: "given", notice: null });
  expect((await state()).requests.byPath).toEqual({});
}, 60_000);

test("in the last week the same token lives a year longer; calls in the time after it wait, and one that was refused is made again", async () => {
  await startLegacy({ orders: 120, legacyExpiresInSeconds: 3 * 86_400, legacyCacheMs: 1_000 }, { tokenExpiresAt: Date.now() + 3 * DAY, holdAfterRefreshMs: 1_500 });
  const refreshed = await refresh();
  expect(refreshed).toMatchObject({ outcome: "refreshed", expiryKnown: "counted", notice: null });
  expect(Date.parse(refreshed.expiresAt!)).toBeGreaterThan(Date.now() + 364 * DAY);
  const began = performance.now();
  await job.sync();
  expect(performance.now() - began).toBeGreaterThan(1_000);
  expect(await job.compare()).toMatchObject(perfect);
  expect((await state()).legacyToken).toMatchObject({ refreshed: 1, refreshTooEarly: 0 });
  // Asked once more, nothing is due: a refresh that takes effect moved the expiry.
  expect(await refresh()).toMatchObject({ outcome: "not-due" });
  const { rows } = await sql<{ dump: string }>`select row_to_json(account)::text as dump from account`.execute(job.store.db);
  expect(rows[0]!.dump).not.toContain(TOKEN);
}, 60_000);

test("without a hold the platform's short memory refuses a call; within the time after the refresh that is no failure", async () => {
  await startLegacy({ orders: 20, legacyExpiresInSeconds: 3 * 86_400, legacyCacheMs: 400 }, { tokenExpiresAt: Date.now() + 3 * DAY, holdAfterRefreshMs: 2_000 });
  await refresh();
  // As for a request that was granted before the refresh.
  await sql`update account set paused_until = clock_timestamp() + interval '100 ms'`.execute(job.store.db);
  const run = job.sync();
  await new Promise((resolve) => setTimeout(resolve, 150));
  await sql`update account set paused_until = clock_timestamp() + interval '1 second'`.execute(job.store.db);
  await run;
  expect(await job.compare()).toMatchObject(perfect);
}, 60_000);

test("after expiry it is not refreshed: a person is told, with the day", async () => {
  await startLegacy({ orders: 5, legacyExpiresInSeconds: -10 }, { tokenExpiresAt: Date.UTC(2026, 0, 15, 4) });
  const report = await refresh();
  expect(report).toMatchObject({ outcome: "authorise-again", notice: expect.stringContaining("expired on 2026-01-15") as string });
  expect((await state()).requests.byPath).toEqual({});
  await expect(job.sync()).rejects.toMatchObject({ code: "TM_REAUTHORISE", fix: expect.stringContaining("tidemark token set main") as string });
}, 60_000);

test("while nobody knows the expiry a refresh is tried once a day at most, and never called one", async () => {
  await startLegacy({ orders: 5, legacyTooEarly: "refused" });
  for (let n = 0; n < 2; n++) expect(await refresh()).toMatchObject({ outcome: "unknown-expiry", expiresAt: null, notice: expect.stringContaining("tokenExpiresAt") as string });
  expect(await state()).toMatchObject({ legacyToken: { refreshed: 0, refreshTooEarly: 1 }, requests: { byPath: { "refresh.token": 1 } } });
}, 60_000);
