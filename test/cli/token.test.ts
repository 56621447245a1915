import { PassThrough } from "node:stream";
import { afterEach, beforeEach, expect, test } from "vitest";
import { readSecret } from "../../src/cli/secret-input.ts";
import { type JushuitanSimulator, startJushuitan } from "../../src/simulator/jushuitan/server.ts";
import { migratedDatabase, TEST_KEY } from "../support/pipeline.ts";
import { folderWith, jsonOf, runCli } from "./cli.ts";

const LEGACY_TOKEN = "0123456789abcdef0123456789abcdef";
let simulator: JushuitanSimulator;
let cli: (args: string[], stdin?: string) => ReturnType<typeof runCli>;

beforeEach(async () => {
  simulator = await startJushuitan({ appKind: "isv", orders: 0 });
  const cwd = folderWith({
    "tidemark.config.yaml": `
accounts:
  shop: { platform: jushuitan, kind: isv, baseUrl: "${simulator.url}", appKey: a1b2c3d4e5f60718293a4b5c6d7e8f90, appSecret: 0f1e2d3c4b5a69788796a5b4c3d2e1f0 }
  old: { platform: jushuitan, kind: legacy, baseUrl: "${simulator.url}/api/open/query.aspx", partnerId: demo-partner-0001, partnerKey: "\${PARTNER_KEY}" }
  simple: { platform: jushuitan, kind: bearer, baseUrl: "${simulator.url}", token: demo-bearer-token-0001 }
pipelines:
  tokens: { source: { account: simple, api: refresh.token }, target: { use: qeasy, baseUrl: "http://127.0.0.1:9" } }
`,
  });
  const env = { DATABASE_URL: await migratedDatabase(), TIDEMARK_KEY: TEST_KEY.toString("base64"), PARTNER_KEY: "demo-partner-key-0001", NEW_TOKEN: "token-of-the-environment" };
  cli = (args, stdin) => runCli(["token", ...args], { cwd, env, ...(stdin === undefined ? {} : { stdin }) });
});
afterEach(() => simulator.close());

test("a token is set from standard input or the environment, shown by its fingerprint, and refreshed when that takes effect", async () => {
  const set = await cli(["set", "old", "--expires", "2099-01-31", "--json"], `${LEGACY_TOKEN}\n`);
  expect(jsonOf(set)).toMatchObject({ account: "old", kind: "legacy", fingerprint: expect.stringMatching(/^[0-9a-f]{12}$/), expiresAt: "2099-01-30T16:00:00Z", expiryKnown: "given", notice: null });
  const [shown, early] = [await cli(["show", "old"]), await cli(["refresh", "old"])];
  expect(shown.stdout).toMatch(/token +fingerprint [0-9a-f]{12}\nobtained +\S+Z\nexpires +2099-01-30T16:00:00Z, given/);
  expect(early.stdout).toContain("Not due");
  expect(jsonOf(await cli(["set", "old", "--from-env", "NEW_TOKEN", "--json"]))).toMatchObject({ expiresAt: null, notice: expect.stringContaining("tokenExpiresAt") });
  for (const { stdout, stderr } of [set, shown, early]) expect(stdout + stderr).not.toContain(LEGACY_TOKEN);
}, 120_000);

test("a bearer token is exchanged on demand; a service provider's app is authorised by the page's answer", async () => {
  const without = await cli(["refresh", "shop"]);
  expect([without.code, without.stdout]).toEqual([1, expect.stringMatching(/there is no token; .*tidemark token authorize shop/)]);
  const refreshed = await cli(["refresh", "simple", "--json"]);
  expect(jsonOf(refreshed)).toMatchObject({ outcome: "refreshed", id: "12345", tokens: [{ id: "12345", refreshes: 1 }] });
  const { url } = jsonOf(await cli(["authorize", "shop", "--url-only", "--json"])) as { url: string };
  expect(url).toMatch(/^https:\/\/openweb\.jushuitan\.com\/auth\?app_key=\w+&charset=utf-8&state=\w+&timestamp=\d+&sign=[0-9a-f]{32}$/);
  const authorised = await cli(["authorize", "shop", "--json"], "isvcode\n");
  expect(authorised.stderr).toContain("https://openweb.jushuitan.com/auth?");
  expect(jsonOf(authorised)).toMatchObject({ account: "shop", kind: "isv", expiryKnown: "answered" });
  expect((await cli(["refresh", "shop"])).stdout).toContain("the expiry is watched");
  for (const { stdout } of [refreshed, authorised]) expect(stdout).not.toMatch(/[0-9a-f]{32}/);
}, 120_000);

test.each([
  ["an account that is none", ["show", "olt"], "", 2, "TM_ACCOUNT_UNKNOWN", 'Did you mean "old"?'],
  ["no token", ["set", "old"], "", 2, "TM_TOKEN_INPUT", "token set old"],
  ["two words", ["set", "old"], "one two", 2, "TM_TOKEN_INPUT", "token set old"],
  ["no code", ["authorize", "shop"], "", 2, "TM_TOKEN_INPUT", "--url-only"],
  ["a kind that has no page", ["authorize", "old"], "x", 1, "TM_AUTHORISE_KIND", "tidemark token set old"],
  ["a token on the command line", ["set", "old", "secret"], "", 2, "TM_USAGE", "tidemark token set --help"],
])("%s is refused with what to do", async (_what, args, stdin, exit, code, fix) => {
  const ended = await cli([...args, "--json"], stdin);
  expect(ended.code).toBe(exit);
  expect(jsonOf(ended)).toMatchObject({ error: { code, fix: expect.stringContaining(fix) } });
}, 60_000);

test("what is typed on a terminal is not shown", async () => {
  const input = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => undefined }) as unknown as NodeJS.ReadStream;
  const output = new PassThrough();
  const asked = readSecret("Token: ", input, output);
  input.push("typed-secret\n");
  expect(await asked).toBe("typed-secret");
  expect(String(output.read())).toBe("Token: \n");
});
