import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { openMapper } from "../../src/mapping/mapper.ts";
import { importQeasy, type ImportedPipeline } from "../../src/ops/import-qeasy.ts";
import { compileRequest, importStrategies, readJson, targetCalls, writeJson } from "../../src/qeasy/index.ts";
import { CATALOGUE, findApi } from "../../src/source/jushuitan/index.ts";
import { folderWith } from "../config/support.ts";
import { context } from "../qeasy/support.ts";

const FIXTURES = new URL("../qeasy/fixtures/", import.meta.url);
const NOW = Date.UTC(2026, 0, 31, 4);
const NO_OP = { api: "写入空操作", method: "POST", idCheck: true };
const ORDERS = { api: "orders.single.query", method: "POST", id: "o_id" };

const fixture = (name: string): string => readFileSync(new URL(name, FIXTURES), "utf8");
const imported = (source: object, target: object = NO_OP): Promise<ImportedPipeline> => importQeasy([{ text: JSON.stringify(source) }, { text: JSON.stringify(target) }], { now: NOW });

/** The pipeline of a config as it was written, with its files beside it, loaded as any other. */
async function loaded({ name, config, files, strategies }: ImportedPipeline) {
  const kept = (["source", "target"] as const).flatMap((side) => (files[side] === null ? [] : [[files[side], strategies[side]!]]));
  const folder = folderWith({ "tidemark.config.ts": config!, ...(Object.fromEntries(kept) as Record<string, string>) });
  return (await loadConfig({ folder, env: { JST_APP_KEY: "k", JST_APP_SECRET: "s", QEASY_BASE_URL: "http://127.0.0.1:9" } })).pipelines[name]!;
}

const codes = ({ report }: ImportedPipeline, severity: string): string[] => report.notices.filter((each) => each.severity === severity).map(({ code, path }) => `${code} ${path}`);

const READS_ONLY = "Tidemark reads 聚水潭 (Jushuitan) only";
const WRITES = "records go to 写入空操作, a database, or a module of your own. Import the source's half alone, and set target in the config";
const NO_SOURCE = "TM_QEASY_HALF source: a half of the strategy was not given: there is nothing to read: give the file with the source's half too";
const source = (api: string, owner: string) => [`TM_QEASY_API_FOREIGN source.api: an API that Tidemark does not run: "${api}" is of ${owner}; ${READS_ONLY}`];
const target = (api: string, whose: string) => [`TM_QEASY_API_FOREIGN target.api: an API that Tidemark does not run: "${api}" is ${whose}: ${WRITES}`, NO_SOURCE];
const kingdee = target("batchSave", "of 金蝶云星空 (Kingdee K3Cloud), which Tidemark does not write to");
const piece = (side: string) => [`TM_QEASY_SHAPE ${side}.api: a value of the wrong shape: api is missing: this is a piece of a strategy, and nothing says what it calls; give all of it`, ...(side === "target" ? [NO_SOURCE] : [])];
/** Of each example: null where it runs, else the reasons that are given, in their order. */
const EXAMPLES: Record<string, string[] | null> = {
  "001-jst-orders-single-query-v1.json": null,
  "004-k3cloud-sales-return-modelled.json": kingdee,
  "005-k3cloud-purchase-return-v4.json": kingdee,
  "006-k3cloud-jst-sales-return-v1.json": kingdee,
  "018-jiuzhoutong-group-buy-list.json": source("/customerApi/groupBuyList", "九州通 (Jointown)"),
  "020-jst-v2-inventory-upload-v3.json": target("/open/jushuitan/inventoryv2/upload", "an interface of 聚水潭 (Jushuitan), which Tidemark only reads"),
  "025-k3cloud-query-return-notice-v1.json": source("executeBillQuery", "金蝶云星空 (Kingdee K3Cloud)"),
  "030-k3cloud-sales-return-findcollection.json": kingdee,
  "032-wdt-purchase-order-query-v1.json": source("wdt.purchase.order.query", "旺店通 (Wangdiantong)"),
  "033-xingchen-v2-customer-query-v3.json": source("/jdy/v2/bd/customer", "金蝶云星辰 (Kingdee Xingchen)"),
  "037-guanyi-qimen-deliverys-history-detail-v1.json": source("gy.erp.trade.deliverys.history.get", "管易云 (Guanyi)"),
  "039-k3cloud-query-unit-to-mes.json": source("ExecuteBillQuery", "金蝶云星空 (Kingdee K3Cloud)"),
  "040-k3cloud-query-supplier-docs.json": source("executeBillQuery", "金蝶云星空 (Kingdee K3Cloud)"),
  "042-remedy-two-days.json": piece("source"),
  "046-remedy-mixed-types.json": piece("source"),
  "047-remedy-unixtime.json": piece("source"),
  "048-jst-purchasein-condition.json": null,
  "049-condition-timestamp.json": piece("source"),
  "050-target-write-back.json": piece("target"),
  "051-group-calculate.json": piece("target"),
  "052-format-response.json": piece("source"),
  "053-wdt-trade-query-docs.json": source("trade_query.php", "旺店通 (Wangdiantong)"),
  "054-other-response-keys.json": piece("source"),
  "055-yonbip-product-list-v1.json": source("/yonbip/digitalModel/product/list", "用友 YonBIP"),
  "056-k3cloud-jackyun-purchase-in.json": kingdee,
  "057-wdt-xingchen-purchase-request.json": piece("target"),
  "seed-refresh-token.json": null,
  "seed-write-noop.json": [NO_SOURCE],
};

test("the table has every example", () => {
  expect(readdirSync(FIXTURES)).toEqual(Object.keys(EXAMPLES));
});

test.each(Object.entries(EXAMPLES))("%s becomes a config that loads, or says why not; either way it is kept", async (file, reasons) => {
  const result = await importQeasy([{ text: fixture(file) }], { now: NOW });
  expect([result.config !== null, result.pipeline !== null, result.report.runnable]).toEqual(Array(3).fill(reasons === null));
  expect(result.report.notices.filter(({ severity }) => severity === "refused").map(({ code, path, text }) => `${code} ${path}: ${text}`)).toEqual(reasons ?? []);
  if (file !== "seed-write-noop.json") expect(new Set(result.report.keys.map(({ outcome }) => outcome === "refused"))).toEqual(new Set([reasons !== null]));
  expect(Object.values(result.strategies).filter((text) => text !== null)).toEqual([JSON.stringify(JSON.parse(fixture(file)))]);
  if (result.config !== null) expect((await loaded(result)).name).toBe(result.name);
});

test("the pair that Tidemark was founded on, without editing", async () => {
  const pair = await importQeasy([{ text: fixture("seed-refresh-token.json") }, { text: fixture("seed-write-noop.json") }], { now: NOW, name: "tokens" });
  expect(codes(pair, "refused")).toEqual([]);
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
    schedule: { crons: ["*/5 * * * *"] }, audit: { crons: ["10 2 * * *"], repair: true }, mapping: { id: "o_id" }, target: { idCheck: false },
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
  ["documents of one record", { ...ORDERS, beatFlat: ["items"] }, { ...NO_OP, groupCalculate: { headerGroup: ["o_id"], bodyGroup: ["items_sku_id"], calculate: { items_qty: "$sum" } } }, "target.groupCalculate"],
  ...([
    ["a number", { field: "f", type: "int", value: "{{qty}}" }], ["a truth", { field: "f", type: "boolean", value: "{{paid}}" }], ["an expression", { field: "f", value: "_function 1+{{qty}}" }],
    ["a lookup", { field: "f", value: "_findCollection find a from b where c={{d}}" }], ["a time", { field: "f", value: "{{CURRENT_TIME|datetime}}" }], ["a filter", { field: "f", value: "{{modified|date}}" }],
    ["a path", { field: "f", value: "{{items.qty}}" }], ["a parser", { field: "f", value: "{{labels}}", parser: { name: "StringToArray", params: "," } }], ["another id", { field: "id", type: "string", value: "{{so_id}}" }],
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

test.each(["042-remedy-two-days.json", "046-remedy-mixed-types.json", "047-remedy-unixtime.json"])("the remedy of %s is an audit by its crontab, and what it selects besides times is said", async (file) => {
  const { omissionRemedy } = JSON.parse(fixture(file)) as { omissionRemedy: { crontab: string; takeOverRequest: object[] } };
  const result = await imported({ ...ORDERS, omissionRemedy });
  expect(await loaded(result)).toMatchObject({ audit: { crons: [omissionRemedy.crontab], repair: true } });
  expect(result.report.notices.filter(({ code, severity }) => code === "TM_QEASY_UNUSED" && severity === "warning").map(({ path }) => path.replace("source.omissionRemedy.", ""))).toEqual(
    file.startsWith("042") ? ["adapter"] : file.startsWith("046") ? ["takeOverRequest.status", "takeOverRequest.is_omission_query"] : [],
  );
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

test.each(CATALOGUE.map(({ path }) => path))("%s with its usual window, pages and remedy becomes a config that loads", async (path) => {
  const { call, cursors, idField, method, windowKeys } = findApi(path)!;
  const [begin, end] = windowKeys ?? ["modified_begin", "modified_end"];
  const window = (from: string) => [{ field: begin, value: from }, { field: end, value: "{{CURRENT_TIME|datetime}}" }];
  const request = call === true ? [] : [...window("{{LAST_SYNC_TIME|datetime}}"), { field: "page_index", value: "{{PAGINATION_START_PAGE}}" }, { field: "page_size", value: "{{PAGINATION_PAGE_SIZE}}" }];
  const result = await imported({ api: method ?? path, id: idField.split("+")[0], request, omissionRemedy: { crontab: "30 2 * * *", takeOverRequest: call === true ? [] : window("{{DAYS_AGO_2|datetime}}") } });
  expect(codes(result, "refused")).toEqual([]);
  expect(await loaded(result)).toMatchObject({ source: { api: path, params: {} }, audit: call === true || cursors[0] === "snapshot" ? null : { crons: ["30 2 * * *"] } });
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

test("a parameter by an expression that stands still is its value", async () => {
  expect((await loaded(await imported(request({ value: "_function CONCAT('Se','nt')" })))).source.params).toEqual({ x: "Sent" });
});

const TREE = [
  { field: "id", type: "string", value: "{{o_id}}" }, { field: "no", type: "string", value: "{{so_id}}" }, { field: "sum", type: "string", value: "{{amount}}" }, { field: "must", value: "{{shop_id}}", is_required: true },
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

test("an API is found by path, old method, or either with other signs; no two are taken for each other", () => {
  for (const api of CATALOGUE) {
    for (const name of [api.path, api.method ?? api.path, api.path.replace(/^\//, ""), api.path.replaceAll("/", "."), api.path.replace("/open/", "").toUpperCase()]) expect(findApi(name)?.path).toBe(api.path);
  }
  expect([findApi(""), findApi("orders"), findApi("executeBillQuery")]).toEqual([undefined, undefined, undefined]);
});
