import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import {
  compileRequest, compileWriteBack, filterRow, compileConditions, importStrategies, lookupInRows, readJson, reportText, sourceRequest, targetCalls, temporalCrons, windowOf, withRemedy, writeBack, writeJson, type Imported, type ImportOptions, type Value,
} from "../../src/qeasy/index.ts";
import { context } from "./support.ts";

const folder = new URL("fixtures/", import.meta.url);
const files = readdirSync(folder).filter((file) => file.endsWith(".json"));
const read = (file: string): string => readFileSync(new URL(file, folder), "utf8");
const load = (file: string, options: ImportOptions = {}): Imported => importStrategies([{ text: read(file) }], options);

/** Half, and the codes of what is noticed; `info` left out. */
const EXPECTED: Record<string, [side: "source" | "target", codes: string[]]> = {
  "001-jst-orders-single-query-v1.json": ["source", ["TM_QEASY_TEMPLATE"]],
  "004-k3cloud-sales-return-modelled.json": ["target", []],
  "005-k3cloud-purchase-return-v4.json": ["target", []],
  "006-k3cloud-jst-sales-return-v1.json": ["target", ["TM_QEASY_FLAT", "TM_QEASY_FLAT"]],
  "018-jiuzhoutong-group-buy-list.json": ["source", []],
  "020-jst-v2-inventory-upload-v3.json": ["target", []],
  "025-k3cloud-query-return-notice-v1.json": ["source", ["TM_QEASY_TEMPLATE"]],
  "030-k3cloud-sales-return-findcollection.json": ["target", ["TM_QEASY_BRACES"]],
  "032-wdt-purchase-order-query-v1.json": ["source", ["TM_QEASY_TEMPLATE", "TM_QEASY_DUPLICATE_FIELD"]],
  "033-xingchen-v2-customer-query-v3.json": ["source", []],
  "037-guanyi-qimen-deliverys-history-detail-v1.json": ["source", ["TM_QEASY_TEMPLATE"]],
  "039-k3cloud-query-unit-to-mes.json": ["source", []],
  "040-k3cloud-query-supplier-docs.json": ["source", []],
  "042-remedy-two-days.json": ["source", ["TM_QEASY_SHAPE"]],
  "046-remedy-mixed-types.json": ["source", ["TM_QEASY_SHAPE"]],
  "047-remedy-unixtime.json": ["source", ["TM_QEASY_SHAPE"]],
  "048-jst-purchasein-condition.json": ["source", []],
  "049-condition-timestamp.json": ["source", ["TM_QEASY_SHAPE"]],
  "050-target-write-back.json": ["target", ["TM_QEASY_SHAPE"]],
  "051-group-calculate.json": ["target", ["TM_QEASY_SHAPE"]],
  "052-format-response.json": ["source", ["TM_QEASY_SHAPE"]],
  "053-wdt-trade-query-docs.json": ["source", []],
  "054-other-response-keys.json": ["source", ["TM_QEASY_SHAPE"]],
  "055-yonbip-product-list-v1.json": ["source", ["TM_QEASY_TEMPLATE", "TM_QEASY_FLAT"]],
  "056-k3cloud-jackyun-purchase-in.json": ["target", []],
  "057-wdt-xingchen-purchase-request.json": ["target", ["TM_QEASY_SHAPE", "TM_QEASY_NORMALISED"]],
  "seed-refresh-token.json": ["source", []],
  "seed-write-noop.json": ["target", []],
};

describe("every example", () => {
  it("is among the expectations", () => {
    expect(files).toEqual(Object.keys(EXPECTED));
  });

  it.each(Object.entries(EXPECTED))("%s imports, is kept as it is, and each of its keys is reported", (file, [side, codes]) => {
    const imported = load(file);
    const half = imported[side]!;
    const given = JSON.parse(read(file)) as Record<string, unknown>;
    expect(half.original).toBe(read(file));
    expect(writeJson(half.json)).toBe(JSON.stringify(given)); // the order of keys as well
    expect(imported.report.keys.map(({ key }) => key)).toEqual(Object.keys(given));
    expect(imported.report.notices.filter(({ severity }) => severity !== "info").map(({ code }) => code)).toEqual(codes);
    // What is published in fragments has no API to run.
    expect(imported.report.runnable).toBe(!codes.includes("TM_QEASY_SHAPE"));
  });

  it("an API that Tidemark does not run is said, and kept", () => {
    const { report, source } = load("033-xingchen-v2-customer-query-v3.json", { runs: (_, api) => api === "orders.single.query" || "of another ERP" });
    expect(report.notices[0]).toMatchObject({ code: "TM_QEASY_API_FOREIGN", severity: "refused", path: "source.api" });
    expect(report.keys[0]).toMatchObject({ key: "api", outcome: "refused" });
    expect(writeJson(source!.json)).toBe(JSON.stringify(JSON.parse(read("033-xingchen-v2-customer-query-v3.json"))));
    expect(reportText(report)).toContain("source.api        refused: ");
  });
});

describe("the window of a request", () => {
  const window = (request: object[]): unknown => windowOf(importStrategies([{ text: JSON.stringify({ api: "a.query", request }) }]).source!.strategy);
  it.each<[string, object[], object]>([
    ["last sync to now", [{ field: "to", value: "{{CURRENT_TIME}}" }, { field: "from", value: "_function {{LAST_SYNC_TIME}}*1000" }, { field: "page_index", value: "1" }, { field: "page_size", value: "50" }], { begin: "from", end: "to", page: "page_index", pageSize: "page_size" }],
    ["days ago", [{ field: "a", value: "{{DAYS_AGO_2|date}}" }, { field: "b", value: "{DAYS_AGO_1|date}" }, { field: "Limit", value: "{{PAGINATION_PAGE_SIZE}}" }, { field: "StartRow", value: "{{PAGINATION_START_ROW}}" }], { begin: "a", end: "b", page: "StartRow", pageSize: "Limit" }],
    ["none", [{ field: "status", value: "4" }], { begin: undefined, end: undefined, page: undefined, pageSize: undefined }],
  ])("%s", (_, request, expected) => {
    expect(window(request)).toEqual(expected);
  });
});

async function sent(file: string, row: string, more: Parameters<typeof context>[0] = {}): Promise<Value> {
  const { target } = load(file);
  const { calls, failed } = await targetCalls(compileRequest(target!.strategy, () => undefined), [readJson(row)], context(more));
  expect(failed).toEqual([]);
  return calls[0]!.body;
}
const asked = async (file: string): Promise<Value> => (await sourceRequest(compileRequest(load(file).source!.strategy, () => undefined), context())).request;

describe("what the examples send", () => {
  it("001: the window of the context", async () => {
    expect(await asked("001-jst-orders-single-query-v1.json")).toMatchObject({ modified_begin: "2024-03-15 10:00:00", modified_end: "2024-03-15 10:30:00", page_index: "1", page_size: "50" });
  });
  it("004: arithmetic in the lines, no empty entries", async () => {
    expect(await sent("004-k3cloud-sales-return-modelled.json", '{"tradeNo":"T1","shopCode":"S","warehouseCode":"W","goodsDetail":[{"goodsNo":"G","sellCount":3,"shareFavourableAfterFee":"10.00"}]}')).toEqual({
      FBillTypeID: "XSTHD01_SYS", FBillNo: "T1", FSaleOrgId: "009", FStockOrgId: "009", FRetcustId: "S",
      FEntity: [{ FMaterialId: "G", FRealQty: "-3", FPrice: "3.333333", FTaxPrice: "3.333333", FStockId: "W" }], SubHeadEntity: { FSettleOrgId: "009" },
    });
  });
  it("005: a required entry without value fails the row", async () => {
    const { target } = load("005-k3cloud-purchase-return-v4.json");
    expect((await targetCalls(compileRequest(target!.strategy, () => undefined), [readJson("{}")], context())).failed[0]!.error).toMatchObject({ code: "TM_QEASY_REQUIRED", path: "target.request.FBillNo" });
  });
  it("020: an array without value is one line, and the random number is there", async () => {
    expect(await sent("020-jst-v2-inventory-upload-v3.json", '{"FMaterialId_FNumber":"M","FQty":7}')).toMatchObject({ so_id: expect.stringMatching(/^\d{16}$/), items: [{ sku_id: "M", qty: "7" }] });
  });
  it("030: lookups at the head and in an object, and a stray brace", async () => {
    const lookup = lookupInRows(new Map([["f9720649-c4cb-3d51-8bb0-e633ee48e23c", [readJson('{"shop_no":"S01","email":"100"}')]]]));
    const row = '{"refund_no":"R1","shop_no":"S01","refund_order_list":[{"goods_no":"G","refund_num":3,"refund_order_amount":"10.00"}]}';
    expect(await sent("030-k3cloud-sales-return-findcollection.json", row, { lookup })).toMatchObject({
      FSaleOrgId: "100", FEntity: [{ FMaterialId: "G", FTaxPrice: "3.3333333" }], SubHeadEntity: { FSettleOrgId: "100" },
    });
  });
  it("033 and 039: milliseconds, and a filter as text", async () => {
    expect(await asked("033-xingchen-v2-customer-query-v3.json")).toMatchObject({ modify_end_time: "1710469800000", modify_start_time: "1710468000000" });
    expect(await asked("039-k3cloud-query-unit-to-mes.json")).toEqual({
      Limit: "50", StartRow: "100", TopRowCount: 0, FilterString: "FApproveDate>='2024-03-15 10:00:00'", FieldKeys: "DocumentStatus,ForbidStatus,Name,Number,ModifierId_Id", FormId: "BD_UNIT",
    });
  });
  it("032 and 037: the last of two fields, booleans and numbers by type", async () => {
    expect(await asked("032-wdt-purchase-order-query-v1.json")).toMatchObject({ start_time: "2024-03-14 10:30:00", purchase_no: "1" });
    expect(await asked("037-guanyi-qimen-deliverys-history-detail-v1.json")).toMatchObject({ page_no: 1, detail_flag: false, start_delivery_date: "1" });
  });
  it("042, 046 and 047: the window of the remedy", async () => {
    const windows = await Promise.all(
      ["042-remedy-two-days.json", "046-remedy-mixed-types.json", "047-remedy-unixtime.json"].map(async (file) => {
        const { strategy } = load(file).source!;
        const { request } = await sourceRequest(compileRequest(withRemedy(strategy, strategy.omissionRemedy!), () => undefined), context());
        return [temporalCrons(strategy.omissionRemedy!.crontab), request];
      }),
    );
    expect(windows).toEqual([
      [["2 */2 * * *"], { start_date: "2024-03-13 10:30:00", end_date: "2024-03-14 10:30:00" }],
      [["0 */6 * * *"], { start_date: "2024-03-14 10:30:00", status: "pending,processing", is_omission_query: true }],
      [["10 * * * *"], { start_time: "2024-03-15 09:30:00" }],
    ]);
  });
  it("048 and 049: three groups, and times", async () => {
    const kept = async (file: string, row: string): Promise<boolean> => (await filterRow(compileConditions(load(file).source!.strategy.condition, "c", () => undefined), readJson(row), context())).kept;
    expect([
      await kept("048-jst-purchasein-condition.json", '{"io_id":"816403","items":[{"name":"a NAME"}]}'),
      await kept("048-jst-purchasein-condition.json", '{"io_id":"816403","items":[{"name":"a NAME"},{"name":"x"}]}'),
      await kept("048-jst-purchasein-condition.json", '{"io_id":"15129","items":[]}'),
      await kept("049-condition-timestamp.json", '{"created_at":"2024-06-01 00:00:00","status":"completed"}'),
      await kept("049-condition-timestamp.json", '{"created_at":1735689600,"status":"completed"}'),
    ]).toEqual([true, false, true, true, false]);
  });
  it("050: what goes back, in either letter case", async () => {
    const compiled = compileWriteBack(load("050-target-write-back.json").target!.strategy, "target", () => undefined);
    expect(await writeBack(compiled, readJson('{"FCUSTID":"C"}'), readJson('{"Id":1,"Number":"N"}'), context())).toEqual({
      primaryWriteback: { id: "1", number: "N" },
      callBack: { strategyId: "b008d61b-2b91-3c0b-8c91-64c893bd6c7c", row: { FCUSTID: "C", FNumber: "N", FId: "1" } },
    });
  });
  it("056: milliseconds to a date, and booleans as MySQL gives them", async () => {
    expect(await sent("056-k3cloud-jackyun-purchase-in.json", '{"inOutDate":1710468725000,"goodsDocDetailList":[{"estPrice":0,"quantity":"2.50"},{"estPrice":"1.20"}]}')).toMatchObject({
      FDate: "2024-03-15 10:12:05", FInStockEntry: [{ FGiveAway: "1", FRealQty: "2.50" }, { FGiveAway: "0", FTaxPrice: "1.20" }],
    });
  });
  it("057: a lookup in each line, and the date of seconds", async () => {
    const lookup = lookupInRows(new Map([["1fbda962-66f8-3cba-914f-26119e235199", [readJson('{"number":"P1","id":"9"}')]], ["35c82f7f-bdef-3bc1-86e6-4654e14ff702", [readJson('{"name":"N","id":"8"}')]]]));
    expect(await sent("057-wdt-xingchen-purchase-request.json", '{"created":1710432000,"name":"N","details_list":[{"spec_no":"P1","real_num":2},{"spec_no":"P2"}]}', { lookup })).toEqual({
      billdate: "2024-03-15", empid_id: "1362188104995221504",
      material_entity: [{ materialid_id: "9", applyqty: "2", deliverydate: "2024-03-15", unit_id: "2", stock_id: "8" }, { deliverydate: "2024-03-15", unit_id: "2", stock_id: "8" }],
    });
  });
  it("the seed pair: no parameters, and the row as it is", async () => {
    const pair = importStrategies([{ text: read("seed-refresh-token.json") }, { text: read("seed-write-noop.json") }]);
    expect([pair.source!.strategy.api, pair.target!.strategy.api, pair.report.runnable]).toEqual(["refresh.token", "写入空操作", true]);
    expect(await asked("seed-refresh-token.json")).toEqual({});
    expect(writeJson(await sent("seed-write-noop.json", '{"id":"12345","n":1.00}'))).toBe('{"id":"12345","n":1.00}');
  });
});
