import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { DAY, LEGACY_TOKEN, never, startTokens, type TokenBench } from "./support.ts";

let bench: TokenBench;
afterEach(() => bench.close());

const last3Days = { legacyExpiresInSeconds: 3 * 86_400 };

test("too early, no refresh is asked for; the expiry is the one that was given, and said to be", async () => {
  const at = Date.now() + 20 * DAY;
  bench = await startTokens("legacy", { tokenExpiresAt: at });
  expect(await bench.tokens.refreshIfDue(never)).toEqual({ outcome: "not-due", expiresAt: new Date(at).toISOString(), expiryKnown: "given", notice: null });
  expect((await bench.state()).requests.byPath).toEqual({});
});

test.each(["text", "null", "array"] as const)("in the last week the same token lives a year longer, counted from the refresh (msg: %s)", async (legacyMsg) => {
  bench = await startTokens("legacy", { tokenExpiresAt: Date.now() + 3 * DAY }, { ...last3Days, legacyMsg });
  const before = await bench.tokens.current(never);
  const report = await bench.tokens.refreshIfDue(never);
  expect(report).toMatchObject({ outcome: "refreshed", expiryKnown: "counted", notice: null });
  expect(Date.parse(report.expiresAt!)).toBeGreaterThan(Date.now() + 364 * DAY);
  expect(await bench.tokens.current(never)).toEqual({ value: before.value, version: before.version + 1 });
  expect(await bench.tokens.refreshIfDue(never)).toMatchObject({ outcome: "not-due", expiryKnown: "counted" });
  expect((await bench.state()).legacyToken).toMatchObject({ refreshed: 1, refreshTooEarly: 0 });
  expect(await bench.read()).toBe(20);
  expect(await bench.dump()).not.toContain(LEGACY_TOKEN);
});

test("an expiry that a person gives later stands until the next refresh", async () => {
  bench = await startTokens("legacy", { tokenExpiresAt: Date.now() + 3 * DAY }, last3Days);
  await bench.tokens.refreshIfDue(never);
  const at = Date.now() + 100 * DAY;
  Object.assign(bench.services.config.accounts["main"]!, { tokenExpiresAt: at });
  expect(await bench.tokens.refreshIfDue(never)).toMatchObject({ outcome: "not-due", expiresAt: new Date(at).toISOString(), expiryKnown: "given" });
});

test("business calls wait while the hold after a refresh lasts", async () => {
  bench = await startTokens("legacy", { tokenExpiresAt: Date.now() + 3 * DAY, holdAfterRefreshMs: 900 }, { ...last3Days, legacyCacheMs: 600 });
  await bench.tokens.refreshIfDue(never);
  const began = performance.now();
  expect(await bench.read()).toBe(20);
  expect(performance.now() - began).toBeGreaterThan(500);
  expect((await bench.state()).requests.byCode).toEqual({ 0: 2 });
});

test("a call that was granted before the refresh and refused after it is made again once the hold is over", async () => {
  bench = await startTokens("legacy", { tokenExpiresAt: Date.now() + 3 * DAY, holdAfterRefreshMs: 1_500 }, { ...last3Days, legacyCacheMs: 1_200 });
  await bench.tokens.refreshIfDue(never);
  await sql`update account set paused_until = null`.execute(bench.store.db);
  expect(await bench.read()).toBe(20);
  expect((await bench.state()).requests.byCode).toEqual({ 0: 2, 100: 1 });
});

test("a refresh whose answer is lost is noted: the token errors after it are waited out", async () => {
  bench = await startTokens("legacy", { tokenExpiresAt: Date.now() + 3 * DAY, holdAfterRefreshMs: 1_500 }, { ...last3Days, legacyCacheMs: 1_200, faults: { dropAfter: 1 }, faultsOnAuth: true });
  await expect(bench.tokens.refreshIfDue(never)).rejects.toMatchObject({ code: "TM_SOURCE_TRANSIENT" });
  await fetch(`${bench.simulator.url}/_admin/configure`, { method: "POST", body: '{"faults":null}' });
  expect(await bench.read()).toBe(20);
});

test("two workers at once refresh once", async () => {
  bench = await startTokens("legacy", { tokenExpiresAt: Date.now() + 3 * DAY }, { ...last3Days, latencyMs: 100 });
  await Promise.all([bench.tokens.refreshIfDue(never), bench.tokens.refreshIfDue(never)]);
  expect((await bench.state()).requests.byPath).toEqual({ "refresh.token": 1 });
});

test("after expiry nothing is asked for: a person is told, with the day, and a call stops with what to do", async () => {
  bench = await startTokens("legacy", { tokenExpiresAt: Date.UTC(2026, 0, 15, 4) }, { legacyExpiresInSeconds: -10 });
  expect(await bench.tokens.refreshIfDue(never)).toMatchObject({ outcome: "authorise-again", notice: expect.stringContaining("expired on 2026-01-15") as string });
  expect((await bench.state()).requests.byPath).toEqual({});
  const error: unknown = await bench.read().catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code: "TM_REAUTHORISE", fix: expect.stringContaining("tidemark token set main") as string });
  expect(JSON.stringify([error, String(error)])).not.toContain(LEGACY_TOKEN);
});

test("while nobody knows the expiry, a refresh is tried once a day at most and never called one", async () => {
  bench = await startTokens("legacy", {}, { legacyTooEarly: "refused" });
  for (let n = 0; n < 2; n++) {
    expect(await bench.tokens.refreshIfDue(never)).toMatchObject({ outcome: "unknown-expiry", expiresAt: null, notice: expect.stringContaining("tokenExpiresAt") as string });
  }
  expect(await bench.state()).toMatchObject({ legacyToken: { refreshed: 0, refreshTooEarly: 1 }, requests: { byPath: { "refresh.token": 1 } } });
});

test("a token set without its date is not sent to the setting that already has one", async () => {
  bench = await startTokens("legacy", { tokenExpiresAt: Date.now() + 300 * DAY });
  const { setToken } = await import("../../src/ops/tokens.ts");
  const { notice } = await setToken(bench.services, "main", "another-token", null, never);
  expect(notice).toMatch(/nobody knows when its token expires[^]*tidemark token set main --expires/);
  expect(notice).not.toContain("give accounts.main.tokenExpiresAt");
});

test("five days before the end without a refresh that worked, the notice names the day and how it is known", async () => {
  bench = await startTokens("legacy", { tokenExpiresAt: Date.now() + 4 * DAY }, { legacyToken: "another" });
  await expect(bench.tokens.refreshIfDue(never)).rejects.toMatchObject({ code: "TM_SOURCE_TOKEN" });
  const { tokenView } = await import("../../src/ops/tokens.ts");
  const { notice } = await tokenView(bench.services, "main");
  expect(notice).toMatch(/expires on 20\d\d-\d\d-\d\d \(Asia\/Shanghai, by the date that was given\), in 4 days; .*tidemark token set main/);
});
