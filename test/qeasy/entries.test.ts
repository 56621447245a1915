import { describe, expect, it } from "vitest";
import { compileRequest, importStrategies, readJson, sourceRequest, targetCalls, withRemedy, writeJson, type Members, type Value } from "../../src/qeasy/index.ts";
import { body, context, notices, one, ROW, target } from "./support.ts";

describe("entries", () => {
  it("make the reference's example document", async () => {
    const request = [
      { field: "billNo", type: "string", value: "{{so_id}}" },
      { field: "note", type: "string" },
      { field: "lines", type: "array", value: "items", children: [
        { field: "sku", type: "string", value: "{{items.sku_id}}" },
        { field: "num", type: "int", value: "{{items.qty}}" },
        { field: "shop", type: "string", value: "{{shop_no}}" },
      ] },
      { field: "settle", type: "object", children: [{ field: "org", type: "string", value: "100" }] },
    ];
    expect(await body(request)).toEqual({
      billNo: "T20240315-001",
      lines: [{ sku: "A-001", num: 2, shop: "S01" }, { sku: "B-002", num: 5, shop: "S01" }],
      settle: { org: "100" },
    });
  });

  it.each<[object, unknown]>([
    [{ value: "0", type: "int" }, 0],
    [{ value: "2.00", type: "int" }, 2],
    [{ value: "1.5", type: "float" }, 1.5],
    [{ value: "x", type: "double" }, "x"],
    [{ value: true, type: "boolean" }, true],
    [{ value: "false", type: "boolean" }, false],
    [{ value: "1", type: "boolean" }, true],
    [{ value: "maybe", type: "boolean" }, "maybe"],
    [{ value: "_function case {{qty}} when 0 then true else false end", type: "boolean" }, false],
    [{ value: "{{o_id}}" }, "500123"],
    [{ value: "{{o_id}}", type: null }, 500_123],
    [{ value: "no {{o_id}}", type: null }, "no 500123"],
    [{ value: true, type: null }, true],
    [{ value: 5, type: null }, 5],
    [{ value: "5", type: null }, "5"],
    [{ value: "{{o_id}}", type: "int" }, 500_123],
    [{ value: "{{CURRENT_TIME}}", type: "datetime" }, "1710469800"],
    [{ value: "{{items.sku_id}}" }, ["A-001", "B-002"]],
    [{ value: "x", type: "money" }, "x"],
    [{ value: null, default: "d" }, "d"],
    [{ default: "{{so_id}}" }, "T20240315-001"],
    [{ value: "{{remark}}", default: "d" }, undefined],
    [{ value: "" }, ""],
    [{ value: null }, undefined],
    [{}, undefined],
    [{ value: ["{{shop_no}}", 1], type: "array" }, ["S01", 1]],
    [{ value: "items", type: "array" }, [{ sku_id: "A-001", qty: 2, price: "50.00", name: "茶杯" }, { sku_id: "B-002", qty: 5, price: "39.98", name: "茶壶" }]],
  ])("%j gives %j", async (entry, expected) => {
    expect(await one(entry)).toEqual(expected);
  });

  it.each(["206.00", "12345678901234567890"])("the number %s keeps its digits as text and as number", async (number) => {
    const row = readJson(`{"n":${number}}`);
    expect(writeJson(await body([{ field: "s", type: "string", value: "{{n}}" }, { field: "f", type: "float", value: "{{n}}" }], row))).toBe(`{"s":"${number}","f":${number}}`);
  });

  it("a required entry that comes out empty fails its row, and names the field", async () => {
    for (const value of ["{{remark}}", "", "{{no_such}}"]) {
      await expect(one({ value, is_required: true })).rejects.toMatchObject({ code: "TM_QEASY_REQUIRED", path: "target.request.f", retryable: false });
    }
    await expect(one({ is_required: "true" })).rejects.toThrow("f is required");
    expect(await one({ value: "x", is_required: 1 })).toBe("x");
  });

  it("of two entries with the same field the last one with a value counts", async () => {
    expect(await body([{ field: "f", value: "a" }, { field: "f", value: "b" }, { field: "f" }, { field: "", value: "x" }])).toEqual({ f: "b" });
  });

  it("a field with a dot or a remark is taken literally", async () => {
    expect(await body([{ field: "detail.shortName", value: "x" }, { field: "FDate(必填项)", value: "y" }, { field: "__proto__", value: "z" }])).toEqual(
      readJson('{"detail.shortName":"x","FDate(必填项)":"y","__proto__":"z"}'),
    );
  });

  it("a request given as a map keeps its order, null is none", async () => {
    expect(writeJson(await body({ b: "{{so_id}}", a: { type: "int", value: "1" } }))).toBe('{"b":"T20240315-001","a":1}');
    expect(await body(null)).toEqual(ROW);
  });

  it("a tree is built again from parent, and a circle is broken", async () => {
    const request = [{ field: "lines", type: "array", value: "items" }, { field: "sku", value: "{{items.sku_id}}", parent: "lines" }, { field: "x", value: "1", parent: null }];
    expect(await body(request)).toEqual({ lines: [{ sku: "A-001" }, { sku: "B-002" }], x: "1" });
    const circle = [{ field: "a", type: "object", parent: "b" }, { field: "b", type: "object", parent: "a" }, { field: "c", value: "1" }];
    const { report } = importStrategies([{ text: JSON.stringify({ api: "save", effect: "EXECUTE", request: circle }) }]);
    expect(report.notices.map(({ code }) => code)).toContain("TM_QEASY_CYCLE");
    expect(await body(circle)).toEqual({ c: "1" });
  });
});

describe("arrays", () => {
  const children = [{ field: "sku", value: "{{items.sku_id}}" }, { field: "r", value: "{{random}}" }];
  const sku = [{ field: "sku", value: "{{items.sku_id}}" }];
  const list = async (entry: object, row?: Value): Promise<Value | undefined> => one({ type: "array", ...entry }, row);

  it("without a name run over the only list that their children read", async () => {
    expect(await list({ children: sku })).toEqual([{ sku: "A-001" }, { sku: "B-002" }]);
    expect(await list({ value: "1", children: sku })).toEqual([{ sku: "A-001" }, { sku: "B-002" }]);
  });
  it("whose children read no list make one line of the head", async () => {
    expect(await list({ children: [{ field: "shop", value: "{{shop_no}}" }] })).toEqual([{ shop: "S01" }]);
  });
  it("whose children read several lists fail the row", async () => {
    await expect(list({ children: [...sku, { field: "b", value: "{{b.c}}" }] }, readJson('{"items":[{"sku_id":1}],"b":[{"c":1}]}'))).rejects.toMatchObject({ code: "TM_QEASY_UNSUPPORTED" });
  });
  it("over a missing or empty list are empty, and fail the row when required", async () => {
    for (const row of ['{"items":[]}', "{}", '{"items":null}'].map(readJson)) {
      expect(await list({ value: "items", children: sku }, row)).toEqual([]);
      await expect(list({ value: "items", children: sku, is_required: true }, row)).rejects.toMatchObject({ code: "TM_QEASY_REQUIRED" });
    }
  });
  it("give each element its own random value", async () => {
    const lines = (await list({ value: "items", children })) as Members[];
    expect(lines[0]!.r).not.toBe(lines[1]!.r);
  });
  it("shadow only their own list", async () => {
    expect(await list({ value: "items", children: [{ field: "own", value: "{{items.sku_id}}" }, { field: "other", value: "{{tags}}" }] })).toEqual([
      { own: "A-001", other: ["vip", "gift"] },
      { own: "B-002", other: ["vip", "gift"] },
    ]);
  });
  it("of plain values and inside of arrays work as well", async () => {
    expect(await list({ value: "tags", children: [{ field: "t", value: "{{tags}}" }] })).toEqual([{ t: "vip" }, { t: "gift" }]);
    const row = readJson('{"items":[{"no":"1","lots":[{"l":"a"},{"l":"b"}]},{"no":"2","lots":[]}]}');
    for (const value of ["items.lots", "lots"]) {
      const inner = { field: "lots", type: "array", value, children: [{ field: "l", value: "{{items.no}}{{items.lots.l}}" }] };
      expect(await list({ value: "items", children: [inner] }, row)).toEqual([{ lots: [{ l: "1a" }, { l: "1b" }] }, { lots: [] }]);
    }
  });
  it("compute in the element", async () => {
    const price = { field: "p", type: "string", value: "_function {{items.price}}*{{items.qty}}" };
    expect(await list({ value: "items", children: [price] })).toEqual([{ p: "100.00" }, { p: "199.90" }]);
  });
});

describe("objects", () => {
  it("whose children all vanish are left out, and fail the row when required", async () => {
    const children = [{ field: "a", value: "{{remark}}" }];
    expect(await one({ type: "object", children })).toBeUndefined();
    await expect(one({ type: "object", children, is_required: true })).rejects.toMatchObject({ code: "TM_QEASY_REQUIRED" });
  });
});

describe("parsers", () => {
  it.each<[object, unknown]>([
    [{ value: "a,b,c", type: "array", parser: { name: "StringToArray", params: "," } }, ["a", "b", "c"]],
    [{ value: ["FID", "FNumber"], parser: { name: "ArrayToString", params: "," } }, "FID,FNumber"],
    [{ value: '{"a":1}', type: "object", parser: { name: "ConvertJson" } }, { a: 1 }],
    [{ value: "{a", type: "object", parser: { name: "ConvertJson" } }, "{a"],
    [{ value: "100", type: "object", parser: { name: "ConvertObjectParser", params: "FNumber" } }, { FNumber: "100" }],
    [{ value: "W1", type: "object", parser: { name: "ConvertTwoStageObjectParser", params1: "FStock", params2: "FNumber" } }, { FStock: { FNumber: "W1" } }],
    [{ value: "x", parser: { name: "K3WiseHeiHuCustomParser", params: "keyName" } }, "x"],
    [{ value: "x", parser: { name: "workflowRequestTableFields" } }, "x"],
    [{ value: "x", parser: { type: "jsonpath" } }, "x"],
    [{ value: "{{remark}}", parser: { name: "StringToArray" } }, undefined],
    [{ value: "a,b", parser: [{ name: "StringToArray" }, { name: "ArrayToString", params: "-" }] }, "a-b"],
  ])("%j gives %j", async (entry, expected) => {
    expect(await one(entry)).toEqual(expected);
  });

  it("FieldKeys without a value holds the names of the response", async () => {
    const text = JSON.stringify({
      api: "ExecuteBillQuery", effect: "QUERY",
      request: [{ field: "FieldKeys", type: "array", is_required: true, parser: { name: "ArrayToString", params: "," } }],
      response: [{ field: "Name" }, { field: "CreateOrgId_Id" }],
    });
    const compiled = compileRequest(importStrategies([{ text }]).source!.strategy, () => undefined);
    expect((await sourceRequest(compiled, context())).request).toEqual({ FieldKeys: "Name,CreateOrgId_Id" });
  });
});

describe("operations of a target", () => {
  const rows = ["1", "2", "3"].map((n) => readJson(`{"n":"${n}"}`));
  const request = [{ field: "n", value: "{{n}}", is_required: true }];

  it.each([undefined, null, { method: "none" }, { operation: { operation: { method: "none" } } }])("%j: one row, one call", async (operation) => {
    const { calls } = await targetCalls(target(request, { operation }), rows, context());
    expect(calls.map(({ rows, body }) => [rows, body])).toEqual([[[0], { n: "1" }], [[1], { n: "2" }], [[2], { n: "3" }]]);
  });

  it("batchArraySave puts rows into lists, and a bad row out of them", async () => {
    const compiled = target(request, { operation: { rowsKey: "array", rows: "2", method: "batchArraySave" }, otherRequest: [{ field: "key", value: "Model" }] });
    const { calls, failed } = await targetCalls(compiled, [rows[0]!, readJson("{}"), rows[1]!, rows[2]!], context());
    expect(calls.map(({ rows, body, listKey }) => [rows, body, listKey])).toEqual([[[0, 2], [{ n: "1" }, { n: "2" }], "Model"], [[3], [{ n: "3" }], "Model"]]);
    expect(failed).toEqual([{ row: 1, error: expect.objectContaining({ code: "TM_QEASY_REQUIRED" }) }]);
  });

  it("rows: 1 is still a list", async () => {
    const { calls } = await targetCalls(target(request, { operation: { rows: 1, method: "batchArraySave" } }), [rows[0]!], context());
    expect(calls[0]!.body).toEqual([{ n: "1" }]);
  });

  it.each(["merge", "splitArray", "somethingElse"])("%s is refused at import, and does not run", async (method) => {
    const text = JSON.stringify({ api: "save", effect: "EXECUTE", request, operation: { method } });
    const { report, target: half } = importStrategies([{ text }]);
    expect(report).toMatchObject({ runnable: false, notices: [{ code: "TM_QEASY_OPERATION", severity: "refused" }] });
    await expect(targetCalls(compileRequest(half!.strategy, () => undefined), rows, context())).rejects.toMatchObject({ code: "TM_QEASY_UNSUPPORTED" });
  });
});

describe("omissionRemedy", () => {
  it("replaces the fields of the same name, and adds the others", async () => {
    const text = JSON.stringify({
      api: "x.query",
      request: [{ field: "begin", value: "{{LAST_SYNC_TIME|datetime}}" }, { field: "end", value: "{{CURRENT_TIME|datetime}}" }, { field: "size", value: "50" }],
      omissionRemedy: { crontab: "2 */2 * * *", takeOverRequest: [
        { field: "begin", value: "{{DAYS_AGO_2|datetime}}" }, { field: "end", value: "{{DAYS_AGO_1|datetime}}" }, { field: "flag", type: "boolean", value: true },
      ] },
    });
    const { strategy } = importStrategies([{ text }]).source!;
    const { report } = notices();
    const remedied = compileRequest(withRemedy(strategy, strategy.omissionRemedy!), report);
    expect((await sourceRequest(remedied, context())).request).toEqual({ begin: "2024-03-13 10:30:00", end: "2024-03-14 10:30:00", size: "50", flag: true });
    expect((await sourceRequest(compileRequest(strategy, report), context())).request).toEqual({ begin: "2024-03-15 10:00:00", end: "2024-03-15 10:30:00", size: "50" });
  });
});
