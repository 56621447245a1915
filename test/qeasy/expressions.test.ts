import { describe, expect, it } from "vitest";
import { compileExpression, evaluateExpression, readJson, rowScope, writeJson, type Value } from "../../src/qeasy/index.ts";
import { context, notices, ROW } from "./support.ts";

async function evaluate(value: Value, more: Parameters<typeof context>[0] = {}, row: Value = ROW): Promise<Value | undefined> {
  return evaluateExpression(compileExpression(value, "value", () => undefined), rowScope(context(more), row));
}

describe("literals", () => {
  it.each<[Value]>([["Sent"], ["2022-12-01 00:00:00"], ["0"], ["95,105,110"], [true], [null], ["FStockOrgId.FNumber"], [""], ["{a:1}"], ["{sku_id}"], [" 1 "]])(
    "%j stays as it is",
    async (value) => {
      expect(await evaluate(value)).toBe(value);
    },
  );
});

describe("times", () => {
  it.each<[Value, Value]>([
    ["{{LAST_SYNC_TIME|datetime}}", "2024-03-15 10:00:00"],
    ["{{CURRENT_TIME|datetime}}", "2024-03-15 10:30:00"],
    ["{{LAST_SYNC_TIME|date}}", "2024-03-15"],
    ["{{CURRENT_TIME|time}}", "10:30:00"],
    ["{{DAYS_AGO_0|datetime}}", "2024-03-15 10:30:00"],
    ["{{DAYS_AGO_1|datetime}}", "2024-03-14 10:30:00"],
    ["{{DAYS_AGO_7|date}}", "2024-03-08"],
    ["{{CURRENT_TIME}}", 1_710_469_800],
    ["{{CURRENT_TIME|timestamp}}", 1_710_469_800],
    ["{{LAST_SYNC_TIME|timestamp_ms}}", 1_710_468_000_000],
    ["{{LAST_SYNC_TIME|DateTime}}", "2024-03-15 10:00:00"],
    ["FModifyDate>='{{LAST_SYNC_TIME|dateTime}}' and FOrg='100'", "FModifyDate>='2024-03-15 10:00:00' and FOrg='100'"],
    ["{LAST_SYNC_TIME|datetime}", "2024-03-15 10:00:00"],
    ["{{ CURRENT_TIME | date }}", "2024-03-15"],
    ["{{CURRENT_TIME|}}", 1_710_469_800],
    ["{{CURRENT_TIME|week}}", 1_710_469_800],
  ])("%j is %j", async (value, expected) => {
    expect(await evaluate(value)).toBe(expected);
  });

  it("are evaluated inside a list", async () => {
    expect(await evaluate(["{{DAYS_AGO_1|date}}", "{{CURRENT_TIME|date}}"])).toEqual(["2024-03-14", "2024-03-15"]);
  });

  it("follow the given zone, with its daylight saving", async () => {
    expect(await evaluate("{{CURRENT_TIME|datetime}}", { zone: "America/New_York" })).toBe("2024-03-14 22:30:00");
  });
});

describe("pages", () => {
  it.each<[Value, Value, Value]>([
    ["{{PAGINATION_START_PAGE}}", 1, 3],
    ["{{PAGINATION_PAGE_SIZE}}", 50, 50],
    ["{{PAGINATION_START_ROW}}", 0, 100],
    ["{PAGINATION_PAGE_SIZE}", 50, 50],
    ["_function {{PAGINATION_START_PAGE}}-1", 0, 2],
    ["limit {{PAGINATION_START_ROW}},{{PAGINATION_PAGE_SIZE}}", "limit 0,50", "limit 100,50"],
  ])("%j is %j on page 1 and %j on page 3", async (value, first, third) => {
    expect(await evaluate(value, { page: 1 })).toBe(first);
    expect(await evaluate(value, { page: 3 })).toBe(third);
  });
});

describe("fields of the row", () => {
  it.each<[string, Value | undefined]>([
    ["{{so_id}}", "T20240315-001"],
    ["{{o_id}}", 500_123],
    ["{{warehouse.code}}", "WH-01"],
    ["单号:{{so_id}}/{{shop_no}}", "单号:T20240315-001/S01"],
    ["{{remark}}", null],
    ["{{no_such}}", undefined],
    ["备注{{remark}}", "备注"],
    ["备注{{no_such}}", "备注"],
    ["{{items.1.sku_id}}", "B-002"],
    ["{{created|date}}", "2024-03-15"],
    ["{{modified|date}}", "2024-03-15"],
    ["{{pay_time_ms|datetime}}", "2024-03-15 10:12:05"],
    ["{{shop_no|date}}", "S01"],
    ["{{{so_id}}", "T20240315-001"],
    ["{{so_id}", "{{so_id}"],
    ["{{ so_id }}", "T20240315-001"],
    ["{{so_id|}}", "T20240315-001"],
    ["{{}}", ""],
    ['{"a":"{{so_id}}"}', '{"a":"T20240315-001"}'],
  ])("%j is %j", async (value, expected) => {
    expect(await evaluate(value)).toBe(expected);
  });

  it("a path through a list is the list of its values", async () => {
    expect(await evaluate("{{items.sku_id}}")).toEqual(["A-001", "B-002"]);
    expect(await evaluate("{{items.sku_id}}", {}, readJson('{"items":[]}'))).toEqual([]);
  });

  it("a key with a dot comes before the path", async () => {
    expect(await evaluate("{{a.b}}", {}, readJson('{"a":{"b":1},"a.b":2}'))).toBe(2);
  });

  it("__proto__ is a field like any other", async () => {
    expect(await evaluate("{{__proto__}}", {}, readJson('{"__proto__":"x"}'))).toBe("x");
    expect(await evaluate("{{constructor.name}}")).toBeUndefined();
  });

  it.each(["12345678901234567890", "206.00", "1e3", "-0", "0.10"])("the number %s comes through digit for digit, alone and in a text", async (number) => {
    const row = readJson(`{"n":${number},"deep":{"list":[${number}]}}`);
    expect(writeJson((await evaluate("{{n}}", {}, row))!)).toBe(number);
    expect(await evaluate("n={{n}}", {}, row)).toBe(`n=${number}`);
    expect(writeJson((await evaluate("{{deep}}", {}, row))!)).toBe(`{"list":[${number}]}`);
  });

  it("a missing field is noticed, and fails nothing", async () => {
    const { codes, report } = notices();
    await evaluate("{{no_such}}", { report });
    expect(codes()).toEqual(["TM_QEASY_FIELD_MISSING"]);
  });
});

describe("{{random}}", () => {
  it("is 16 digits, fresh for each use, and comes from the context alone", async () => {
    const shared = context();
    const read = async (value: string): Promise<Value | undefined> => evaluateExpression(compileExpression(value, "v", () => undefined), rowScope(shared, ROW));
    const all = [await read("{{random}}"), await read("PD{{random}}"), await read("{{shop_no}}-{{random}}"), await read("_function LEFT('{{random}}',8)")];
    expect(all).toEqual([expect.stringMatching(/^\d{16}$/), expect.stringMatching(/^PD\d{16}$/), expect.stringMatching(/^S01-\d{16}$/), expect.stringMatching(/^\d{8}$/)]);
    expect(all[1]).not.toContain(all[0]);
    expect(await evaluate("{{random}}")).toBe(await evaluate("{{random}}"));
  });
});

describe("what is noticed when a value is read", () => {
  it.each<[string, string[]]>([
    ["{{{so_id}}", ["TM_QEASY_BRACES"]],
    ["{{so_id}", ["TM_QEASY_BRACES"]],
    ["so_id}}", ["TM_QEASY_BRACES"]],
    ["{{created|week}}", ["TM_QEASY_FILTER"]],
    ["{{PAGINATION_TOTAL}}", ["TM_QEASY_VARIABLE"]],
    ["{{random}}", ["TM_QEASY_RANDOM"]],
    ["created|date", ["TM_QEASY_TEMPLATE"]],
    ["number=items.sku", ["TM_QEASY_TEMPLATE"]],
    [" _function 1+1", ["TM_QEASY_EXPRESSION"]],
    ["_findcollection find a from b where c=d", ["TM_QEASY_EXPRESSION"]],
    ["_function FORMAT_DATE({{CURRENT_TIME}} - 60000,'yyyy-MM-dd')", ["TM_QEASY_FUNCTION_UNKNOWN"]],
    ["_function IF(1，2，3)", ["TM_QEASY_FULLWIDTH"]],
    ["_function 1+", ["TM_QEASY_FUNCTION_SYNTAX"]],
    ["_function LEFT('a')", ["TM_QEASY_FUNCTION_ARGUMENTS"]],
    ["_function sku_id", ["TM_QEASY_FUNCTION_SYNTAX"]],
    ["_function round({{{items.qty}},1)", ["TM_QEASY_BRACES"]],
    ["_findCollection find a where b=c", ["TM_QEASY_LOOKUP_SYNTAX"]],
    ["_findCollection find a from u where b='1' and c='2'", ["TM_QEASY_LOOKUP_SYNTAX"]],
    ["_findCollection find a from u where b = '1'", ["TM_QEASY_LOOKUP_SYNTAX"]],
    ["_function IFNULL(_findCollection find a from u where b={{c}},'0')", ["TM_QEASY_LOOKUP_END"]],
    ["_mongoQuery u findField=content.a where={}", ["TM_QEASY_MONGO"]],
    ["plain {{so_id}} text", []],
    ['{"a":{"b":1}}', []],
  ])("%j: %j", (value, expected) => {
    const { codes, report } = notices();
    compileExpression(value, "value", report);
    expect(codes()).toEqual(expected);
  });

  it.each(["SELECT 1", "(select 1)", "1; DROP TABLE x", "1 -- x", "1 /* x */", "@a", "SLEEP(5)", "LOAD_FILE('/etc/passwd')", "`a`"])("%j is refused", (expression) => {
    const { found, report } = notices();
    compileExpression(`_function ${expression}`, "value", report);
    expect(found).toEqual([expect.objectContaining({ code: "TM_QEASY_FORBIDDEN", severity: "refused" })]);
  });
});
