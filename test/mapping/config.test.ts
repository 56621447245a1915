import { expect, test } from "vitest";
import { fingerprints } from "../../src/store/streams.ts";
import { configErrorOf, problemsOf } from "../config/support.ts";
import { testConfig } from "../support/pipeline.ts";
import { mappingOf } from "./support.ts";

const AT = "pipelines.orders.mapping";
const wrong = async (mapping: unknown) => Object.fromEntries(Object.entries(problemsOf(await configErrorOf(() => mappingOf(mapping)))).map(([path, { expected }]) => [path.replace(`${AT}.`, ""), expected]));

test.each<[unknown, string, string]>([
  [{ fields: { x: {} } }, "fields.x", "one of from, value, template, expression, each"],
  [{ fields: { x: { from: "a", value: 1 } } }, "fields.x", "not from and value"],
  [{ fields: { x: { from: "a", typ: "text" } } }, "fields.x.typ", 'Did you mean "type"?'],
  [{ fields: { x: { from: "a", type: "number" } } }, "fields.x.type", '"decimal"'],
  [{ fields: { x: { from: "a", scale: 2 } } }, "fields.x.scale", 'a field with type: "decimal"'],
  [{ fields: { x: { from: "a", type: "text", format: "yyyy" } } }, "fields.x.format", 'a field with type: "datetime"'],
  [{ fields: { x: { from: "a", type: "datetime", zone: "Asia/Shangai" } } }, "fields.x.zone", "IANA"],
  [{ fields: { x: { from: "a..b" } } }, "fields.x.from", "the path of a field"],
  [{ fields: { x: { from: "a", others: "keep" } } }, "fields.x.others", "a field with values"],
  [{ fields: { x: { from: "a", missing: "skip" } } }, "fields.x.missing", '"omit"'],
  [{ fields: { x: { value: 1, mask: "all" } } }, "fields.x.mask", "nothing beside value"],
  [{ fields: { x: { each: "items", type: "text" } } }, "fields.x.type", "nothing beside each"],
  [{ fields: { x: { from: "a", fields: { y: "b" } } } }, "fields.x.fields", "a field with each"],
  [{ fields: { x: { explode: "items" } } }, "fields.x.explode", "beside fields"],
  [{ filter: "record.a +" }, "filter", "a CEL expression over record that gives true or false"],
  [{ filter: "string(record.a)" }, "filter", "it gives string"],
  [{ explode: "a..b" }, "explode.list", "the path of a field"],
  [{ explode: { list: "items", of: "x" } }, "explode.of", "list, id"],
  [{ fields: { x: { template: "{a" } } }, "fields.x.template", "{path}"],
  [{ fields: { x: { expression: "recrod.a" } } }, "fields.x.expression", "Unknown variable: recrod"],
  [{ fields: { x: { expression: "1 +" } } }, "fields.x.expression", "a CEL expression"],
  [{ fields: { x: { each: "items", fields: { y: { each: "z", fields: { w: { from: "a", type: "int" } } } } } } }, "fields.x.fields.y.fields.w.type", '"integer"'],
  [{ fields: { "a.b": "c", a: "d" } }, "fields.a", 'another name: "a.b" makes an object of it'],
  [{ fields: { id: "so_id" } }, "fields.id", "mapping.id names"],
  [{ fields: { x: { each: "items", fields: { y: { from: "a", mask: "hash" } } } } }, "hashKey", "the key of mask"],
  [{ fields: { x: { from: "items.0.mobile", mask: "phone" } } }, "fields.x.mask", '"items.mobile" in mapping.drop too'],
  [{ fields: { x: { each: "items", fields: { y: { from: "$.mob", mask: "phone" } } } } }, "fields.x.fields.y.mask", '"mob" in mapping.drop too'],
  [{ drop: ["items.0.mobile"] }, "drop[0]", '"items.mobile" takes it out of every item'],
  [{ rest: "all" }, "rest", '"keep" or "drop"'],
  [{ scriptTimeout: "1ms" }, "scriptTimeout", "at least 10 ms"],
  [{ feilds: {} }, "feilds", 'Did you mean "fields"?'],
])("%j is refused: %s", async (mapping, path, expected) => {
  expect(await wrong(mapping)).toEqual({ [path]: expect.stringContaining(expected) as string });
});

test.each([
  [{ drop: ["items.mobile"], fields: { x: { from: "items.0.mobile", mask: "phone" } } }], [{ rest: "drop", fields: { x: { from: "items.0.mobile", mask: "phone" } } }],
  [{ drop: ["mob"], fields: { x: { each: "items", fields: { y: { from: "$.mob", mask: "phone" } } } } }], [{ fields: { x: { from: "mob", mask: "phone" } } }],
])("%j masks a field whose original does not stay", (mapping) => {
  expect(() => mappingOf(mapping)).not.toThrow();
});

test("an item's own id is a field like any other", () => {
  expect(mappingOf({ fields: { lines: { each: "items", fields: { id: "oi_id" } } } }).record).toBeDefined();
});

test("the key of hashes is never printed", async () => {
  const error = await configErrorOf(() => mappingOf({ hashKey: ["hush-hush"] }));
  expect(JSON.stringify(error.details) + error.message).not.toContain("hush-hush");
});

test("a script's path is from the config file's folder, its time limit 5 s", () => {
  expect(mappingOf({ script: "./hook.ts" })).toEqual({ id: "o_id", script: { file: "/x/hook.ts", code: "", hash: "", timeoutMs: 5_000 } });
});

test("every setting of a mapping makes another target but the script's time limit and place; without one it is the target that it was", () => {
  const script = { file: "/a/hook.ts", code: "1", hash: "h1", timeoutMs: 1 };
  const { orders } = testConfig().pipelines;
  const print = (mapping: object) => fingerprints({ ...orders!, mapping: { id: "o_id", ...mapping } }, testConfig().accounts["main"]!).target;
  const prints = [{}, { record: {} }, { record: { rest: "drop" } }, { filter: "true" }, { explode: { list: "items" } }, { explode: { list: "items", id: "oi_id" } }, { record: { fields: { a: { from: "b" } } } }, { hashKey: "k" }, { script }, { script: { ...script, hash: "h2" } }].map(print);
  expect(new Set(prints).size).toBe(prints.length);
  expect(print({ script: { ...script, file: "/b/hook.ts", code: "2", timeoutMs: 9 } })).toBe(print({ script }));
  // What 0.1.0 made of this config: an upgrade must not ask for a reload.
  expect(print({})).toBe("5a13fe028c2d8f99db5a683004b26dad");
});
