import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { setToken, showToken } from "../../src/ops/tokens.ts";
import { accountTokens } from "../../src/store/account-tokens.ts";
import { fingerprint } from "../../src/store/secrets.ts";
import { readToken, replaceToken } from "../../src/store/tokens.ts";
import { createBearerTokens } from "../../src/tokens/bearer.ts";
import { TEST_KEY } from "../support/pipeline.ts";
import { BEARER_TOKEN, never, startTokens, type TokenBench } from "./support.ts";

let bench: TokenBench;
afterEach(() => bench.close());

const stored = () => readToken(bench.store.db, TEST_KEY, "main");

test("a worker that was frozen while it exchanged does not put its older tokens over the newer ones", async () => {
  bench = await startTokens("bearer");
  const { store, services } = bench;
  const account = services.config.accounts["main"]!;
  if (account.kind !== "bearer") throw new Error("a bearer account was asked for");
  await bench.tokens.refreshIfDue(never);
  const late = createBearerTokens({ store, key: TEST_KEY, account }, {
    async exchange() {
      // Its lock ran out; another worker has exchanged since.
      await replaceToken(store.db, TEST_KEY, "main", (await stored())!.version, { accessToken: "newer", refreshToken: null, expiresAt: null, tokenId: "12345" });
      return { entries: [{ id: "12345", token: "older", raw: "{}" }], incomplete: 0, unchanged: false, requests: 1 } as never;
    },
  });
  let told = 0;
  const exchanged = late.exchange(never, () => Promise.resolve(false), async () => void told++);
  await expect(exchanged).rejects.toMatchObject({ kind: "transient", code: "TM_SOURCE_TRANSIENT" });
  expect((await stored())!.accessToken).toBe("newer");
  expect((await accountTokens(store.db, "main")).map((one) => one.fingerprint)).not.toContain(fingerprint("older"));
  expect(told).toBe(0);
});

test("a token that a person sets is there afterwards, also where another one was stored at that very moment", async () => {
  bench = await startTokens("bearer");
  await showToken(bench.services, "main");
  // The first statement that changes the token finds, as after a race, no row of the version that was read.
  await sql`create sequence changes; create function once() returns trigger language plpgsql as $$ begin return case when nextval('changes') = 1 then null else new end; end $$;
    create trigger once before update on account for each row when (new.token_version <> old.token_version) execute function once()`.execute(bench.store.db);
  expect((await setToken(bench.services, "main", "set-by-hand", null, never)).fingerprint).toBe(fingerprint("set-by-hand"));
});

test("with another key a new token can be set, and nothing else happens to the old one", async () => {
  bench = await startTokens("bearer");
  await showToken(bench.services, "main");
  const services = { ...bench.services, key: randomBytes(32) };
  await expect(showToken(services, "main")).rejects.toMatchObject({ code: "TM_KEY_MISMATCH" });
  expect((await stored())!.accessToken).toBe(BEARER_TOKEN);
  expect(await setToken(services, "main", "under-the-new-key", null, never)).toMatchObject({ fingerprint: fingerprint("under-the-new-key") });
});
