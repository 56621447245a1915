import { describe, expect, it } from "vitest";
import { importStrategies, maskSecrets, readJson, writeJson, type Imported, type ImportOptions } from "../../src/qeasy/index.ts";

const load = (text: string, options: ImportOptions = {}): Imported => importStrategies([{ text }], options);
const source = (text: string): string => writeJson(load(text).source!.json);
const codes = (text: string, options: ImportOptions = {}): string[] => load(text, options).report.notices.filter(({ severity }) => severity !== "info").map(({ code }) => code);
const PLAIN = '{"api":"a.query","id":"o_id"}';

describe("JSON as people paste it", () => {
  it.each<[string, string]>([
    ["a byte order mark, CRLF and odd blanks", '\uFEFF{\r\n\u00A0"api":\u3000"a.query",\u200B"id":"o_id"}\r\n'],
    ["comments and trailing commas", '// source\n{"api":"a.query", /* key */ "id":"o_id",}'],
    ["other quotes and keys without quotes", `{api:'a.query','id':"o_id"}`],
    ["curly quotes and full-width punctuation", "{“api”：“a.query”，“id”：“o_id”}"],
    ["HTML entities", "{&quot;api&quot;:&quot;a.query&quot;,&quot;id&quot;:&quot;o_id&quot;}"],
    ["a code fence", '```json\n{"api":"a.query","id":"o_id"}\n```'],
    ["prose round it", '这是源平台的元数据（don\'t lose it）: {"api":"a.query","id":"o_id"} 谢谢'],
    ["JSON as a text of JSON", JSON.stringify(PLAIN)],
    ["a wrapper", '{"metadata":{"api":"a.query","id":"o_id"}}'],
    ["a wrapper whose content is text", JSON.stringify({ source: PLAIN })],
    ["a list of one", `[${PLAIN}]`],
    ["a duplicate key: the last wins", '{"api":"b.query","id":"o_id","api":"a.query"}'],
  ])("%s", (_, text) => {
    const { source, report } = load(text);
    expect(readJson(writeJson(source!.json))).toEqual(readJson(PLAIN));
    expect(source!.original).toBe(text);
    expect(report.runnable).toBe(true);
    expect(report.notices.map(({ code }) => code)).toEqual(expect.arrayContaining([expect.stringMatching(/^TM_QEASY_(?:REPAIRED|WRAPPER|DUPLICATE_KEY|ID_CHECK)$/)]));
    if (!text.startsWith("[")) expect(report.notices.filter(({ code }) => code !== "TM_QEASY_ID_CHECK")).not.toEqual([]);
  });

  it("good JSON is repaired in nothing", () => {
    expect(codes(PLAIN)).toEqual([]);
  });

  it("odd blanks and punctuation inside of texts stay", () => {
    const text = '{"api":"a.query","name":"\\u00a0 x\u3000，：“y” // no comment &amp; {z}"}';
    expect(source(text)).toBe('{"api":"a.query","name":"\u00A0 x\u3000，：“y” // no comment &amp; {z}"}');
  });

  it("numbers keep their digits", () => {
    expect(source('{"api":"a.query","a":12345678901234567890,"b":1.50,/**/"c":-0}')).toBe('{"api":"a.query","a":12345678901234567890,"b":1.50,"c":-0}');
  });

  it("class paths keep single and double backslashes", () => {
    expect(source('{"api":"a.query","adapter":"\\Adapter\\\\GuanYi"}')).toBe('{"api":"a.query","adapter":"\\\\Adapter\\\\GuanYi"}');
  });

  it.each<[string, RegExp]>([
    ['{"api":"a.query",\n "request":[{"field":"x"', /cut off.*line 2, column 25/],
    ['{"api":"a.que', /line 1, column 8.*cut off/],
    ['{\n"api":', /cut off.*line 2, column 7/],
    ['{"api":"a.query"', /cut off.*line 1, column 17/],
    ['{"api" "a.query"}', /line 1, column 8/],
    ['{"api":"a.query",\n"id":["a" "b"]}', /line 2, column 11/],
    ['{"api":"a.query" ? }', /line 1, column 18/],
    ['{"api":"x}', /line 1, column 8.*cut off/],
    [`${'{"a":'.repeat(200)}1${"}".repeat(200)}`, /deeper than 100/],
  ])("%s is refused with line and column; nothing is imported", (text, message) => {
    expect(() => load(text)).toThrow(expect.objectContaining({ code: "TM_QEASY_JSON", message: expect.stringMatching(message) }));
  });

  it.each(["", "no strategy here", "12", "[]", "null"])("%j is refused", (text) => {
    expect(() => load(text)).toThrow(expect.objectContaining({ code: "TM_QEASY_JSON" }));
  });
});

describe("source and target", () => {
  const sides = (text: string): (string | undefined)[] => [load(text).source?.strategy.api, load(text).target?.strategy.api];
  it.each<[string, string, (string | undefined)[]]>([
    ["two objects in one paste", '{"api":"orders.query"}\n{"api":"写入空操作"}', ["orders.query", "写入空操作"]],
    ["the other way round", '目标：{"api":"写入空操作"} 源：{"api":"orders.query"}', ["orders.query", "写入空操作"]],
    ["a wrapper", '{"target":{"api":"x"},"source":{"api":"y"}}', ["y", "x"]],
    ["effect", '{"api":"x","effect":"EXECUTE"}', [undefined, "x"]],
    ["type", '{"api":"save.log","type":"QUERY"}', ["save.log", undefined]],
    ["type as the documents print it", '{"api":"x","type":"WRITE"}', [undefined, "x"]],
    ["the API's name", '{"api":"batchSave"}', [undefined, "batchSave"]],
    ["its keys", '{"api":"x","pagination":{"pageSize":5}}', ["x", undefined]],
    ["effect before type", '{"api":"x","effect":"QUERY","type":"EXECUTE"}', ["x", undefined]],
    ["their order, where nothing else tells", '[{"api":"x"},{"api":"y"}]', ["x", "y"]],
  ])("are told apart by %s", (_, text, expected) => {
    expect(sides(text)).toEqual(expected);
  });

  it("are asked for where nothing tells, and taken as told", () => {
    expect(load('{"api":"x"}')).toMatchObject({ source: undefined, target: undefined, report: { runnable: false, notices: [{ code: "TM_QEASY_SIDE" }] } });
    expect(importStrategies([{ text: '{"api":"x"}', side: "target" }]).target!.strategy.api).toBe("x");
  });

  it("a second source is left out, and said", () => {
    expect(codes('[{"api":"a.query"},{"api":"b.query"}]')).toEqual(["TM_QEASY_SUPERFLUOUS"]);
  });

  it("disagreement is noticed", () => {
    expect(codes('{"api":"x","effect":"QUERY","type":"EXECUTE"}')).toEqual(["TM_QEASY_EFFECT"]);
    const { report } = importStrategies([{ text: '{"api":"x","effect":"QUERY","type":"EXECUTE"}', side: "source" }]);
    expect(report.notices.map(({ code }) => code)).toEqual(["TM_QEASY_EFFECT"]);
  });
});

describe("values in other spellings", () => {
  const strategy = (more: object): NonNullable<Imported["source"]>["strategy"] => load(JSON.stringify({ api: "a.query", ...more })).source!.strategy;
  it.each<[object, object]>([
    [{ method: "POST |" }, { method: "POST" }],
    [{ method: "get" }, { method: "GET" }],
    [{ api: " a.query " }, { api: "a.query" }],
    [{ idCheck: "true" }, { idCheck: true }],
    [{ idCheck: 1 }, { idCheck: true }],
    [{ idCheck: false }, { idCheck: false }],
    [{ idCheck: "false" }, { idCheck: false }],
    [{}, { idCheck: true, method: "POST", pageSize: 50, request: [], number: undefined }],
    [{ id: "o_id" }, { id: "o_id", number: "o_id" }],
    [{ pagination: { pageSize: "100" } }, { pageSize: 100 }],
    [{ pagination: { pageSize: 0 } }, { pageSize: 50 }],
    [{ pagination: { pageSize: -5 } }, { pageSize: 50 }],
    [{ request: [{ field: "page_size", value: "30" }] }, { pageSize: 30 }],
    [{ operation: { operation: { method: "splitArray", arrayKey: "items" } } }, { operation: { method: "splitArray", arrayKey: "items" } }],
    [{ operation: null }, { operation: { method: "none" } }],
    [{ request: null }, { request: [] }],
  ])("%j is read as %j", (given, expected) => {
    expect(strategy(given)).toMatchObject(expected);
  });

  it("a page size above the source's maximum is cut down, and said", () => {
    const { source, report } = load('{"api":"a.query","pagination":{"pageSize":10000}}', { maxPageSize: 100 });
    expect(source!.strategy.pageSize).toBe(100);
    expect(report.notices).toEqual([expect.objectContaining({ code: "TM_QEASY_PAGE_SIZE" })]);
  });

  it.each<[string, object, string[]]>([
    ["an unknown key is kept and reported", { mapping: {}, jsonEncode: true }, []],
    ["wrong shapes refuse their key", { beatFlat: "items", request: "x" }, ["TM_QEASY_SHAPE", "TM_QEASY_SHAPE"]],
    ["an unknown operation of a source is read as none", { operation: { method: "odd" } }, ["TM_QEASY_OPERATION"]],
    ["a crontab that cannot be taken over", { omissionRemedy: { crontab: "0 0 L * ?" } }, ["TM_QEASY_CRON"]],
    ["an expression of the remedy that cannot be read", { omissionRemedy: { crontab: "5 * * * *", takeOverRequest: [{ field: "a", value: "_function NO_SUCH(1)" }] } }, ["TM_QEASY_FUNCTION_UNKNOWN"]],
    ["children below a plain entry", { request: [{ field: "a", type: "string", value: "x", children: [{ field: "b" }] }] }, ["TM_QEASY_CHILDREN"]],
    ["an unknown type", { request: [{ field: "a", type: "money", value: "1.0" }] }, ["TM_QEASY_TYPE"]],
    ["an unknown parser", { request: [{ field: "a", value: "1.0", parser: { name: "X" } }] }, ["TM_QEASY_PARSER"]],
    ["an empty field", { request: [{ field: "", value: "x" }] }, ["TM_QEASY_FIELD_NAME"]],
    ["credentials", { otherRequest: [{ field: "systemToken", value: "abcdef" }] }, ["TM_QEASY_SECRET"]],
    ["lookups in strategies that are not here", { request: [{ field: "a", value: "_findCollection find x from 123-abc where y='1'" }] }, ["TM_QEASY_LOOKUP_STRATEGY"]],
  ])("%s", (_, more, expected) => {
    const text = JSON.stringify({ api: "a.query", ...more });
    expect(codes(text, { strategies: [] })).toEqual(expected);
    expect(source(text)).toBe(text);
  });

  it("entries nested too deeply are refused", () => {
    let entry: object = { field: "x", value: "1" };
    for (let i = 0; i < 40; i++) entry = { field: "x", type: "object", children: [entry] };
    expect(codes(JSON.stringify({ api: "a.query", request: [entry] }))).toEqual(["TM_QEASY_DEPTH"]);
  });
});

describe("credentials", () => {
  it("are masked for screens; templates, placeholders and other values stay", () => {
    const json = readJson('{"otherRequest":[{"field":"systemToken","value":"abcdef"},{"field":"token","value":"{{token}}"},{"field":"secret","value":"1"}],"password":"hunter22","id":"o_id"}');
    expect(writeJson(maskSecrets(json))).toBe(
      '{"otherRequest":[{"field":"systemToken","value":"***"},{"field":"token","value":"{{token}}"},{"field":"secret","value":"1"}],"password":"***","id":"o_id"}',
    );
  });
});
