import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { type Job, startJob } from "../support/job.ts";

let job: Job;
afterEach(() => job.stop());

const perfect = { missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 };
const source = { from: "all" as const, lookbackMs: 500, sweepEveryMs: 3_600_000, pageSize: 50 };

interface State {
  tokens: { getInitToken: number; refreshed: number; refreshTooEarly: number };
  requests: { byPath: Record<string, number> };
}
const state = async () => (await (await fetch(`${job.source.url}/_admin/state`)).json()) as State;
const admin = (endpoint: string) => fetch(`${job.source.url}/_admin/${endpoint}`, { method: "POST", body: "{}" });
const refresh = async () => {
  const run = await job.temporal.client.workflow.start("refreshToken", {
    workflowId: `refresh-${Math.random()}`, taskQueue: job.config.runtime.taskQueue, args: [{ account: "main", heartbeatMs: 2_000 }],
  });
  return (await run.result()) as { outcome: string; expiresAt: string | null };
};

test("an own app gets its first token by itself, and a token that is revoked in the middle of a run is renewed once", async () => {
  job = await startJob({ source, jushuitan: { orders: 1_500, latencyMs: 10 } });
  const run = job.sync();
  for (;;) {
    const { rows } = await sql<{ pages: number }>`select count(*)::int as pages from page`.execute(job.store.db);
    if (rows[0]!.pages > 5) break;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  await admin("revoke-tokens");
  await run;
  expect(await job.compare()).toMatchObject(perfect);
  expect((await state()).tokens.getInitToken).toBe(2);
}, 60_000);

test("tokens lie encrypted in the store", async () => {
  job = await startJob({ source, jushuitan: { orders: 10 }, account: { accessToken: "00112233445566778899aabbccddeeff" } });
  await job.sync();
  const { rows } = await sql<{ dump: string }>`select row_to_json(account)::text as dump from account`.execute(job.store.db);
  expect(rows[0]!.dump).not.toContain("00112233445566778899aabbccddeeff");
  expect(rows[0]!.dump).not.toContain(Buffer.from("00112233445566778899aabbccddeeff").toString("hex"));
}, 60_000);

test("a service provider's app whose token is refused stops with TM_REAUTHORISE and asks for no token", async () => {
  job = await startJob({ source, jushuitan: { orders: 10, appKind: "isv" }, account: { kind: "isv", accessToken: "not-a-valid-token" } });
  await expect(job.sync()).rejects.toMatchObject({ code: "TM_REAUTHORISE", fix: expect.stringContaining("authorise") as string });
  const { requests } = await state();
  expect(Object.keys(requests.byPath).filter((path) => path.startsWith("/openWeb"))).toEqual([]);
}, 60_000);

test("a service provider's app copies with the token that it was given, and asks for none", async () => {
  job = await startJob({ source: { ...source, from: Date.now() - 3 * 86_400_000 }, jushuitan: { orders: 120, days: 2, appKind: "isv", accessToken: "isv-token-of-a-merchant" }, account: { kind: "isv", accessToken: "isv-token-of-a-merchant" } });
  await job.sync();
  await job.freeze();
  await job.sync();
  expect(await job.compare()).toMatchObject({ source: 120, target: 120, missing: 0, stale: 0, wrongContent: 0 });
  expect((await state()).tokens.refreshed).toBe(0);
  expect(Object.keys((await state()).requests.byPath).filter((path) => path.startsWith("/openWeb"))).toEqual([]);
}, 60_000);

test("a run that ends before it has read anything leaves the pipeline to the next one at once", async () => {
  job = await startJob({ source: { ...source, from: Date.now() - 86_400_000 }, jushuitan: { orders: 10, appKind: "isv" }, account: { kind: "isv", accessToken: "not-a-valid-token" } });
  await expect(job.sync()).rejects.toMatchObject({ code: "TM_REAUTHORISE" });
  expect((await sql`select until <= clock_timestamp() as free from lease`.execute(job.store.db)).rows).toEqual([{ free: true }]);
}, 60_000);

test("a refresh is asked for only in the hours in which it takes effect, and reported only if the expiry moved", async () => {
  job = await startJob({ source, jushuitan: { orders: 10, tokenLifeSeconds: 30 * 86_400 } });
  await job.sync();
  expect(await refresh()).toMatchObject({ outcome: "not-due" });
  expect((await state()).tokens.refreshed + (await state()).tokens.refreshTooEarly).toBe(0);
  await admin("revoke-tokens");
  await job.configureSource({ tokenLifeSeconds: 6 * 3_600 });
  await job.sync();
  await job.configureSource({ tokenLifeSeconds: 30 * 86_400 });
  const refreshed = await refresh();
  expect(refreshed.outcome).toBe("refreshed");
  expect(Date.parse(refreshed.expiresAt!)).toBeGreaterThan(Date.now() + 29 * 86_400_000);
  expect((await state()).tokens.refreshed).toBe(1);
  await job.sync();
}, 60_000);
