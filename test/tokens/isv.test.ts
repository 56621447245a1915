import { afterEach, expect, test } from "vitest";
import { beginAuthorisation, finishAuthorisation, setToken, showToken, tokenNotices } from "../../src/ops/tokens.ts";
import { sign } from "../../src/source/jushuitan/sign.ts";
import { readToken } from "../../src/store/tokens.ts";
import { takeOverConfig } from "../../src/tokens/renewal.ts";
import { TEST_KEY } from "../support/pipeline.ts";
import { DAY, never, startTokens, type TokenBench } from "./support.ts";

let bench: TokenBench;
afterEach(() => bench.close());

const ISV = { appKind: "isv" } as const;

test("it is never refreshed; as the end comes near, the notice names the day and what to do", async () => {
  bench = await startTokens("isv", { tokenExpiresAt: Date.now() + 40 * DAY }, ISV);
  expect(await bench.tokens.refreshIfDue(never)).toMatchObject({ outcome: "watched", expiryKnown: "given", notice: null });
  const at = Date.now() + 5 * DAY;
  Object.assign(bench.services.config.accounts["main"]!, { tokenExpiresAt: at });
  const day = new Date(at + 8 * 3_600_000).toISOString().slice(0, 10);
  const report = await bench.tokens.refreshIfDue(never);
  expect(report).toMatchObject({ outcome: "watched", expiresAt: new Date(at).toISOString() });
  expect(report.notice).toContain(`expires on ${day} (Asia/Shanghai, by the date that was given), in 5 days`);
  expect(report.notice).toContain("tidemark token authorize main");
  Object.assign(bench.services.config.accounts["main"]!, { tokenExpiresAt: Date.UTC(2026, 0, 15, 4) });
  expect(await bench.tokens.refreshIfDue(never)).toMatchObject({ outcome: "authorise-again", notice: expect.stringContaining("expired on 2026-01-15") as string });
  expect((await bench.state()).requests.byPath).toEqual({});
});

test("the address to authorise on is signed; code or whole answer is exchanged, and the expiry is the platform's", async () => {
  bench = await startTokens("isv", { tokenExpiresAt: Date.now() + 40 * DAY }, ISV);
  for (const answer of [(): string => "isvcode", (state: string): string => `https://example.com/back?app_key=x&code=isvcode&state=${state}`]) {
    const begun = await beginAuthorisation(bench.services, "main");
    const url = new URL(begun.url);
    expect(url.origin + url.pathname).toBe("https://openweb.jushuitan.com/auth");
    const { sign: signature, ...fields } = Object.fromEntries(url.searchParams);
    expect(Object.keys(fields).sort()).toEqual(["app_key", "charset", "state", "timestamp"]);
    expect(signature).toBe(sign(fields, "0f1e2d3c4b5a69788796a5b4c3d2e1f0"));
    const view = await finishAuthorisation(bench.services, "main", answer(begun.state), begun, never);
    expect(view).toMatchObject({ kind: "isv", expiryKnown: "answered" });
    expect(Date.parse(view.expiresAt!)).toBeGreaterThan(Date.now() + 29 * DAY);
    expect(JSON.stringify(view)).not.toMatch(/[0-9a-f]{32}/);
    expect(await bench.read()).toBe(20);
  }
});

test("a pipeline's notices are those of its own account", async () => {
  bench = await startTokens("isv", { tokenExpiresAt: Date.now() + 2 * DAY }, ISV);
  const { services } = bench;
  services.config.accounts["other"] = { ...services.config.accounts["main"]!, name: "other" };
  for (const account of Object.values(services.config.accounts)) await takeOverConfig({ store: services.store, key: services.key, account });
  expect((await tokenNotices(services)).map((text) => text.slice(0, 14))).toEqual(["account main: ", "account other:"]);
  expect(await tokenNotices(services, "orders")).toEqual([expect.stringMatching(/^account main:/)]);
});

test("a date in the config that is there before its first token does not replace what the platform answers; another one does", async () => {
  bench = await startTokens("isv", { accessToken: null, tokenExpiresAt: Date.now() + 3 * DAY }, ISV);
  const begun = await beginAuthorisation(bench.services, "main");
  await finishAuthorisation(bench.services, "main", "isvcode", begun, never);
  expect(await bench.tokens.refreshIfDue(never)).toMatchObject({ expiryKnown: "answered", notice: null });
  Object.assign(bench.services.config.accounts["main"]!, { tokenExpiresAt: Date.now() + 2 * DAY });
  expect(await bench.tokens.refreshIfDue(never)).toMatchObject({ expiryKnown: "given" });
});

test("an answer to another authorisation, and one without a code, is refused before anything is exchanged", async () => {
  bench = await startTokens("isv", {}, ISV);
  const begun = await beginAuthorisation(bench.services, "main");
  for (const given of ["https://example.com/back?code=isvcode&state=other", "https://example.com/back?error=no"]) {
    await expect(finishAuthorisation(bench.services, "main", given, begun, never)).rejects.toMatchObject({ code: "TM_AUTHORISE_STATE" });
  }
  expect((await bench.state()).requests.byPath).toEqual({});
});

test("the other kinds have no page to authorise on", async () => {
  bench = await startTokens("legacy");
  await expect(beginAuthorisation(bench.services, "main")).rejects.toMatchObject({ code: "TM_AUTHORISE_KIND", fix: expect.stringContaining("tidemark token set main") as string });
});

test("a token that a person sets stands, whatever the config gives; a new one there takes its place", async () => {
  bench = await startTokens("legacy");
  const at = Date.now() + 30 * DAY;
  const value = async () => (await readToken(bench.store.db, TEST_KEY, "main"))!.accessToken;
  expect(await setToken(bench.services, "main", "a-token-set-by-hand", Math.floor(at / 1000) * 1000, never)).toMatchObject({ expiryKnown: "given" });
  await bench.tokens.current(never);
  expect(await value()).toBe("a-token-set-by-hand");
  Object.assign(bench.services.config.accounts["main"]!, { token: "another-one-in-the-config" });
  await showToken(bench.services, "main");
  expect(await value()).toBe("another-one-in-the-config");
});
