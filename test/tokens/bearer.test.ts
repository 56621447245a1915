import { afterEach, expect, test } from "vitest";
import type { BearerTokens } from "../../src/tokens/bearer.ts";
import { showToken } from "../../src/ops/tokens.ts";
import { accountTokens } from "../../src/store/account-tokens.ts";
import { fingerprint } from "../../src/store/secrets.ts";
import { readToken } from "../../src/store/tokens.ts";
import { TEST_KEY } from "../support/pipeline.ts";
import { BEARER_TOKEN, never, startTokens, type TokenBench } from "./support.ts";

let bench: TokenBench;
afterEach(() => bench.close());

const stored = () => readToken(bench.store.db, TEST_KEY, "main");
const configure = (switches: object) => fetch(`${bench.simulator.url}/_admin/configure`, { method: "POST", body: JSON.stringify(switches) });

test("every id and token is stored encrypted, and the next exchange uses the new one", async () => {
  bench = await startTokens("bearer", {}, { bearerIds: ["12345", "67890"] });
  expect(await bench.tokens.refreshIfDue(never)).toMatchObject({ outcome: "refreshed" });
  const first = await stored();
  expect(first).toMatchObject({ tokenId: "12345", expiresAt: null });
  expect(first!.accessToken).not.toBe(BEARER_TOKEN);
  expect((await accountTokens(bench.store.db, "main")).map(({ id, refreshes }) => ({ id, refreshes }))).toEqual([{ id: "12345", refreshes: 1 }, { id: "67890", refreshes: 1 }]);
  // The simulator takes a token once: that this succeeds says which one was sent.
  expect(await bench.tokens.refreshIfDue(never)).toMatchObject({ outcome: "refreshed" });
  expect((await bench.state()).bearer.refreshed).toBe(2);
  const second = await stored();
  const dump = await bench.dump();
  for (const token of [BEARER_TOKEN, first!.accessToken, second!.accessToken]) {
    expect(dump).not.toContain(token);
    expect(dump).not.toContain(Buffer.from(token).toString("hex"));
  }
  expect(await showToken(bench.services, "main")).toMatchObject({ fingerprint: fingerprint(second!.accessToken), id: "12345", tokens: [{ refreshes: 2 }, { refreshes: 2 }] });
});

test("tokenId chooses the token; without it the id in use stays in use, wherever the answer has it", async () => {
  bench = await startTokens("bearer", { tokenId: "67890" }, { bearerIds: ["12345", "67890"] });
  await bench.tokens.refreshIfDue(never);
  expect((await stored())!.tokenId).toBe("67890");
  await bench.close();
  bench = await startTokens("bearer", {}, { bearerIds: ["12345"] });
  await bench.tokens.refreshIfDue(never);
  await configure({ bearerIds: ["00001", "12345"] });
  await bench.tokens.refreshIfDue(never);
  expect((await stored())!.tokenId).toBe("12345");
});

test("a tokenId that the answer lacks is told once the tokens are stored", async () => {
  bench = await startTokens("bearer", { tokenId: "nobody" });
  await expect(bench.tokens.refreshIfDue(never)).rejects.toMatchObject({ code: "TM_TOKEN_ANSWER", message: expect.stringContaining('"nobody"') as string });
  expect((await accountTokens(bench.store.db, "main")).map(({ id }) => id)).toEqual(["12345"]);
  expect((await stored())!.accessToken).toBe(BEARER_TOKEN);
});

test("a text in place of the list gives no new token, and says so", async () => {
  bench = await startTokens("bearer", {}, { bearerMsg: "text" });
  expect(await bench.tokens.refreshIfDue(never)).toMatchObject({ outcome: "no-effect" });
  expect((await stored())!.accessToken).toBe(BEARER_TOKEN);
});

test.each([
  ["an empty list", { bearerIds: [] }, "TM_SOURCE_ANSWER"],
  ["a code that is not 0", { bearerExtra: { code: 100 } }, "TM_SOURCE_TOKEN"],
  ["issuccess false", { bearerExtra: { code: 0, issuccess: "false" } }, "TM_SOURCE_BUSINESS"],
])("%s is a failure and overwrites no token", async (_what, switches, code) => {
  bench = await startTokens("bearer", {}, { ...switches, bearerOldDies: false });
  const error: unknown = await bench.tokens.refreshIfDue(never).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ code, kind: "final" });
  expect((await stored())!.accessToken).toBe(BEARER_TOKEN);
  expect(JSON.stringify([error, String(error)])).not.toMatch(/[0-9a-f]{32}|demo-bearer/);
});

test("a refused token stops with what to do, and the token in no error", async () => {
  bench = await startTokens("bearer", { token: "not-the-right-token" });
  const error: unknown = await bench.tokens.refreshIfDue(never).catch((reason: unknown) => reason);
  expect(error).toMatchObject({ kind: "final", code: "TM_SOURCE_TOKEN", fix: expect.stringContaining("tidemark token set main") as string });
  expect(JSON.stringify([error, String(error)])).not.toContain("not-the-right-token");
});

test("two workers that make the same call make it once", async () => {
  bench = await startTokens("bearer", {}, { latencyMs: 100 });
  const tokens = bench.tokens as BearerTokens;
  let made = 0;
  const call = () => tokens.exchange(never, () => Promise.resolve(made > 0), () => Promise.resolve(void made++));
  const answers = await Promise.all([call(), call()]);
  expect(answers.filter((answer) => answer === null)).toHaveLength(1);
  expect((await bench.state()).bearer.refreshed).toBe(1);
});
