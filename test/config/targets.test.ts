import { expect, test } from "vitest";
import { validateConfig, type ValidateOptions } from "../../src/config/validate.ts";
import { env } from "../../src/index.ts";
import { configErrorOf, problemsOf } from "./support.ts";

const validate = (target: unknown, more: Partial<ValidateOptions> = {}, pipeline: object = {}) =>
  validateConfig({
    accounts: { main: { platform: "jushuitan", kind: "self", appKey: "k", appSecret: "s" } },
    pipelines: { orders: { source: { account: "main", api: "/open/orders/single/query", from: "2026-01-01" }, target, ...pipeline } },
  }, { file: "/x/tidemark.config.ts", home: "/x/.tidemark", env: {}, ...more });
const target = (written: unknown) => validate(written).pipelines["orders"]!.target;
const problems = async (written: unknown) => problemsOf(await configErrorOf(() => validate(written)));

const SENDING = { batchSize: 500, maxBytes: null, parallel: 4, idCheck: true, timeoutMs: 30_000, leaseMs: 45_000, zombieAfterMs: 600_000, maxRefused: 3 };

test("a database has these defaults", () => {
  const table = { ...SENDING, maxBytes: 4_000_000, schema: null, table: "orders", columns: "auto", types: {}, items: "json" };
  expect(target({ use: "postgres", url: "postgres://u:p@h/d", table: "orders" })).toEqual({ ...table, use: "postgres", url: "postgres://u:p@h/d" });
  expect(target({ use: "mysql", url: "mysql://u:p@h/d", table: "orders" })).toEqual({ ...table, use: "mysql", url: "mysql://u:p@h/d" });
});

test("a path is a module of one's own, found from the config file", () => {
  expect(target({ use: "./targets/mine.ts", options: { folder: "/srv" } })).toEqual({ ...SENDING, use: "module", module: "./targets/mine.ts", file: "/x/targets/mine.ts", options: { folder: "/srv" } });
  expect(target({ use: "../mine.ts" })).toMatchObject({ file: "/mine.ts", options: {} });
});

test.each(["postgres", "mysql"] as const)("%s does not take exploded records: rows of elements that are gone would stay", async (use) => {
  const written = (target: object) => validate(target, {}, { mapping: { explode: "items" } });
  expect(problemsOf(await configErrorOf(() => written({ use, url: `${use}://h/d`, table: "t" })))).toEqual({ "pipelines.orders.mapping.explode": expect.objectContaining({ expected: expect.stringContaining('target.items: "tables"') as string }) as object });
  expect(written({ use: "qeasy", baseUrl: "http://h" }).pipelines["orders"]!.mapping).toEqual({ id: "o_id", explode: { list: "items" } });
});

test.each([
  [{ use: "oracle" }, "use"], [{}, "use"], [{ use: "mine.ts" }, "use"],
  [{ use: "postgres", url: "mysql://h/d", table: "t" }, "url"], [{ use: "postgres", url: "postgres://h", table: "t" }, "url"], [{ use: "mysql", url: "h/d", table: "t" }, "url"],
  [{ use: "mysql", url: "mysql://h/d" }, "table"], [{ use: "mysql", url: "mysql://h/d", table: "t", schema: "s" }, "schema"],
  [{ use: "postgres", url: "postgres://h/d", table: "t", types: { a: "float" } }, "types.a"], [{ use: "postgres", url: "postgres://h/d", table: "t", columns: [] }, "columns"],
  [{ use: "postgres", url: "postgres://h/d", table: "t", baseUrl: "http://h" }, "baseUrl"], [{ use: "qeasy", baseUrl: "http://h", table: "t" }, "table"],
  [{ use: "qeasy", baseUrl: "http://h", body: { datas: "records" } }, "body"], [{ use: "qeasy", baseUrl: "http://h", body: { a: "$records", b: "$records" } }, "body"],
  [{ use: "qeasy", baseUrl: "http://h", body: { $records: 1 } }, "body"], [{ use: "qeasy", baseUrl: "http://h", maxBytes: 1 }, "maxBytes"], [{ use: "./a.ts", options: 7 }, "options"],
])("%j is wrong at %s", async (written, key) => {
  expect(Object.keys(await problems(written))).toEqual([`pipelines.orders.target.${key}`]);
});

test("a database's address is a secret", async () => {
  const error = await configErrorOf(() => validate({ use: "postgres", url: "mysql://me:hush-hush@h/d", table: "t" }));
  expect(`${error.message}${error.fix}${JSON.stringify(error.details)}`).not.toContain("hush-hush");
});

test("a database's address may be unset where the command does not need it", async () => {
  const written = { use: "postgres", url: env("TARGET_URL"), table: "t" };
  expect(validate(written, { needs: "none" }).unset).toEqual([{ path: "pipelines.orders.target.url", variable: "TARGET_URL" }]);
  expect(Object.keys(await problems(written))).toEqual(["pipelines.orders.target.url"]);
});

test("a body may be an object around the records, and an audit of a database needs no list", () => {
  expect(target({ use: "qeasy", baseUrl: "http://h", body: { datas: "$records" } })).toMatchObject({ body: { datas: "$records" } });
  expect(validate({ use: "postgres", url: "postgres://h/d", table: "t" }, {}, { audit: { every: "1d", target: true } }).pipelines["orders"]).toMatchObject({ audit: { target: true } });
});
