import { describe, expect, it } from "vitest";
import {
  compileFormats, compileWriteBack, flattenRow, formatRow, groupRows, importStrategies, readJson, rowKey, rowNumber, splitRows, writeBack, writeJson, type Value,
} from "../../src/qeasy/index.ts";
import { context, notices, ROW } from "./support.ts";

describe("the key of a row", () => {
  const key = (row: string, path = "id"): string => rowKey({ row: readJson(row), suffix: "" }, path);
  it("is text; numbers and texts are the same key, digit for digit", () => {
    expect([key('{"id":500123}'), key('{"id":"500123"}'), key('{"id":12345678901234567890}'), key('{"a":{"id":"x"}}', "a.id")]).toEqual(["500123", "500123", "12345678901234567890", "x"]);
  });
  it.each(["{}", '{"id":null}', '{"id":""}', '{"id":{}}', '{"id":[1]}', '"text"'])("of %s is an error, never a key shared with others", (row) => {
    expect(() => key(row)).toThrow(expect.objectContaining({ code: "TM_QEASY_ID" }));
  });
  it("the display code may be missing", () => {
    expect([rowNumber({ row: ROW, suffix: "" }, "so_id"), rowNumber({ row: ROW, suffix: "" }, "none"), rowNumber({ row: ROW, suffix: "" }, "items")]).toEqual(["T20240315-001", undefined, undefined]);
  });
});

describe("splitArray and beatFlat", () => {
  it("splitArray makes a row of each element, and keys resolve on it", () => {
    const rows = splitRows([ROW], { method: "splitArray", arrayKey: "items" });
    expect(rows.map((row) => [rowKey({ row, suffix: "" }, "items.sku_id"), rowNumber({ row, suffix: "" }, "so_id")])).toEqual([["A-001", "T20240315-001"], ["B-002", "T20240315-001"]]);
  });
  it("a row without elements stays, as does everything under other methods", () => {
    const empty = readJson('{"o_id":1,"items":[]}');
    expect(splitRows([empty], { method: "splitArray", arrayKey: "items" })).toEqual([empty]);
    expect(splitRows([ROW], { method: "none" })).toEqual([ROW]);
    expect(flattenRow(empty, ["items"])).toEqual([{ row: empty, suffix: "" }]);
  });
  it("beatFlat repeats the head and numbers the lines, from 1 or as asked", () => {
    const lines = flattenRow(ROW, ["items"]);
    expect(lines.map((line) => [rowKey(line, "o_id"), rowNumber(line, "items_sku_id"), rowNumber(line, "shop_no")])).toEqual([["500123-1", "A-001", "S01"], ["500123-2", "B-002", "S01"]]);
    expect(flattenRow(ROW, ["items"], 0).map((line) => rowKey(line, "o_id"))).toEqual(["500123-0", "500123-1"]);
    expect(flattenRow(ROW, ["items", "tags"]).map((line) => rowKey(line, "o_id"))).toEqual(["500123-1-1", "500123-1-2", "500123-2-1", "500123-2-2"]);
  });
});

describe("groupCalculate", () => {
  const rows = ['{"shop":"S1","sku":"A","n":2}', '{"shop":"S1","sku":"A","n":3}', '{"shop":"S1","sku":"B","n":1}', '{"shop":"S2","sku":"B","n":"0.10"}'].map(readJson);
  const group = { headerGroup: ["shop"], bodyGroup: ["sku"], bodyName: "details", calculate: { n: "$sum" as const } };

  it("groups rows to documents and lines, and tells which rows they came of", () => {
    expect(groupRows(rows, group, "Asia/Shanghai")).toEqual([
      { document: { shop: "S1", details: [{ sku: "A", n: 5 }, { sku: "B", n: 1 }] }, rows: [0, 1, 2] },
      { document: { shop: "S2", details: [{ sku: "B", n: expect.objectContaining({ text: "0.10" }) }] }, rows: [3] },
    ]);
  });
  it("bodyMaxLine makes several documents", () => {
    expect(groupRows(rows.slice(0, 3), { ...group, bodyMaxLine: 1 }, "Asia/Shanghai").map(({ document, rows }) => [writeJson(document), rows])).toEqual([
      ['{"shop":"S1","details":[{"sku":"A","n":5}]}', [0, 1]],
      ['{"shop":"S1","details":[{"sku":"B","n":1}]}', [2]],
    ]);
  });
  it.each([["$sum", "6"], ["$avg", "2.0000"], ["$min", "1"], ["$max", "3"], ["$push", "[2,3,1]"], ["$addToSet", "[2,3,1]"], ["$first", "2"], ["$last", "1"]] as const)("%s of 2, 3, 1 is %s", (operator, expected) => {
    const [only] = groupRows(rows.slice(0, 3), { headerGroup: ["shop"], bodyGroup: [], calculate: { n: operator } }, "Asia/Shanghai");
    expect(writeJson(only!.document.n!)).toBe(expected);
  });
  it("needs a group", () => {
    const { report } = importStrategies([{ text: '{"api":"save","effect":"EXECUTE","groupCalculate":{"calculate":{"n":"$sum"}}}' }]);
    expect(report).toMatchObject({ runnable: false, notices: [{ code: "TM_QEASY_SHAPE", path: "target.groupCalculate" }] });
  });
});

describe("formatResponse", () => {
  const format = (value: Value, name: string): unknown => {
    const { found, report } = notices();
    const row = formatRow(Object.assign(Object.create(null) as Record<string, Value>, { old: value }), compileFormats([{ old: "old", new: "new", format: name }], "f", report), "Asia/Shanghai");
    return [(readJson(writeJson(row)) as Record<string, Value>).new, found.length];
  };
  it.each<[Value, string, unknown, number]>([
    ["2024-03-15 10:12:05", "date", "2024-03-15", 0], [1_710_468_725, "dateTime", "2024-03-15 10:12:05", 0], ["2024-03-15 10:12:05", "time", "10:12:05", 0], ["3.14159", "round(2)", 3.14, 0], [2.5, "round(0)", 3, 0],
    [3.9, "intval", 3, 0], [["vip", "gift"], "implode(',')", "vip,gift", 0], [["vip", "gift"], "IMPLODE", "vip,gift", 0], ["x".repeat(30), "longText(20)", "x".repeat(20), 0], ["x".repeat(30), "longText", "x".repeat(15), 0],
    [1234.5, "amount", "1,234.50", 1], ["2024-03-15 10:12:05", "shortDate", "03-15", 1], ["2024-03-15 10:12:05", "shortTime", "10:12", 1], ["2024-03-15 10:12:05", "shortDateTime", "03-15 10:12", 1], ["x", "dateDescription", "x", 1],
    ["no date", "date", "no date", 0], ["no number", "round(2)", "no number", 0],
  ])("%j as %s is %j", (value, name, expected, noticed) => {
    expect(format(value, name)).toEqual([expected, noticed]);
  });
  it.each(["sparkle", "constructor", "round(2"])("%s is unknown: said, and an error of the rows that have the field, since their copy would be missing", (name) => {
    const { found, report } = notices();
    const rules = compileFormats([{ old: "old", new: "new", format: name }], "f", report);
    expect(found).toMatchObject([{ code: "TM_QEASY_FORMAT", text: expect.stringContaining("set aside") as string }]);
    expect(() => formatRow(readJson('{"old":"2024-03-15"}'), rules, "UTC")).toThrow(expect.objectContaining({ code: "TM_QEASY_UNSUPPORTED", path: "f[0]" }));
    expect(writeJson(formatRow(readJson('{"other":1}'), rules, "UTC"))).toBe('{"other":1}');
  });
  it("reads a dotted path and adds nothing for a missing field", () => {
    const rules = compileFormats([{ old: "a.b", new: "n", format: "date" }, { old: "none", new: "m", format: "date" }], "f", () => undefined);
    expect(writeJson(formatRow(readJson('{"a":{"b":"2024-03-15 01:00:00"}}'), rules, "UTC"))).toBe('{"a":{"b":"2024-03-15 01:00:00"},"n":"2024-03-15"}');
  });
});

describe("write-back", () => {
  const response = [{ field: "primaryWriteback", type: "object", children: [{ field: "id", value: "{{Id}}" }, { field: "number", value: "{{number}}" }] }];
  const answer = readJson('{"Id":9001,"Number":"XS-77"}');
  const run = async (callBackStrategy: object, asEntry = false): Promise<unknown> => {
    const text = asEntry ? { response: [...response, { field: "callBackStrategy", type: "object", value: callBackStrategy }] } : { response, callBackStrategy };
    const { target } = importStrategies([{ text: JSON.stringify({ api: "save", effect: "EXECUTE", ...text }) }]);
    return writeBack(compileWriteBack(target!.strategy, "target", () => undefined), ROW, answer, context());
  };
  it.each<[string, unknown]>([
    ["{{primaryWriteback.number}}", "XS-77"],
    ["{{primaryWriteback.Id}}", 9001],
    ["{{so_id}}", "T20240315-001"],
    ["{{so_id}}:{{primaryWriteback.number}}", "T20240315-001:XS-77"],
    ["{{primaryWriteback.missing}}", undefined],
  ])("%s gives %j to the other strategy", async (value, expected) => {
    for (const asEntry of [false, true]) {
      expect(await run({ strategyId: "s", f: value }, asEntry)).toEqual({ primaryWriteback: { id: 9001, number: "XS-77" }, callBack: { strategyId: "s", row: expected === undefined ? {} : { f: expected } } });
    }
  });
  it("a strategy that asks for nothing gets nothing", async () => {
    expect(await writeBack(compileWriteBack({ response: [] }, "target", () => undefined), ROW, answer, context())).toEqual({ primaryWriteback: undefined, callBack: undefined });
  });
});
