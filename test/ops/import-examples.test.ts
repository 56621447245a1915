import { readdirSync } from "node:fs";
import { expect, test } from "vitest";
import { importQeasy } from "../../src/ops/import-qeasy.ts";
import { CATALOGUE, findApi } from "../../src/source/jushuitan/index.ts";
import { codes, FIXTURES, fixture, imported, loaded, NOW, ORDERS } from "./import-support.ts";

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

test.each(["042-remedy-two-days.json", "046-remedy-mixed-types.json", "047-remedy-unixtime.json"])("the remedy of %s is an audit by its crontab, and what it selects besides times is said", async (file) => {
  const { omissionRemedy } = JSON.parse(fixture(file)) as { omissionRemedy: { crontab: string; takeOverRequest: object[] } };
  const result = await imported({ ...ORDERS, omissionRemedy });
  expect(await loaded(result)).toMatchObject({ audit: { crons: [omissionRemedy.crontab], repair: true } });
  expect(result.report.notices.filter(({ code, severity }) => code === "TM_QEASY_UNUSED" && severity === "warning").map(({ path }) => path.replace("source.omissionRemedy.", ""))).toEqual(
    file.startsWith("042") ? ["adapter"] : file.startsWith("046") ? ["takeOverRequest.status", "takeOverRequest.is_omission_query"] : [],
  );
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
