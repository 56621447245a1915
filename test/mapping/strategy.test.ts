import { expect, test } from "vitest";
import { type MappedRow, openMapper } from "../../src/mapping/mapper.ts";
import { lookupInRows, readJson } from "../../src/qeasy/index.ts";
import type { StrategyContext } from "../../src/mapping/qeasy.ts";
import { strategyMapping } from "./support.ts";

const RAW = '{ "o_id":500123,"so_id":"T-001","status":"Sent","created":1710432000,"amount":206.00,"ts":20260101000000455,"tags":["vip","gift"],"note":"",' +
  '"items":[{"oi_id":1,"sku_id":"A-001","qty":2,"price":"50.00"},{"oi_id":2,"sku_id":"B-002","qty":5,"price":"39.98"}]}';

/** What a strategy makes of rows. */
async function map(source: object, target?: object, context: StrategyContext = {}, raws = [RAW]): Promise<MappedRow[]> {
  const mapper = openMapper({ name: "orders", mapping: await strategyMapping(source, target) }, context)!;
  try {
    return await mapper.map(raws.map((raw) => ({ id: String((JSON.parse(raw) as { o_id: unknown }).o_id), raw })), AbortSignal.timeout(10_000));
  } finally {
    await mapper.close();
  }
}

/** The documents of the one row. */
async function documents(...given: Parameters<typeof map>): Promise<{ id: string; record: unknown }[]> {
  const [row] = await map(...given);
  expect(row).toHaveProperty("documents");
  return (row as { documents: { id: string; json: string }[] }).documents.map(({ id, json }) => ({ id, record: JSON.parse(json) as unknown }));
}
const request = (...entries: object[]) => ({ request: entries });

test("a strategy that changes nothing is no mapping at all", async () => {
  expect(await strategyMapping({ idCheck: true, pagination: { pageSize: 20 } }, { idCheck: true })).toEqual({ id: "o_id" });
});

test("a row that passes and is sent as it is keeps every byte but for its id", async () => {
  expect(await map({ condition: [[{ field: "status", logic: "eq", value: "Sent" }]] })).toEqual([{ documents: [{ id: "500123", json: RAW.replace("{", '{"id":"500123",') }] }]);
});

test("a row that fails its condition becomes no document; the others go on", async () => {
  const cancelled = RAW.replace("Sent", "Cancelled").replace("500123", "9");
  expect((await map({ condition: [[{ field: "status", logic: "neq", value: "Cancelled" }]] }, undefined, {}, [cancelled, RAW])).map((row) => ("documents" in row ? row.documents.length : row.code))).toEqual([0, 1]);
});

test("formatted copies come first, so that a condition may ask for them", async () => {
  const source = { formatResponse: [{ old: "created", new: "day", format: "date" }, { old: "tags", new: "labels", format: "implode('/')" }], condition: [[{ field: "day", logic: "eq", value: "2024-03-15" }]] };
  expect(await documents(source, request({ field: "day", value: "{{day}}" }, { field: "labels", value: "{{labels}}" }))).toEqual([{ id: "500123", record: { id: "500123", day: "2024-03-15", labels: "vip/gift" } }]);
});

test("lines that fail a condition are not among the flattened rows, which are counted from 1", async () => {
  const flat = { beatFlat: ["items"] };
  const lines = request({ field: "line.sku", value: "{{items_sku_id}}" }, { field: "n", type: "int", value: "{{items_qty}}" }, { field: "sum", type: "float", value: "_function ROUND({{items_qty}}*{{items_price}},1)" });
  expect(await documents(flat, lines)).toEqual([
    { id: "500123-1", record: { id: "500123-1", "line.sku": "A-001", n: 2, sum: 100 } }, { id: "500123-2", record: { id: "500123-2", "line.sku": "B-002", n: 5, sum: 199.9 } },
  ]);
  expect(await documents({ ...flat, condition: [[{ field: "items.qty", logic: "gt", value: "3" }]] }, lines)).toMatchObject([{ id: "500123-1", record: { "line.sku": "B-002" } }]);
  expect(await documents(flat, lines, {}, ['{"o_id":1,"items":[]}'])).toEqual([{ id: "1", record: { id: "1" } }]);
});

test("split rows have the id of their element", async () => {
  const split = { id: "items.oi_id", operation: { method: "splitArray", arrayKey: "items" } };
  expect(await strategyMapping(split)).toMatchObject({ id: "o_id" });
  expect(await documents(split, request({ field: "sku", value: "{{items.sku_id}}" }, { field: "no", value: "{{so_id}}" }))).toEqual([
    { id: "1", record: { id: "1", sku: "A-001", no: "T-001" } }, { id: "2", record: { id: "2", sku: "B-002", no: "T-001" } },
  ]);
  expect(await map({ ...split, id: "items.sku" })).toMatchObject([{ code: "TM_QEASY_ID", field: "source.id" }]);
  expect(await map(split, undefined, {}, [RAW.replace('"oi_id":2', '"oi_id":1')])).toMatchObject([{ code: "TM_DOCUMENT_ID" }]);
});

test("rows of one record are grouped; more lines than a document holds make further ones", async () => {
  const source = { beatFlat: ["items"] };
  const group = { headerGroup: ["o_id"], bodyGroup: ["items_sku_id"], bodyName: "lines", calculate: { items_qty: "$sum" } };
  const target = { groupCalculate: group, ...request({ field: "no", type: "int", value: "{{o_id}}" }, { field: "rows", type: "array", value: "lines", children: [{ field: "sku", value: "{{lines.items_sku_id}}" }, { field: "n", type: "int", value: "{{lines.items_qty}}" }] }) };
  expect(await documents(source, target)).toEqual([{ id: "500123", record: { id: "500123", no: 500123, rows: [{ sku: "A-001", n: 2 }, { sku: "B-002", n: 5 }] } }]);
  expect(await documents(source, { ...target, groupCalculate: { ...group, bodyMaxLine: 1 } })).toMatchObject([{ id: "500123-1", record: { rows: [{ sku: "A-001" }] } }, { id: "500123-2", record: { rows: [{ sku: "B-002" }] } }]);
});

test("where a record can become several documents, one alone is numbered too: none stays behind under the plain id when a second comes", async () => {
  const one = RAW.replace(/,\{"oi_id":2.*?\}/, "");
  const ids = async (group: object, raw: string) => (await documents({ beatFlat: ["items"] }, { groupCalculate: { bodyGroup: ["items_oi_id"], calculate: {}, ...group } }, {}, [raw])).map(({ id }) => id);
  expect([await ids({ headerGroup: ["o_id"], bodyMaxLine: 1 }, one), await ids({ headerGroup: ["o_id"], bodyMaxLine: 1 }, RAW)]).toEqual([["500123-1"], ["500123-1", "500123-2"]]);
  expect([await ids({ headerGroup: ["o_id", "items_sku_id"] }, one), await ids({ headerGroup: ["o_id", "items_sku_id"] }, RAW)]).toEqual([["500123-1"], ["500123-1", "500123-2"]]);
  expect([await ids({ headerGroup: ["o_id", "status"] }, one), await ids({ headerGroup: ["o_id", "status"] }, RAW)]).toEqual([["500123"], ["500123"]]);
});

test("a format that is not known sets aside the rows that have the field", async () => {
  expect(await map({ formatResponse: [{ old: "note2", new: "day", format: "sparkle" }] }, undefined, {}, [RAW, RAW.replace('"note"', '"note2"')])).toMatchObject([{ documents: [{ id: "500123" }] }, { code: "TM_QEASY_UNSUPPORTED", field: "source.formatResponse[0]" }]);
});

test("an id of the request's own stays as it is, and is the document's", async () => {
  expect(await documents({}, request({ field: "id", type: "int", value: "{{o_id}}" }, { field: "b", type: "boolean", value: "1" }))).toEqual([{ id: "500123", record: { id: 500123, b: true } }]);
  expect(await documents({}, request({ field: "id", value: "_function CONCAT('JST-','{{so_id}}')" }))).toEqual([{ id: "JST-T-001", record: { id: "JST-T-001" } }]);
  expect(await documents({}, request({ field: "id", type: "string" }, { field: "b", value: "1" }))).toEqual([{ id: "500123", record: { id: "500123", b: "1" } }]);
  for (const value of ["{{note}}", "{{no_such}}", "{{items}}"]) expect(await map({}, request({ field: "id", value }))).toMatchObject([{ code: "TM_QEASY_ID", field: "target.request.id" }]);
});

test("digits stay as they were written", async () => {
  const [row] = await map({}, request({ field: "v", type: "int", value: "{{ts}}" }, { field: "sum", type: "float", value: "{{amount}}" }, { field: "list", type: "array", value: "items" }));
  expect((row as { documents: { json: string }[] }).documents[0]!.json).toBe('{"id":"500123","v":20260101000000455,"sum":206.00,"list":[{"oi_id":1,"sku_id":"A-001","qty":2,"price":"50.00"},{"oi_id":2,"sku_id":"B-002","qty":5,"price":"39.98"}]}');
});

test("times are those of the run, and what is random is another value for each line and version, but the same whenever the same row is mapped", async () => {
  const context = { now: Date.UTC(2026, 0, 31, 4), lastSyncTime: Date.UTC(2026, 0, 31, 3) };
  const drawn = (raw: string) => documents({ beatFlat: ["items"] }, request({ field: "no", value: "{{random}}" }, { field: "r", value: "_function RAND()" }), {}, [raw]);
  const newer = RAW.replace("Sent", "Delivering");
  expect(await drawn(RAW)).toEqual(await drawn(RAW));
  expect(new Set([...(await drawn(RAW)), ...(await drawn(newer))].map(({ record }) => (record as { no: string }).no)).size).toBe(4);
  const made = await documents({ beatFlat: ["items"] }, request({ field: "at", value: "{{CURRENT_TIME|datetime}}" }, { field: "from", value: "_function FROM_UNIXTIME({{LAST_SYNC_TIME}})" }, { field: "no", value: "PD{{random}}" }, { field: "u", value: "_function UUID()" }), context);
  expect(made).toMatchObject([1, 2].map(() => ({ record: { at: "2026-01-31 12:00:00", from: "2026-01-31 11:00:00", no: expect.stringMatching(/^PD\d{16}$/) as string } })));
  for (const field of ["no", "u"]) expect(new Set(made.map(({ record }) => (record as Record<string, string>)[field])).size).toBe(2);
});

test("defaults, parsers, objects, and what is null is left out", async () => {
  const target = request(
    { field: "d", default: "{{so_id}}" }, { field: "list", type: "array", value: "{{so_id}}", parser: { name: "StringToArray", params: "-" } }, { field: "o", type: "object", children: [{ field: "a", value: "{{missing}}" }] },
    { field: "p", type: "object", children: [{ field: "a", value: "{{tags.0}}" }] }, { field: "e", value: "{{note}}" }, { field: "n", value: "{{missing}}" },
  );
  expect(await documents({}, target)).toEqual([{ id: "500123", record: { id: "500123", d: "T-001", list: ["T", "001"], p: { a: "vip" }, e: "" } }]);
});

test("a lookup finds what another strategy has stored; an empty one that is required sets the row aside", async () => {
  const lookup = lookupInRows(new Map([["u-1", [readJson('{"sku":"A-001","fid":71}')]]]));
  const entry = (required: boolean, from = "u-1") => request({ field: "lines", type: "array", value: "items", children: [{ field: "fid", type: "int", value: `_findCollection find fid from ${from} where sku={{items.sku_id}}`, is_required: required }] });
  expect(await documents({}, entry(false), { lookup })).toEqual([{ id: "500123", record: { id: "500123", lines: [{ fid: 71 }, {}] } }]);
  expect(await map({}, entry(true), { lookup })).toMatchObject([{ code: "TM_QEASY_LOOKUP_EMPTY", field: "target.request.lines.fid" }]);
  expect(await map({}, entry(false, "u-2"), { lookup })).toMatchObject([{ code: "TM_QEASY_LOOKUP_UNKNOWN" }]);
  expect(await map({}, entry(false))).toMatchObject([{ code: "TM_QEASY_LOOKUP_UNKNOWN" }]);
});

test("a field that is required and empty, or an expression that fails, sets its row aside with code and field; the others go on", async () => {
  const target = request({ field: "must", value: "{{note}}", is_required: true });
  expect(await map({}, target, {}, [RAW, RAW.replace('"note":""', '"note":"x"')])).toMatchObject([{ code: "TM_QEASY_REQUIRED", field: "target.request.must" }, { documents: [{ id: "500123" }] }]);
  expect(await map({}, request({ field: "f", value: "_function {{amount}}/0" }))).toMatchObject([{ code: "TM_QEASY_FUNCTION", field: "target.request.f" }]);
});
