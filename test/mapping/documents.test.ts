import { describe, expect, test } from "vitest";
import { mapRow } from "./support.ts";

const ROW = '{"o_id":7,"status":"Sent","pay":206.00,"items":[{"oi_id":31,"sku":"a","qty":1.50},{"oi_id":"32","sku":"b","qty":20260101000000455}],"end":null}';

describe("filter", () => {
  test.each<[string, string, number]>([
    ["lets a record through where it is true", 'record.status == "Sent"', 1],
    ["leaves a record out where it is false", 'record.status != "Sent"', 0],
    ["looks into lists", 'record.items.exists(i, i.sku == "b")', 1],
    ["sees the source's row, not what the fields make of it", "has(record.pay) && !has(record.total)", 1],
  ])("%s", async (_what, filter, documents) => {
    const row = await mapRow({ filter, fields: { total: "pay" } }, ROW);
    expect("documents" in row && row.documents.length).toBe(documents);
  });

  test.each([["record.nothing == 1", "nothing"], ["record.status", 'it gives "Sent", not true or false'], ["record.end", "it gives null"]])("that fails sets the record aside, and leaves nothing out: %s", async (filter, reason) => {
    expect(await mapRow({ filter }, ROW)).toMatchObject({ code: "TM_MAPPING_EXPRESSION", field: "filter", reason: expect.stringContaining(reason) as string });
  });

  test("alone keeps a row's bytes", async () => {
    expect(await mapRow({ filter: "true" }, '{ "o_id":1,"x":1.0 }')).toEqual({ documents: [{ id: "1", json: '{"id":"1", "o_id":1,"x":1.0 }' }] });
  });
});

describe("explode", () => {
  test("makes a document of each element, with the element in the list's place and all else of the row as it is", async () => {
    const document = (n: number, item: string) => ({ id: `1-${n}`, json: `{"id":"1-${n}",${ROW.slice(1, ROW.indexOf("[{"))}${item},"end":null}` });
    expect(await mapRow({ explode: "items" }, ROW)).toEqual({ documents: [document(1, '{"oi_id":31,"sku":"a","qty":1.50}'), document(2, '{"oi_id":"32","sku":"b","qty":20260101000000455}')] });
  });

  test("reaches fields of the element and of the head, and takes ids from a field of the element", async () => {
    const mapping = { explode: { list: "items", id: "oi_id" }, rest: "drop" as const, fields: { order: "o_id", sku: "items.sku", line: { expression: 'record.status + "/" + record.items.sku' } } };
    expect(await mapRow(mapping, ROW)).toEqual({ documents: [{ id: "1-31", json: '{"id":"1-31","order":7,"sku":"a","line":"Sent/a"}' }, { id: "1-32", json: '{"id":"1-32","order":7,"sku":"b","line":"Sent/b"}' }] });
  });

  test("finds a list in an object, and looks at the record before it is exploded", async () => {
    expect(await mapRow({ explode: "a.b", filter: "size(record.a.b) == 2", rest: "drop", fields: { n: "a.b" } }, '{"a":{"b":[1,2]},"x":1}')).toEqual({ documents: [{ id: "1-1", json: '{"id":"1-1","n":1}' }, { id: "1-2", json: '{"id":"1-2","n":2}' }] });
  });

  test.each(["[]", "null", '""'])("makes nothing of an empty list: %s", async (list) => {
    expect(await mapRow({ explode: "items" }, `{"items":${list}}`)).toEqual({ documents: [] });
  });

  test.each([
    ["no such list", '{"itmes":[{}]}', "TM_MAPPING_MISSING", "items"],
    ["no list", '{"items":{"sku":"a"}}', "TM_MAPPING_VALUE", "items"],
    ["an element without the id's field", '{"items":[{"oi_id":1},{}]}', "TM_MAPPING_VALUE", "items.oi_id"],
    ["an element that is no object", '{"items":[1]}', "TM_MAPPING_VALUE", "items.oi_id"],
    ["two elements of one id", '{"items":[{"oi_id":1},{"oi_id":"1"}]}', "TM_DOCUMENT_ID", null],
  ])("sets a record aside that has %s", async (_what, raw, code, field) => {
    expect(await mapRow({ explode: { list: "items", id: "oi_id" } }, raw)).toMatchObject({ code, field });
  });

  test("sets the whole record aside where one document cannot be made", async () => {
    expect(await mapRow({ explode: "items", fields: { n: { from: "items.n", type: "integer" } } }, '{"items":[{"n":1},{"n":"x"}]}')).toMatchObject({ code: "TM_MAPPING_VALUE", field: "n" });
  });
});
