import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { UserMapping } from "../../src/index.ts";
import { mappedText, mapRow } from "./support.ts";

const ROW = '{ "o_id": 1, "amount" : 206.00, "ts":20260101000000455,"receiver":{"city":"a\\u0041","mobile":"1" , "geo":{"lat":1.50}},"items":[{"sku_id":"s","qty":1.0e3},{"sku_id":"t","qty":2}],"shop_name":null}';

describe("what stays", () => {
  test.each<[string, UserMapping, string]>([
    ["a renamed field leaves its place; all others keep their bytes", { fields: { total: "amount" } },
      '{"total":206.00,"o_id":1,"ts":20260101000000455,"receiver":{"city":"a\\u0041","mobile":"1" , "geo":{"lat":1.50}},"items":[{"sku_id":"s","qty":1.0e3},{"sku_id":"t","qty":2}],"shop_name":null}'],
    ["nothing but the named fields", { rest: "drop", fields: { total: "amount", "a.b": "o_id", "a.c": { value: 1 } } }, '{"total":206.00,"a":{"b":1,"c":1}}'],
    ["a nested field leaves its object", { rest: "keep", drop: ["items", "ts", "o_id", "amount", "shop_name"], fields: { town: "receiver.city" } }, '{"town":"a\\u0041","receiver":{"mobile":"1","geo":{"lat":1.50}}}'],
    ["a nested field of the target joins what stays there", { drop: ["items", "ts", "amount", "shop_name"], fields: { "receiver.mobile": { from: "receiver.mobile", mask: "all" }, "receiver.no": "o_id" } },
      '{"receiver":{"mobile":"***","no":1,"city":"a\\u0041","geo":{"lat":1.50}}}'],
    ["names in camel case, however deep", { names: "camel", drop: ["receiver", "ts", "amount"], fields: { shop: { value: 1 } } }, '{"shop":1,"oId":1,"items":[{"skuId":"s","qty":1.0e3},{"skuId":"t","qty":2}],"shopName":null}'],
    ["an object of the target finds its place by the styled name", { names: "camel", rest: "keep", drop: ["items", "ts", "amount", "receiver.geo", "o_id", "shop_name"], fields: { "receiver.x": { value: 1 } } }, '{"receiver":{"x":1,"city":"a\\u0041","mobile":"1"}}'],
    ["items", { rest: "drop", fields: { lines: { each: "items", rest: "keep", fields: { sku: "sku_id", order: "$.o_id" } } } }, '{"lines":[{"sku":"s","order":1,"qty":1.0e3},{"sku":"t","order":1,"qty":2}]}'],
    ["items do as the record does", { rest: "drop", fields: { lines: { each: "items", fields: { sku: "sku_id" } } } }, '{"lines":[{"sku":"s"},{"sku":"t"}]}'],
    ["one item only", { rest: "drop", fields: { first: "items.0.sku_id", third: "items.2.sku_id" } }, '{"first":"s"}'],
    ["a value looked at in a list stays there", { drop: ["receiver", "amount"], fields: { first: "items.0.sku_id" } }, '{"first":"s","o_id":1,"ts":20260101000000455,"items":[{"sku_id":"s","qty":1.0e3},{"sku_id":"t","qty":2}],"shop_name":null}'],
    ["a flattened object", { rest: "drop", flatten: ["receiver", "shop_name"], fields: { receiver_city: { value: "x" } } }, '{"receiver_city":"x","receiver_mobile":"1","receiver_geo":{"lat":1.50}}'],
    ["a flattened object without what is moved or dropped of it", { rest: "drop", flatten: ["receiver"], drop: ["receiver.geo.lat"], fields: { phone: { from: "receiver.mobile", mask: "all" } } }, '{"phone":"***","receiver_city":"a\\u0041","receiver_geo":{}}'],
    ["a dropped object is not flattened", { rest: "drop", flatten: ["receiver"], drop: ["receiver"], fields: { a: { value: 1 } } }, '{"a":1}'],
    ["a field dropped of each item", { drop: ["items.sku_id", "o_id", "ts", "amount", "receiver"], fields: { a: { value: 1 } } }, '{"a":1,"items":[{"qty":1.0e3},{"qty":2}],"shop_name":null}'],
    ["a field dropped under its flattened name", { rest: "drop", flatten: ["receiver"], drop: ["receiver_mobile", "receiver.geo"], fields: { a: { value: 1 } } }, '{"a":1,"receiver_city":"a\\u0041"}'],
    ["a flattened object in another style", { rest: "drop", names: "camel", flatten: ["receiver"], fields: {} }, '{"receiverCity":"a\\u0041","receiverMobile":"1","receiverGeo":{"lat":1.50}}'],
    ["a field goes before what stays under its name", { rest: "keep", drop: ["receiver", "items"], fields: { amount: { template: "{o_id}" } } }, '{"amount":"1","o_id":1,"ts":20260101000000455,"shop_name":null}'],
  ])("%s", async (_what, mapping, expected) => {
    expect(await mappedText(mapping, ROW)).toBe(expected);
  });

  test("dots of names are written with a backslash", async () => {
    expect(await mappedText({ rest: "drop", fields: { "x\\.y": "a\\.b" } }, '{"a.b":1}')).toBe('{"x.y":1}');
  });

  test("the id is the mapping's, always text and first", async () => {
    expect(await mapRow({ fields: { total: "amount" } }, '{"id":7,"amount":1}')).toEqual({ documents: [{ id: "1", json: '{"id":"1","total":1}' }] });
  });

  test("two fields of one name put the record aside", async () => {
    expect(await mapRow({ names: "camel" }, '{"shop_id":1,"shopId":2}')).toMatchObject({ code: "TM_MAPPING_NAMES", field: "shopId" });
    expect(await mapRow({ flatten: ["a"] }, '{"a_b":1,"a":{"b":2}}')).toMatchObject({ code: "TM_MAPPING_NAMES", field: "a_b" });
  });

  test.each([["camel", "inQty", "inQty"], ["camel", "_a_b1_c", "_aB1C"], ["snake", "inQty", "in_qty"], ["snake", "HTTPServerID2", "http_server_id2"], ["snake", "o_id", "o_id"], ["snake", "店铺名", "店铺名"]] as const)("%s makes %s %s", async (names, from, to) => {
    expect(await mappedText({ names }, `{${JSON.stringify(from)}:1}`)).toBe(`{${JSON.stringify(to)}:1}`);
  });
});

/** JSON as sources write it: white space, escapes, numbers that JavaScript would write differently. */
const scalar = fc.oneof(fc.constantFrom("206.00", "20260101000000455", "1.0e3", "-0", "null", "true", '""', '"\\u0041\\n"', '"}{\\""'), fc.integer().map(String));
const value: fc.Arbitrary<string> = fc.letrec<{ value: string }>((tie) => ({
  value: fc.oneof({ depthSize: "small" }, scalar,
    fc.array(tie("value"), { maxLength: 3 }).map((all) => `[ ${all.join(" ,")}]`),
    fc.uniqueArray(fc.tuple(fc.constantFrom("a", "b", "c_d", "e\\u0041"), tie("value")), { selector: ([name]) => name, maxLength: 4 }).map((all) => `{${all.map(([name, raw]) => ` "${name}" :${raw}`).join(",")}}`)),
})).value;
const names = fc.uniqueArray(fc.constantFrom("a", "b", "c", "d_e", "f\\u00e9", "g.h", "id2", "$"), { minLength: 1 });

test("property: whatever else is mapped, fields that nothing names keep every byte, in their order", async () => {
  await fc.assert(fc.asyncProperty(names, fc.infiniteStream(value), fc.integer({ min: 0, max: 7 }), async (keys, values, pick) => {
    const members = keys.map((key) => [key, values.next().value] as const);
    const taken = keys[pick % keys.length]!;
    const raw = `{ ${members.map(([key, text]) => `"${key}" : ${text}`).join(" , ")} }`;
    const path = (JSON.parse(`"${taken}"`) as string).replaceAll(".", "\\.");
    const kept = members.filter(([key]) => key !== taken).map(([key, text]) => `"${key}":${text}`);
    const moved = members.find(([key]) => key === taken)![1];
    expect(await mappedText({ fields: { moved: { from: path }, "new.one": { value: 1 } } }, raw)).toBe(`{${[`"moved":${moved}`, '"new":{"one":1}', ...kept].join(",")}}`);
  }), { numRuns: 300 });
});
