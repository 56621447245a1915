import { describe, expect, test } from "vitest";
import type { UserField, UserMapping } from "../../src/index.ts";
import { mappedText, mapRow } from "./support.ts";

/** The value of one field `x`, made of a row that has only `f`; nothing where it was left out. */
async function made(field: UserField, f?: string): Promise<string> {
  const text = await mappedText({ rest: "drop", fields: { x: field } }, f === undefined ? "{}" : `{"f":${f}}`);
  return text.replace(/^\{(?:"x":(.*))?\}$/s, "$1");
}

describe("types", () => {
  test.each<[UserField, string, string]>([
    ["f", "206.00", "206.00"],
    ["f", "20260101000000455", "20260101000000455"],
    ["f", '{ "a" : 1.0e3 }', '{ "a" : 1.0e3 }'],
    [{ from: "f", type: "text" }, "206.00", '"206.00"'],
    [{ from: "f", type: "text" }, "true", '"true"'],
    [{ from: "f", type: "text" }, '"a\\u0041"', '"a\\u0041"'],
    [{ from: "f", type: "integer" }, '"20260101000000455"', "20260101000000455"],
    [{ from: "f", type: "integer" }, "7.00", "7"],
    [{ from: "f", type: "integer" }, '" -007 "', "-7"],
    [{ from: "f", type: "decimal" }, "206.00", '"206.00"'],
    [{ from: "f", type: "decimal" }, '"-0.10"', '"-0.10"'],
    [{ from: "f", type: "decimal", scale: 2 }, "5", '"5.00"'],
    [{ from: "f", type: "decimal", scale: 2 }, "5.1000", '"5.10"'],
    [{ from: "f", type: "decimal", scale: 0 }, "5.00", '"5"'],
    [{ from: "f", type: "boolean" }, "1", "true"],
    [{ from: "f", type: "boolean" }, '"否"', "false"],
    [{ from: "f", type: "boolean" }, "true", "true"],
    [{ from: "f", type: "datetime" }, '"2026-01-01 08:00:00"', '"2026-01-01T00:00:00Z"'],
    [{ from: "f", type: "datetime" }, '"2026-01-01 08:00:00.5"', '"2026-01-01T00:00:00.500Z"'],
    [{ from: "f", type: "datetime", format: "dd.MM.yyyy HH:mm", zone: "Europe/Berlin" }, '"01.07.2026 02:00"', '"2026-07-01T00:00:00Z"'],
    [{ from: "f", type: "datetime", zone: "America/New_York" }, '"2026-01-01 00:00:00"', '"2026-01-01T05:00:00Z"'],
    [{ from: "f", type: "datetime", format: "epoch-s" }, "1767225600", '"2026-01-01T00:00:00Z"'],
    [{ from: "f", type: "datetime", format: "epoch-ms", to: "epoch-s" }, '"1767225600999"', "1767225600"],
    [{ from: "f", type: "datetime", to: "epoch-ms" }, '"2026-01-01"', "1767196800000"],
    [{ from: "f", type: "datetime", to: "yyyy-MM-dd", toZone: "Asia/Shanghai" }, '"2026-01-01"', '"2026-01-01"'],
    [{ from: "f", type: "datetime", to: "iso", toZone: "Asia/Shanghai" }, '"2026-01-01"', '"2026-01-01T00:00:00+08:00"'],
  ])("%j makes %s %s", async (field, from, to) => {
    expect(await made(field, from)).toBe(to);
  });

  test.each<[UserField, string, string]>([
    [{ from: "f", type: "text" }, "[1]", "text, a number, true or false"],
    [{ from: "f", type: "integer" }, "1.5", "a whole number"],
    [{ from: "f", type: "integer" }, "1e3", "a whole number"],
    [{ from: "f", type: "decimal" }, '"1,000"', "a decimal number"],
    [{ from: "f", type: "decimal", scale: 2 }, "0.001", "at most 2 digits"],
    [{ from: "f", type: "boolean" }, "2", "true, false"],
    [{ from: "f", type: "datetime" }, '"2026-02-30"', "a time like yyyy-MM-dd HH:mm:ss in Asia/Shanghai"],
    [{ from: "f", type: "datetime", format: "dd.MM.yyyy", zone: "Europe/Berlin" }, '"2026-01-01"', "dd.MM.yyyy in Europe/Berlin"],
    [{ from: "f", values: { Sent: 1 } }, '"Lost"', "one of Sent"],
    [{ each: "f" }, '"a"', "a list"],
    [{ each: "f" }, "[1]", "an object in the list"],
    [{ template: "{f}" }, "{}", "text or a number in the template"],
  ])("%j refuses %s, naming field, value and what was expected", async (field, f, expected) => {
    const row = await mapRow({ fields: { x: field } }, `{"f":${f}}`);
    expect(row).toMatchObject({ code: "TM_MAPPING_VALUE", reason: expect.stringContaining(expected) as string });
    expect((row as { reason: string }).reason).toMatch(/field "x/);
    expect((row as { reason: string }).reason).toContain(f.replace(/^\[(.*)\]$/, "$1"));
  });
});

test("a field of a list is named with the list", async () => {
  const mapping: UserMapping = { fields: { lines: { each: "items", fields: { "s.sku": { from: "sku", missing: "required" } } } } };
  expect(await mapRow(mapping, '{"items":[{"sku":"a"},{}]}')).toMatchObject({ code: "TM_MAPPING_MISSING", field: "lines.s.sku" });
});

describe("missing values", () => {
  const NONE = [undefined, "null", '""'];
  test.each<[UserField, string[]]>([
    ["f", ["", "null", '""']],
    [{ from: "f", type: "text" }, ["null", "null", "null"]],
    [{ from: "f", missing: "null" }, ["null", "null", "null"]],
    [{ from: "f", missing: "omit" }, ["", "", ""]],
    [{ from: "f", type: "text", missing: "omit-null" }, ["", "", '""']],
    [{ template: "a{f}", missing: "omit-null" }, ["", "", ""]],
    [{ from: "f", type: "decimal", missing: { default: "0.00" } }, ['"0.00"', '"0.00"', '"0.00"']],
    [{ from: "f", missing: "required" }, Array.from({ length: 3 }, () => "TM_MAPPING_MISSING")],
    [{ from: "f", values: { a: 1 }, others: { default: 9 } }, ["null", "null", "null"]],
    [{ each: "f" }, ["[]", "[]", "[]"]],
    [{ each: "f", missing: "omit" }, ["", "", ""]],
    [{ template: "a{f}" }, ['"a"', '"a"', '"a"']],
    [{ template: "a{f}", missing: "omit" }, ["", "", ""]],
    [{ from: "f", mask: "hash" }, ["null", "null", "null"]],
  ])("%j", async (field, expected) => {
    const mapping: UserMapping = { rest: "drop", hashKey: "k", fields: { x: field } };
    const got = await Promise.all(NONE.map((f) => mappedText(mapping, f === undefined ? "{}" : `{"f":${f}}`)));
    expect(got).toEqual(expected.map((text) => (text.startsWith("TM_") ? text : text === "" ? "{}" : `{"x":${text}}`)));
  });

  test.each(["0001-01-01 00:00:00", "0000-00-00", "1900-01-01"])("%s is no time", async (text) => {
    expect(await made({ from: "f", type: "datetime" }, `"${text}"`)).toBe("null");
  });
});

describe("values, constants, templates", () => {
  test.each<[UserField, string, string]>([
    [{ from: "f", values: { Sent: "shipped", "1": true } }, '"Sent"', '"shipped"'],
    [{ from: "f", values: { Sent: "shipped", "1": true } }, "1", "true"],
    [{ from: "f", values: { Sent: 1 }, others: "keep" }, "2.50", "2.50"],
    [{ from: "f", values: { Sent: 1 }, others: { default: null } }, "2.50", "null"],
    [{ value: { a: [1] } }, "1", '{"a":[1]}'],
    [{ value: null }, "1", "null"],
    [{ template: "{{{f}}}-{f}" }, "206.00", '"{206.00}-206.00"'],
    [{ template: '"{f}"' }, '"\\n"', '"\\"\\n\\""'],
    [{ template: "{f}", type: "integer" }, '"12"', "12"],
  ])("%j of %s is %s", async (field, f, expected) => {
    expect(await made(field, f)).toBe(expected);
  });
});

describe("personal fields", () => {
  test.each<[UserField, string, string]>([
    [{ from: "f", mask: "all" }, '"张三"', '"***"'],
    [{ from: "f", mask: "all" }, '{"a":1}', '"***"'],
    [{ from: "f", mask: "name" }, '"张三丰"', '"张**"'],
    [{ from: "f", mask: "name" }, '"张"', '"*"'],
    [{ from: "f", mask: "phone" }, "13812345678", '"138****5678"'],
    [{ from: "f", mask: "phone" }, '"12345"', '"*****"'],
    [{ from: "f", mask: { start: 1, end: 1 } }, '"𠮷野家"', '"𠮷*家"'],
  ])("%j of %s is %s", async (field, f, expected) => {
    expect(await made(field, f)).toBe(expected);
  });

  test("a hash is equal for equal text under one key, whether text or number", async () => {
    const hash = async (hashKey: string, f: string) => mappedText({ rest: "drop", hashKey, fields: { x: { from: "f", mask: "hash" } } }, `{"f":${f}}`);
    expect(await hash("k", "138")).toMatch(/^\{"x":"[0-9a-f]{64}"\}$/);
    expect(await hash("k", '"138"')).toBe(await hash("k", "138"));
    expect(await hash("other", "138")).not.toBe(await hash("k", "138"));
  });

  test("the value of a masked field is not told", async () => {
    const row = await mapRow({ fields: { x: { from: "f", mask: "phone", type: "integer" } } }, '{"f":"abc"}');
    expect(JSON.stringify(row)).not.toContain("abc");
    expect(row).toMatchObject({ code: "TM_MAPPING_VALUE", field: "x" });
  });
});

describe("expressions", () => {
  const ROW = '{"qty":3,"price":"0.10","amount":206.00,"ts":20260101000000455,"items":[{"sku_id":"a","qty":2,"price":1.25},{"sku_id":"b","qty":"1","price":"0.01"}],"empty":""}';
  test.each<[string, string]>([
    ['record.qty > 2 ? "many" : "few"', '"many"'],
    ["times(record.qty, record.price)", '"0.30"'],
    ["plus(record.amount, 1)", '"207.00"'],
    ["minus(0, record.amount)", '"-206.00"'],
    ["round(times(record.amount, '0.333'), 2)", '"68.60"'],
    ["round(minus(0, '0.005'), 2)", '"-0.01"'],
    ["round('1', 2)", '"1.00"'],
    ["sum(record.items.map(i, times(i.qty, i.price)))", '"2.51"'],
    ['record.items.map(i, i.sku_id).join(",")', '"a,b"'],
    ["record.ts + 1", "20260101000000456"],
    ['record.?nope.orValue("none")', '"none"'],
    ["has(record.nope)", "false"],
    ["record.items[0]", '{"sku_id":"a","qty":2,"price":"1.25"}'],
    ["record.empty", "null"],
    ["null", "null"],
  ])("%s is %s", async (expression, expected) => {
    expect(await mappedText({ rest: "drop", fields: { x: { expression, missing: "null" } } }, ROW)).toBe(`{"x":${expected}}`);
  });

  test.each(["record.nope", "record.amount + 1", "times(record.items, 2)", "1 / 0", "double(record.qty) / 0.0"])("%s puts the record aside", async (expression) => {
    expect(await mapRow({ fields: { x: { expression } } }, ROW)).toMatchObject({ code: "TM_MAPPING_EXPRESSION", field: "x", reason: expect.stringContaining(expression) as string });
  });

  test("in a list, item is the item and record the record", async () => {
    const fields = { lines: { each: "items", rest: "drop", fields: { s: { expression: 'item.sku_id + string(record.qty)' } } } } as const;
    expect(await mappedText({ rest: "drop", fields }, ROW)).toBe('{"lines":[{"s":"a3"},{"s":"b3"}]}');
  });

  test("reach nothing outside of the record", async () => {
    expect(await mappedText({ fields: { x: { expression: 'record.__proto__' } } }, ROW)).toBe("TM_MAPPING_EXPRESSION");
    expect(await mappedText({ fields: { x: { expression: 'record["constructor"]' } } }, ROW)).toBe("TM_MAPPING_EXPRESSION");
  });
});
