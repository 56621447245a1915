import { describe, expect, it } from "vitest";
import { compileConditions, filterRow, importStrategies, readJson, type Filtered, type Value } from "../../src/qeasy/index.ts";
import { context, ROW } from "./support.ts";

async function filter(condition: unknown, row: Value = ROW): Promise<Filtered> {
  const { source } = importStrategies([{ text: JSON.stringify({ api: "x.query", condition }) }]);
  return filterRow(compileConditions(source!.strategy.condition, "condition", () => undefined), row, context());
}
const passes = async (field: string, logic: string, value?: unknown, row?: Value): Promise<boolean> => (await filter([[{ field, logic, value }]], row)).kept;

describe("comparisons", () => {
  it.each<[string, string, unknown, boolean]>([
    ["status", "eq", "Sent", true], ["status", "eq", "sent", false], ["status", "neq", "Cancelled", true], ["amount", "gt", "300", false], ["qty", "egt", "3", true], ["freight", "lt", "10", true], ["qty", "elt", "2", false],
    ["shop_name", "like", "旗舰", true], ["so_id", "notlike", "T2024", false], ["amount", "between", "100,500", true], ["amount", "between", "299.9, 299.9", true], ["amount", "between", "300,500", false],
    ["remark", "notnull", undefined, false], ["remark", "isnull", undefined, true], ["status", "notnull", undefined, true], ["no_such", "isnull", undefined, true],
    ["modified", "gt", "timestamp:1710466200", true], ["modified", "gt", "timestamp:1710466200000", true], ["modified", "gt", "timestamp:2024-03-15 10:12:06", false], ["modified", "lt", "timestamp:1710466200", false], ["created", "eq", "timestamp:1710432000", true], ["pay_time_ms", "egt", "timestamp:1710468725", true], ["status", "gt", "timestamp:1", false],
    ["modified", "between", "timestamp:1710466200,timestamp:1710470000", true], ["modified", "between", "timestamp:1710466200,1710466300", false],
    ["no_such", "eq", "x", false], ["no_such", "gt", "0", false], ["no_such", "neq", "x", true], ["no_such", "notlike", "x", true], ["no_such", "like", "", false],
    ["freight", "eq", "8.5", true], ["o_id", "eq", "500123", true], ["modified", "lt", "{{CURRENT_TIME|datetime}}", true], ["so_id", "like", "{{shop_no}}", false], ["warehouse.code", "eq", "WH-01", true],
  ])("%s %s %j: %s", async (field, logic, value, expected) => {
    expect(await passes(field, logic, value)).toBe(expected);
  });

  it("numbers beyond 2^53 differ in their last digit", async () => {
    const row = readJson('{"ts":20260101000000455}');
    expect([await passes("ts", "eq", "20260101000000455", row), await passes("ts", "eq", "20260101000000456", row)]).toEqual([true, false]);
  });

  it("empty text counts as null", async () => {
    expect(await passes("a", "notnull", undefined, readJson('{"a":""}'))).toBe(false);
  });

  it.each<[string, unknown]>([
    ["between", "100"], ["between", "100,"], ["between", [100, 500]], ["between", "timestamp:1710466200,soon"], ["eq", ["Sent", "Cancelled"]], ["neq", { a: 1 }], ["gt", "timestamp:yesterday"], ["lt", "timestamp:"],
  ])("%s %j, by which no row or every row would pass, is refused at import", (logic, value) => {
    const { report } = importStrategies([{ text: JSON.stringify({ api: "x.query", condition: [[{ field: "modified", logic, value }]] }) }]);
    expect(report).toMatchObject({ runnable: false, notices: [{ code: "TM_QEASY_SHAPE", severity: "refused", path: "source.condition[0][0]" }] });
  });

  it("an unknown one is refused at import and lets no row through", async () => {
    const { report } = importStrategies([{ text: '{"api":"x.query","condition":[[{"field":"a","logic":"regex","value":"x"}]]}' }]);
    expect(report).toMatchObject({ runnable: false, notices: [{ code: "TM_QEASY_CONDITION_LOGIC", severity: "refused" }] });
    await expect(passes("status", "regex", "x")).rejects.toMatchObject({ code: "TM_QEASY_UNSUPPORTED" });
  });
});

describe("groups and lines", () => {
  const qty = (logic: string, value: string, strictMode?: boolean): object => ({ field: "items.qty", logic, value, ...(strictMode === undefined ? {} : { strictMode }) });
  const eq = (field: string, value: string): object => ({ field, logic: "eq", value });
  const skus = (outcome: Filtered): unknown => (outcome.kept ? (readJson(JSON.stringify(outcome.row)) as { items: { sku_id: string }[] }).items.map(({ sku_id }) => sku_id) : outcome.reason);

  it.each<[string, object[][], unknown]>([
    ["failing lines are removed", [[qty("gt", "3")]], ["B-002"]],
    ["strict: one failing line drops the row", [[qty("gt", "3", true)]], "items.qty gt"],
    ["strict: all lines hold", [[qty("gt", "1", true)]], ["A-001", "B-002"]],
    ["no line left drops the row", [[qty("gt", "9")]], "items.qty gt"],
    ["the second group holds", [[eq("status", "Sent"), { field: "amount", logic: "gt", value: "500" }], [eq("shop_no", "S01")]], ["A-001", "B-002"]],
    ["no group holds", [[eq("status", "Sent"), { field: "amount", logic: "gt", value: "500" }], [eq("shop_no", "S09")]], "amount gt; shop_no eq"],
    ["the first group that holds decides the lines", [[qty("gt", "9")], [qty("gt", "3")], [qty("gt", "0")]], ["B-002"]],
    ["two conditions on one list", [[qty("gt", "1"), { field: "items.name", logic: "eq", value: "茶杯" }]], ["A-001"]],
    ["no groups", [], ["A-001", "B-002"]],
    ["an empty group", [[]], ["A-001", "B-002"]],
  ])("%s", async (_, condition, expected) => {
    expect(skus(await filter(condition))).toEqual(expected);
  });

  it("the given row stays as it was", async () => {
    const before = JSON.stringify(ROW);
    expect(await filter([[qty("gt", "3")]])).toMatchObject({ kept: true, removedLines: 1 });
    expect(JSON.stringify(ROW)).toBe(before);
  });

  it("a list of one dimension is one group, and is noticed", async () => {
    expect((await filter([eq("status", "Sent"), eq("shop_no", "S09")])).kept).toBe(false);
    const { report } = importStrategies([{ text: '{"api":"x.query","condition":[{"field":"a","logic":"eq","value":"x"}]}' }]);
    expect(report.notices.map(({ code }) => code)).toEqual(["TM_QEASY_CONDITION_SHAPE"]);
  });
});
