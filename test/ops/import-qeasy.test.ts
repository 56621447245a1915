import { expect, test } from "vitest";
import { importQeasy } from "../../src/ops/import-qeasy.ts";
import { CATALOGUE, findApi } from "../../src/source/jushuitan/index.ts";
import { codes, fixture, imported, loaded, NO_OP, NOW, ORDERS } from "./import-support.ts";

test("the pair that Tidemark was founded on, without editing", async () => {
  const pair = await importQeasy([{ text: fixture("seed-refresh-token.json") }, { text: fixture("seed-write-noop.json") }], { now: NOW, name: "tokens" });
  expect(codes(pair, "refused")).toEqual([]);
  expect(pair.report.keys.find(({ key }) => key === "number")?.text).toContain("count of its rows");
  expect(await loaded(pair)).toMatchObject({
    name: "tokens", source: { account: "simple", api: "refresh.token", number: "msg", cursor: "window", pageSize: 50 }, mapping: { id: "id" },
    target: { use: "qeasy", api: "写入空操作", baseUrl: "http://127.0.0.1:9", idCheck: true },
  });
});

test("a list: window and pages belong to the cursor, fixed values are parameters, schedules and remedy are taken over", async () => {
  const result = await imported({
    ...ORDERS, idCheck: false, pagination: { pageSize: 500 }, crontab: "0 */5 * * * ?", omissionRemedy: { crontab: "10 2 * * *", takeOverRequest: [{ field: "modified_begin", type: "string", value: "{{DAYS_AGO_2|datetime}}" }] },
    request: [
      { field: "modified_begin", type: "string", value: "{{LAST_SYNC_TIME|datetime}}" }, { field: "modified_end", type: "string", value: "{{CURRENT_TIME|datetime}}" }, { field: "page_index", type: "string", value: "{{PAGINATION_START_PAGE}}" },
      { field: "page_size", type: "string", value: "{{PAGINATION_PAGE_SIZE}}" }, { field: "status", type: "string", value: "Sent" }, { field: "shop_id", type: "int", value: "7" }, { field: "start_ts", value: "0" }, { field: "empty", type: "string", value: null },
      { field: "status", type: "string", value: "" }, { field: "order_status", default: "WaitConfirm" },
    ],
  });
  expect(await loaded(result)).toMatchObject({
    source: { account: "main", api: "/open/orders/single/query", pageSize: 100, cursor: "auto", from: Date.UTC(2025, 11, 31, 16), params: { status: "Sent", shop_id: 7, order_status: "WaitConfirm" } },
    schedule: { crons: ["*/5 * * * *"] }, audit: { crons: ["10 2 * * *"], repair: true, lastMs: 3 * 86_400_000 }, mapping: { id: "o_id" }, target: { idCheck: false },
  });
  expect(codes(result, "warning")).toEqual(["TM_QEASY_PAGE_SIZE source.pagination", "TM_QEASY_DUPLICATE_FIELD source.request", "TM_QEASY_FROM source.request"]);
  expect(result.report.keys.find(({ key }) => key === "idCheck")?.text).toContain("sent again");
});

test.each(["{{DAYS_AGO_2|datetime}}", "_function DATE_SUB(NOW(), INTERVAL 1 DAY)", ""])("a window that moves by %j is the cursor's", async (value) => {
  const result = await imported({ ...ORDERS, request: [{ field: "modified_begin", value }, { field: "modified_end", value: "_function NOW()" }] });
  expect((await loaded(result)).source).toMatchObject({ from: Date.UTC(2025, 11, 31, 16), params: {} });
});

test("a fixed begin is from; what is read whole needs neither a date nor an audit", async () => {
  const begin = await imported({ ...ORDERS, request: [{ field: "modified_begin", value: "2026-01-05 08:00:00" }] });
  expect((await loaded(begin)).source.from).toBe(Date.UTC(2026, 0, 5));
  const shops = await imported({ api: "shops.query", id: "shop_id", omissionRemedy: { crontab: "10 2 * * *", takeOverRequest: [] } });
  expect(await loaded(shops)).toMatchObject({ source: { from: "all", cursor: "snapshot" }, audit: null });
});

test.each([
  ["two days of which either counts", "0 1 1 * 1", ["0 1 1 * *", "0 1 * * 1"]],
  ["seconds", " 15 */5 * * * *", ["15 */5 * * * * *"]],
])("a crontab with %s is taken over as it is written", async (_, crontab, crons) => {
  const result = await imported({ ...ORDERS, crontab, omissionRemedy: { crontab, takeOverRequest: [] } });
  expect(result.pipeline).toMatchObject({ schedule: { cron: crontab.trim() }, audit: { cron: crontab.trim() } });
  expect(await loaded(result)).toMatchObject({ schedule: { crons }, audit: { crons } });
  expect(result.report.keys.find(({ key }) => key === "crontab")).toMatchObject({ outcome: "translated" });
});

test.each([
  ["what no schedule says", "0 0 1 L * ?", "no L, W or #"],
  ["a weekday that may be another", "0 0 1 ? * 2", "Quartz counts from Sunday"],
])("a crontab with %s is left out, and said", async (_, crontab, why) => {
  const result = await imported({ ...ORDERS, crontab, omissionRemedy: { crontab, takeOverRequest: [] } });
  expect(await loaded(result)).toMatchObject({ schedule: null, audit: null });
  for (const key of ["crontab", "omissionRemedy"]) expect(result.report.keys.find((each) => each.key === key)).toMatchObject({ outcome: "refused", text: expect.stringContaining(key === "crontab" ? why : "") });
});

const request = (entry: object): object => ({ ...ORDERS, request: [{ field: "x", type: "string", ...entry }] });

test.each<[string, object, object, string]>([
  ["a row split into rows of one id", { ...ORDERS, operation: { method: "splitArray", arrayKey: "items" } }, NO_OP, "source.id"],
  ["a token for the target", { api: "refresh.token", id: "msg" }, { ...NO_OP, request: [{ field: "t", value: "{{token}}" }] }, "target.request"],
  ["a filter of the rows of a call", { api: "refresh.token", id: "msg", condition: [[{ field: "id", logic: "eq", value: "1" }]] }, NO_OP, "source.api"],
  ["a comparison that is not known", { ...ORDERS, condition: [[{ field: "status", logic: "near", value: "Sent" }]] }, NO_OP, "source.condition"],
  ["a parameter that moves", request({ value: "_function UUID()" }), NO_OP, "source.request.x"],
  ["a parameter inside of which something moves", request({ type: "object", children: [{ field: "since", value: "{{DAYS_AGO_7|date}}" }] }), NO_OP, "source.request.x"],
  ["a begin that is no time", request({ field: "modified_begin", value: "1" }), NO_OP, "source.request.modified_begin"],
  ...(["{{LAST_SYNC_TIME|datetime}}", "{DAYS_AGO_2|datetime}", "timestamp:{{CURRENT_TIME}}", "_function FROM_UNIXTIME(UNIX_TIMESTAMP() - 3600)", "_function IF('{{PAGINATION_START_PAGE}}'='1',1,2)", "_function _findCollection find a from b where c={{d}} _endFind", "_findCollection find a from b where c={{d}}"] as const)
    .map((value): [string, object, object, string] => [`a condition with ${value}`, { ...ORDERS, condition: [[], [{ field: "modified", logic: "gt", value }]] }, NO_OP, "source.condition[1][0]"]),
  ["an API of nobody that is known", { ...ORDERS, api: "orders.singel.query" }, NO_OP, "source.api"],
  ["a condition on what beatFlat makes later", { ...ORDERS, beatFlat: ["items"], condition: [[{ field: "items_qty", logic: "gt", value: "0" }]] }, NO_OP, "source.condition[0][0]"],
  ["a format of what beatFlat makes later", { ...ORDERS, beatFlat: ["items"], formatResponse: [{ old: "items_price", new: "p", format: "round(2)" }] }, NO_OP, "source.formatResponse[0]"],
  ["a remedy that selects other rows", { ...request({ field: "status", value: "Sent" }), omissionRemedy: { crontab: "10 2 * * *", takeOverRequest: [{ field: "status", value: "Delivering" }] } }, NO_OP, "source.omissionRemedy.takeOverRequest.status"],
  ["a remedy that drops a selection", { ...request({ field: "status", value: "Sent" }), omissionRemedy: { crontab: "10 2 * * *", takeOverRequest: [{ field: "status", value: null }] } }, NO_OP, "source.omissionRemedy.takeOverRequest.status"],
  ["a remedy that is none", { ...ORDERS, omissionRemedy: "10 2 * * *" }, NO_OP, "source.omissionRemedy"],
  ["a call back among the target's answers", ORDERS, { ...NO_OP, response: [{ field: "callBackStrategy", type: "object", children: [{ field: "strategyId", value: "x" }, { field: "no", value: "{{so_id}}" }] }] }, "target.response.callBackStrategy"],
  ["a window of another time", request({ field: "send_begin", value: "{{LAST_SYNC_TIME|datetime}}" }), NO_OP, "source.request.send_begin"],
  ["a window with an end", request({ field: "modified_end", value: "2026-01-01" }), NO_OP, "source.request.modified_end"],
  ["another choice of time", { ...ORDERS, api: "orders.out.simple.query", request: [{ field: "date_type", value: "99" }] }, NO_OP, "source.request.date_type"],
  ["the same among other parameters", { ...ORDERS, api: "orders.out.simple.query", otherRequest: [{ field: "date_type", value: "99" }] }, NO_OP, "source.otherRequest.date_type"],
  ["a credential", request({ field: "access_token", value: "hush-hush" }), NO_OP, "source.request.access_token"],
  ["digits that would be lost", request({ type: "int", value: "20260101000000455" }), NO_OP, "source.request.x"],
  ["a required parameter without value", request({ is_required: true }), NO_OP, "source.request.x"],
  ["a parameter for a call", { api: "refresh.token", id: "msg", request: [{ field: "x", value: "1" }] }, NO_OP, "source.request.x"],
  ["a parameter that the config refuses", request({ field: "archive", value: "true" }), NO_OP, "pipelines.orders-single.source.params.archive"],
  ["an API of another ERP", { api: "trade_query.php", id: "assId" }, NO_OP, "source.api"],
  ["a target of another ERP", ORDERS, { api: "batchSave", effect: "EXECUTE" }, "target.api"],
  ["documents of several records", ORDERS, { ...NO_OP, groupCalculate: { headerGroup: ["shop_id"], bodyGroup: [], calculate: {} } }, "target.groupCalculate"],
  ["lines that all have one id", { ...ORDERS, beatFlat: ["items"] }, { ...NO_OP, request: [{ field: "id", value: "{{o_id}}" }] }, "target.request.id"],
  ...(["{{random}}", "JST{{CURRENT_TIME}}", "_function UUID()", "1"] as const).map((value): [string, object, object, string] => [`records of the id ${value}`, ORDERS, { ...NO_OP, request: [{ field: "id", value }] }, "target.request.id"]),
  ["a call back", ORDERS, { ...NO_OP, callBackStrategy: { strategyId: "x" } }, "target.callBackStrategy"],
  ["a secret", ORDERS, { ...NO_OP, request: [{ field: "app_secret", value: "hush-hush" }] }, "target.request.app_secret"],
])("no pipeline is written for %s", async (_, source, target, path) => {
  const result = await imported(source, target);
  expect([result.config, result.pipeline, result.report.runnable]).toEqual([null, null, false]);
  const refused = result.report.notices.filter(({ severity }) => severity === "refused");
  expect(refused.map((each) => each.path.slice(0, path.length))).toEqual(refused.map(() => path));
  expect(refused.length).toBeGreaterThan(0);
});

test.each<[string, object, object, string]>([
  ["a filter of rows", { ...ORDERS, condition: [[{ field: "status", logic: "eq", value: "Sent" }]] }, NO_OP, "source.condition"],
  ["rows split by a list", { ...ORDERS, id: "items.oi_id", operation: { method: "splitArray", arrayKey: "items" } }, NO_OP, "source.operation"],
  ["flattened lists", { ...ORDERS, beatFlat: ["items"] }, NO_OP, "source.beatFlat"],
  ["formatted fields", { ...ORDERS, formatResponse: [{ old: "a", new: "b", format: "date" }] }, NO_OP, "source.formatResponse"],
  ["an id that lies deeper", { ...ORDERS, id: "warehouse.code" }, NO_OP, "source.id"],
  ["documents of one record with its id", { ...ORDERS, beatFlat: ["items"] }, { ...NO_OP, request: [{ field: "id", value: "{{o_id}}" }], groupCalculate: { headerGroup: ["o_id"], bodyGroup: ["items_sku_id"], calculate: { items_qty: "$sum" } } }, "target.groupCalculate"],
  ["documents of one record", { ...ORDERS, beatFlat: ["items"] }, { ...NO_OP, groupCalculate: { headerGroup: ["o_id"], bodyGroup: ["items_sku_id"], calculate: { items_qty: "$sum" } } }, "target.groupCalculate"],
  ...([
    ["a number", { field: "f", type: "int", value: "{{qty}}" }], ["a truth", { field: "f", type: "boolean", value: "{{paid}}" }], ["an expression", { field: "f", value: "_function 1+{{qty}}" }],
    ["a lookup", { field: "f", value: "_findCollection find a from b where c={{d}}" }], ["a time", { field: "f", value: "{{CURRENT_TIME|datetime}}" }], ["a filter", { field: "f", value: "{{modified|date}}" }],
    ["a path", { field: "f", value: "{{items.qty}}" }], ["fields with nothing between", { field: "f", value: "{{a}}{{b}}" }], ["a parser", { field: "f", value: "{{labels}}", parser: { name: "StringToArray", params: "," } }], ["another id", { field: "id", type: "string", value: "{{so_id}}" }],
    ["an object that may vanish", { field: "f", type: "object", children: [{ field: "a", value: "{{b}}" }] }], ["a list without a name", { field: "f", type: "array", children: [{ field: "a", value: "{{items.b}}" }] }],
    ["a required list", { field: "f", type: "array", value: "items", is_required: true, children: [{ field: "a", value: "{{items.b}}" }] }], ["a whole list in itself", { field: "f", type: "array", value: "items", children: [{ field: "a", value: "{{items}}" }] }],
  ] as const).map(([what, entry]): [string, object, object, string] => [`${what} in the target's request`, ORDERS, { ...NO_OP, request: [entry] }, `target.request.${entry.field}`]),
])("%s runs as it is, from the strategy's files", async (_, source, target, path) => {
  const result = await imported({ ...source, pagination: { pageSize: 20 }, idCheck: false, crontab: "*/5 * * * *" }, target);
  expect(codes(result, "refused")).toEqual([]);
  expect(result.report.notices.find(({ code }) => code === "TM_QEASY_AS_IS")!.text).toContain(path);
  expect(result.pipeline).toMatchObject({ source: { account: "main", qeasy: "./orders-single.source.json", from: "2026-01-01" }, target: { use: "qeasy", qeasy: "./orders-single.target.json" } });
  expect(await loaded(result)).toMatchObject({
    source: { api: "/open/orders/single/query", pageSize: 20, from: Date.UTC(2025, 11, 31, 16) }, schedule: { crons: ["*/5 * * * *"] }, mapping: { qeasy: { hash: expect.stringMatching(/^[0-9a-f]{64}$/) as string } },
    target: { api: "写入空操作", idCheck: false },
  });
});

test("a remedy that repeats what the request selects needs no word; without counts an audit is dear, which is said", async () => {
  const omissionRemedy = { crontab: "10 * * * *", adapter: "X", takeOverRequest: [{ field: "status", value: "Sent" }, { field: "page_size", value: "20" }, { field: "modified_begin", value: "2026-01-01" }] };
  const quiet = await imported({ ...request({ field: "status", value: "Sent" }), adapter: "X", omissionRemedy });
  expect(codes(quiet, "warning").filter((each) => each.includes("omissionRemedy"))).toEqual([]);
  const dear = await imported({ ...ORDERS, api: "skumap.query", id: "shop_sku_id", omissionRemedy: { crontab: "10 * * * *" } });
  expect(dear.report.notices).toContainEqual(expect.objectContaining({ code: "TM_QEASY_AUDIT", severity: "warning", text: expect.stringContaining("reads all rows") as string }));
  const times = (begin: string) => [{ field: "modified_begin", value: begin }, { field: "modified_end", value: "{{CURRENT_TIME|datetime}}" }];
  const shops = await imported({ ...ORDERS, api: "shops.query", id: "shop_id", request: times("{{LAST_SYNC_TIME|datetime}}"), omissionRemedy: { crontab: "10 * * * *", takeOverRequest: times("{{DAYS_AGO_2|datetime}}") } });
  expect(codes(shops, "refused")).toEqual([]);
  expect(shops.report.keys.find(({ key }) => key === "omissionRemedy")).toMatchObject({ outcome: "kept" });
});

test("a time that an API read whole is asked by is left out, and said; so is a version to begin at", async () => {
  const shops = await imported({ api: "shops.query", id: "shop_id", request: [{ field: "since", value: "{{LAST_SYNC_TIME|datetime}}" }] });
  expect((await loaded(shops)).source.params).toEqual({});
  expect(codes(shops, "warning")).toContain("TM_QEASY_UNUSED source.request.since");
  expect(codes(shops, "info")).not.toContain("TM_QEASY_WINDOW source.request");
  expect(codes(await imported(request({ field: "start_ts", value: "123" })), "warning")).toContain("TM_QEASY_UNUSED source.request.start_ts");
});

test("PHP's empty lists in place of objects are nothing", async () => {
  const result = await imported({ ...ORDERS, operation: [], omissionRemedy: [], condition: [] }, { ...NO_OP, operation: [], groupCalculate: [], callBackStrategy: [] });
  expect([codes(result, "refused"), result.files]).toEqual([[], { source: null, target: null }]);
});

test("what is no number by its type is said at import, as is what is required and has no value", async () => {
  expect(codes(await imported(request({ type: "int", value: "seven" })), "warning")).toContain("TM_QEASY_CAST source.request.x");
  const never = await imported(ORDERS, { ...NO_OP, request: [{ field: "no", value: "{{so_id}}" }, { field: "must", is_required: true }, { field: "lines", type: "array", value: "items", children: [{ field: "empty", value: "", is_required: 1 }, { field: "list", type: "array", value: "lots", is_required: 1 }] }] });
  expect(codes(never, "warning").filter((each) => each.startsWith("TM_QEASY_SHAPE"))).toEqual(["TM_QEASY_SHAPE target.request.must", "TM_QEASY_SHAPE target.request.lines.empty"]);
});

test("names that objects have by themselves are fields like others, but for the one that no config holds", async () => {
  expect((await loaded(await imported(request({ field: "constructor", value: "x" })))).source.params).toEqual({ constructor: "x" });
  expect(codes(await imported(request({ field: "__proto__", value: "x" })), "refused")).toEqual(["TM_QEASY_NOT_YET source.request.__proto__"]);
  expect((await imported(ORDERS, { ...NO_OP, request: [{ field: "__proto__", value: "{{so_id}}" }] })).files.target).not.toBeNull();
});

test("an operation that is a word is that method", async () => {
  expect(codes(await imported(ORDERS, { ...NO_OP, operation: "merge" }), "refused")).toEqual(["TM_QEASY_OPERATION target.operation"]);
  expect(codes(await imported(ORDERS, { ...NO_OP, operation: "none" }), "refused")).toEqual([]);
});

test("what otherRequest says is a parameter where the API has one of that name; nothing is known of the rest", async () => {
  const result = await imported({ ...ORDERS, otherRequest: [{ field: "status", value: "Sent" }, { field: "appType", value: "x" }] }, { ...NO_OP, otherRequest: [{ field: "key", value: "datas" }] });
  expect((await loaded(result)).source.params).toEqual({ status: "Sent" });
  expect(result.report.notices.filter(({ path }) => path.includes("otherRequest")).map(({ code, path }) => [code, path])).toEqual([
    ["TM_QEASY_OTHER_REQUEST", "source.otherRequest.status"], ["TM_QEASY_UNUSED", "source.otherRequest.appType"], ["TM_QEASY_UNUSED", "target.otherRequest.key"],
  ]);
});

test("a list of fixed values is one; an id that is looked up, or calculated, runs as it is", async () => {
  const result = await imported(request({ field: "so_ids", type: "array", value: ["1", "_function 1+1", { a: null }] }));
  expect([(await loaded(result)).source.params, codes(result, "warning").filter((each) => each.includes("so_ids"))]).toEqual([{ so_ids: ["1", 2, { a: null }] }, []]);
  for (const value of ["_findCollection find a from b where c={{d}}", "_function CONCAT('JST-','{{so_id}}')"]) expect((await imported(ORDERS, { ...NO_OP, request: [{ field: "id", value }] })).files.target).not.toBeNull();
});

test("a parameter by an expression that stands still is its value", async () => {
  expect((await loaded(await imported(request({ value: "_function CONCAT('Se','nt')" })))).source.params).toEqual({ x: "Sent" });
});

test("an API is found by path, old method, or either with other signs; no two are taken for each other", () => {
  for (const api of CATALOGUE) {
    for (const name of [api.path, api.method ?? api.path, api.path.replace(/^\//, ""), api.path.replaceAll("/", "."), api.path.replace("/open/", "").toUpperCase()]) expect(findApi(name)?.path).toBe(api.path);
  }
  expect([findApi(""), findApi("orders"), findApi("executeBillQuery")]).toEqual([undefined, undefined, undefined]);
});
