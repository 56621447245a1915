import * as fc from "fast-check";
import { expect, test } from "vitest";
import { openMapper } from "../../src/mapping/mapper.ts";
import { compileRequest, importStrategies, readJson, targetCalls, writeJson, type Value } from "../../src/qeasy/index.ts";
import { context } from "../qeasy/support.ts";
import { codes, imported, loaded, NO_OP, ORDERS } from "./import-support.ts";

const TREE = [
  { field: "id", type: "string", value: "{{o_id}}" }, { field: "no", type: "string", value: "{{so_id}}" }, { field: "sum", type: "string", value: "{{amount}}" }, { field: "must", type: "string", value: "{{shop_id}}", is_required: true },
  { field: "title", type: "string", value: "{{shop_id}} {no} {{so_id}}" }, { field: "kind", type: "int", value: "3" }, { field: "a.b", type: "string", value: "x" }, { field: "left", type: "string", default: "{{remark}}" }, { field: "none", type: "string" },
  { field: "head", type: "object", children: [{ field: "fixed", value: "1" }, { field: "shop", value: "{{shop_id}}" }] },
  { field: "lines", type: "array", value: "items", children: [{ field: "sku", value: "{{items.sku_id}}" }, { field: "order", value: "{{o_id}}" }, { field: "unit", value: "PCS" }] },
];

test.each([
  '{"o_id":1,"so_id":"A","amount":206.00,"shop_id":20260101000000455,"remark":"","items":[{"sku_id":"x"},{"sku_id":""},{}]}',
  '{"o_id":"2","so_id":null,"amount":true,"shop_id":"s","items":[]}',
  '{"o_id":3,"so_id":"","amount":1.5e3,"shop_id":0,"remark":null,"items":null,"other":[1]}',
])("a tree of fields becomes a mapping that writes what the strategy writes: %s", async (raw) => {
  const target = { ...NO_OP, request: TREE, operation: { method: "batchArraySave", rows: 20 } };
  const result = await imported(ORDERS, target);
  expect(codes(result, "refused")).toEqual([]);
  const pipeline = await loaded(result);
  expect(pipeline.target).toMatchObject({ batchSize: 20 });
  const mapper = openMapper(pipeline)!;
  const [mapped] = await mapper.map([{ id: String((JSON.parse(raw) as { o_id: unknown }).o_id), raw }], new AbortController().signal);
  await mapper.close();
  const { strategy } = importStrategies([{ text: JSON.stringify(target) }]).target!;
  const { calls, failed } = await targetCalls(compileRequest(strategy, () => undefined), [readJson(raw)], context());
  expect(failed).toEqual([]);
  const sent = (calls[0]!.body as Parameters<typeof writeJson>[0][])[0]!;
  expect(JSON.parse((mapped as { documents: { json: string }[] }).documents[0]!.json)).toEqual(JSON.parse(writeJson(sent)));
});

test("a row that lacks what is required is set aside by both", async () => {
  const pipeline = await loaded(await imported(ORDERS, { ...NO_OP, request: TREE }));
  const mapper = openMapper(pipeline)!;
  expect(await mapper.map([{ id: "1", raw: '{"o_id":1,"shop_id":""}' }], new AbortController().signal)).toMatchObject([{ code: "TM_MAPPING_MISSING", field: "must" }]);
  await mapper.close();
});

const literal = fc.constantFrom("x", "", "1", "{{", "}", "{a}", "a{b", "{{so_id}", "{{}}", " ", "{{{so_id}}", "\\", "$", "100%");
const field = fc.constantFrom("so_id", "amount", "remark", "shop", "flag", "no_such", "zero", "empty", "big", "dotted.key", "items.sku", "items", "键").map((name) => `{{${name}}}`);
const entry = fc.letrec<{ entry: object }>((tie) => {
  const base = { field: fc.constantFrom("a", "a.b", "c d", "$x", "n\\b", "{q}", "FDate(必填项)", "1", "toString", "items"), type: fc.constantFrom("string", "datetime", "int", "boolean", "weird"), is_required: fc.constantFrom(false, false, true) };
  const children = fc.array(tie("entry"), { minLength: 1, maxLength: 3 });
  const value = fc.oneof(literal, field, fc.tuple(literal, field, literal).map((parts) => parts.join("")), fc.tuple(field, field).map((parts) => parts.join("")), fc.constantFrom<unknown>(null, true, 1.5, ["a"], "_function 1+1"));
  return {
    entry: fc.oneof({ depthSize: "small", withCrossShrink: true }, fc.record({ ...base, value, default: literal }, { requiredKeys: ["field"] }), fc.record({ ...base, type: fc.constant("object"), children }), fc.record({ ...base, type: fc.constant("array"), value: fc.constantFrom("items", "no_such", "empty"), children })),
  };
}).entry;
const ROWS = [
  '{"o_id":1,"so_id":"S1","amount":206.00,"remark":null,"shop":20260101000000455,"items":[{"sku":"x","qty":2.50},{"sku":"","so_id":null},{},{"so_id":"inner"}],"flag":true,"zero":0,"empty":"","big":1e3,"dotted.key":"dk","键":"值"}',
  '{"o_id":"2","so_id":"","amount":null,"items":[],"flag":false,"empty":[]}',
  '{"o_id":3,"so_id":" a{b}$1\\\\","amount":"1.5","items":null,"shop":"s"}',
];

test("what is translated at all writes what the strategy writes, or sets aside what it would send as a list in a text", async () => {
  let translated = 0;
  await fc.assert(fc.asyncProperty(fc.array(entry, { minLength: 1, maxLength: 3 }), async (request) => {
    const target = { ...NO_OP, request };
    const result = await imported(ORDERS, target);
    if (result.config === null || result.files.source !== null) return;
    translated++;
    const mapper = openMapper(await loaded(result))!;
    const compiled = compileRequest(importStrategies([{ text: JSON.stringify(target) }]).target!.strategy, () => undefined);
    for (const raw of ROWS) {
      const [mapped] = await mapper.map([{ id: String((JSON.parse(raw) as { o_id: unknown }).o_id), raw }], new AbortController().signal);
      const { calls, failed } = await targetCalls(compiled, [readJson(raw)], context());
      if ("code" in mapped!) {
        expect(["TM_MAPPING_VALUE", ...(failed.length > 0 ? ["TM_MAPPING_MISSING"] : [])]).toContain(mapped.code);
        continue;
      }
      expect(failed).toEqual([]);
      const { id: _, ...record } = JSON.parse(mapped!.documents[0]!.json) as Record<string, unknown>;
      expect(record).toEqual(JSON.parse(writeJson(calls[0]!.body as Value)));
    }
    await mapper.close();
  }), { numRuns: 1_000 });
  expect(translated).toBeGreaterThan(100);
}, 60_000);
