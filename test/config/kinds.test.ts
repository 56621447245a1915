import { expect, test } from "vitest";
import { validateConfig } from "../../src/config/validate.ts";
import { configErrorOf, problemsOf } from "./support.ts";

const ORDERS = { account: "main", api: "/open/orders/single/query", from: "2026-01-01" };
const REFRESH = { account: "main", api: "refresh.token" };
const LEGACY = { kind: "legacy", partnerId: "p", partnerKey: "hush-hush" };

const written = (account: object, source: object = ORDERS, pipeline: object = {}) => ({
  accounts: { main: { platform: "jushuitan", ...account } },
  pipelines: { work: { source, target: { use: "qeasy", baseUrl: "http://127.0.0.1:9" }, ...pipeline } },
});
const validate = (config: unknown) => validateConfig(config, { file: "/x/tidemark.config.ts", home: "/x/.tidemark", env: {} });
const problems = async (...config: Parameters<typeof written>) => problemsOf(await configErrorOf(() => validate(written(...config))));

test("an account of the old platform, and one of the simple form, have settings and defaults of their own", () => {
  const common = { name: "main", platform: "jushuitan", limits: { perSecond: 5, perMinute: 100 }, timeoutMs: 30_000 };
  expect(validate(written(LEGACY)).accounts["main"]).toEqual({
    ...common, kind: "legacy", baseUrl: "https://open.erp321.com/api/open/query.aspx", partnerId: "p", partnerKey: "hush-hush", token: null, tokenExpiresAt: null, holdAfterRefreshMs: 45_000,
  });
  expect(validate(written({ ...LEGACY, tokenExpiresAt: "2027-01-31", holdAfterRefresh: "1m" })).accounts["main"]).toMatchObject({ tokenExpiresAt: Date.UTC(2027, 0, 30, 16), holdAfterRefreshMs: 60_000 });
  expect(validate(written({ kind: "bearer" }, REFRESH)).accounts["main"]).toEqual({ ...common, kind: "bearer", baseUrl: "https://jushuitan.com", token: null, tokenId: null });
  expect(validate(written({ kind: "isv", appKey: "k", appSecret: "s", tokenExpiresAt: "" })).accounts["main"]).toMatchObject({ tokenExpiresAt: null, authUrl: "https://openweb.jushuitan.com/auth" });
});

test("a call needs no date, and the list's key in its metadata stands for the id of its entries", () => {
  const { work } = validate(written({ kind: "bearer" }, { ...REFRESH, number: "msg" }, { mapping: { id: "msg" } })).pipelines;
  expect(work).toMatchObject({ mapping: { id: "id" }, source: { api: "refresh.token", number: "msg", cursor: "window", pageSize: 50 } });
});

test.each<[string, Parameters<typeof written>, string, string]>([
  ["an unknown kind", [{ ...LEGACY, kind: "legasy" }], "accounts.main.kind", '"legacy" (the old platform'],
  ["a missing kind", [{ appKey: "k" }], "accounts.main.kind", '"legacy" (the old platform'],
  ["a missing partner key", [{ kind: "legacy", partnerId: "p" }], "accounts.main.partnerKey", "the partner key"],
  ["an app's key for the old platform", [{ ...LEGACY, appKey: "k" }], "accounts.main.appKey", 'no such setting of an account of kind "legacy"'],
  ["a partner id for an app", [{ kind: "self", appKey: "k", appSecret: "s", partnerId: "p" }], "accounts.main.partnerId", 'no such setting of an account of kind "self"'],
  ["an expiry that is no date", [{ ...LEGACY, tokenExpiresAt: "soon" }], "accounts.main.tokenExpiresAt", "a date or a time"],
  ["an expiry for an own app, which the platform tells", [{ kind: "self", appKey: "k", appSecret: "s", tokenExpiresAt: "2027-01-01" }], "accounts.main.tokenExpiresAt", "no such setting"],
  ["a list for the simple form", [{ kind: "bearer" }, ORDERS], "pipelines.work.source.api", "refresh.token, the only call"],
  ["the call for the old platform", [LEGACY, REFRESH], "pipelines.work.source.api", 'for accounts of kind "bearer"'],
  ["an audit of a call", [{ kind: "bearer" }, REFRESH, { audit: { every: "1d" } }], "pipelines.work.audit", "nothing to compare with"],
  ["number for a list", [{ kind: "self", appKey: "k", appSecret: "s" }, { ...ORDERS, number: "o_id" }], "pipelines.work.source.number", "belongs to refresh.token"],
  ["the token as display code", [{ kind: "bearer" }, { ...REFRESH, number: "token" }], "pipelines.work.source.number", "anything but the token"],
  ["a masked token", [{ kind: "bearer" }, REFRESH, { mapping: { fields: { key: { from: "token", mask: "all" } } } }], "pipelines.work.mapping.fields.key", "the token as it is"],
  ["no date for a list", [{ kind: "self", appKey: "k", appSecret: "s" }, { account: "main", api: ORDERS.api }], "pipelines.work.source.from", '"all"'],
])("%s is told where it stands, with what to write", async (_what, config, path, expected) => {
  const found = await problems(...config);
  expect(Object.keys(found)).toEqual([path]);
  expect(found[path]!.expected).toContain(expected);
  expect(JSON.stringify(found)).not.toContain("hush-hush");
});

test("a setting of the kind that is close is suggested, and none of another kind", async () => {
  const found = await problems({ ...LEGACY, tokenExpireAt: "2027-01-01" });
  expect(found["accounts.main.tokenExpireAt"]!.expected).toMatch(/Did you mean "tokenExpiresAt"\?/);
  expect(found["accounts.main.tokenExpireAt"]!.expected).not.toContain("appKey");
});
