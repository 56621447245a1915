import { describe, expect, it } from "vitest";
import { targetCalls } from "../../src/qeasy/index.ts";
import { body, context, notices, one, ROW, STORED, target } from "./support.ts";

describe("lookups", () => {
  const find = `_findCollection find`;
  it.each<[string, unknown]>([
    [`${find} FID from U where FNumber={{shop_no}}`, "71"],
    [`${find} org from U where FNumber={{shop_no}} FStatus='A'`, "100"],
    [`${find}  org  from  U  where  FNumber={{shop_no}}   FStatus="A"`, "100"],
    [`${find} unit.code from U where FNumber='A-001'`, "PCS"],
    [`${find} FID from U where FNumber={{shop_no}} FStatus='C'`, undefined],
    [`${find} FID from U where org='100' FStatus='C'`, "73"],
    [`${find} FID from U where FNumber={{remark}}`, undefined],
    [`${find} FID from U where FNumber=' S01 '`, "71"],
    [`_function case ${find} org from U where FNumber={{shop_no}} _endFind when '100' then 'HQ' else 'BR' end`, "HQ"],
    [`_function IFNULL(${find} FID from U where FNumber={{remark}} _endFind,'0')`, "0"],
    [`_function CONCAT('K-',${find} FID from U where FNumber='S02' _endFind)`, "K-72"],
    [`_function CONCAT('K-','${find} FID from U where FNumber={{shop_no}} _endFind')`, "K-71"],
    [`_function ${find} FID from U where FNumber={{shop_no}} _endFind + 1`, "72"],
    [`_function case ${find} FStatus from U where FNumber={{shop_no}} _endFind when true then '1' else '' end`, ""],
    [`_function IFNULL(${find} FID from U where FNumber={{shop_no}},'0')`, "71"],
  ])("%s gives %j", async (value, expected) => {
    expect(await one({ value: value.replaceAll(" U ", ` ${STORED} `) })).toBe(expected);
  });

  it("run once for each element of an array", async () => {
    const U = STORED;
    const children = [
      { field: "id", value: `${find} FID from ${U} where FNumber={{items.sku_id}}` },
      { field: "name", value: `_function IF(${find} FStatus from ${U} where FNumber={{items.sku_id}} _endFind='C','{{items.name}}','')` },
    ];
    expect(await one({ type: "array", value: "items", children })).toEqual([{ id: "73", name: "茶杯" }, { name: "" }]);
  });

  it("a compulsory one that finds nothing fails its row, which may pass later", async () => {
    const error = { code: "TM_QEASY_LOOKUP_EMPTY", retryable: true, message: expect.stringContaining(STORED) };
    await expect(one({ value: `${find} FID from ${STORED} where FNumber='none'`, is_required: true })).rejects.toMatchObject(error);
  });

  it("in a strategy that is not known, or without rows to look in, fails the row", async () => {
    const entry = [{ field: "f", value: `${find} FID from other where FNumber='S01'` }];
    await expect(body(entry)).rejects.toMatchObject({ code: "TM_QEASY_LOOKUP_UNKNOWN" });
    const { lookup: _, ...none } = context();
    await expect(targetCalls(target(entry), [ROW], none)).resolves.toMatchObject({ failed: [{ error: { code: "TM_QEASY_LOOKUP_UNKNOWN" } }] });
  });

  it("nobody is asked with an empty condition", async () => {
    const entry = [{ field: "f", value: `${find} FID from ${STORED} where FNumber={{remark}} org='100'` }];
    expect(await body(entry, ROW, { lookup: () => Promise.reject(new Error("asked")) })).toEqual({});
  });

  it("one that cannot be read fails the row", async () => {
    await expect(one({ value: `${find} FID where FNumber='S01'` })).rejects.toMatchObject({ code: "TM_QEASY_UNSUPPORTED" });
  });

  it("several matches with different results are noticed; the oldest counts", async () => {
    const { codes, report } = notices();
    expect(await body([{ field: "f", value: `${find} FID from ${STORED} where org='100'` }], ROW, { report })).toEqual({ f: "71" });
    expect(codes()).toEqual(["TM_QEASY_LOOKUP_AMBIGUOUS"]);
  });
});

describe("_mongoQuery", () => {
  const query = (rest: string): object[] => [{ field: "f", value: `_mongoQuery ${STORED} ${rest}` }];
  it.each<[string, unknown]>([
    ['findField=content.FID where={"content.FNumber":{"$eq":"{{shop_no}}"}}', { f: "71" }],
    ['findField=content.org where={"content.FNumber":{"$eq":"S02"}}', { f: "200" }],
    ['findField=content.FID where={"content.org":{"$eq":"100"},"content.FStatus":{"$ne":"A"}}', { f: "73" }],
    ['findField=content.FID where={"content.FNumber":{"$in":["S02","S09"]}}', { f: "72" }],
    ['findField=content.FID where={"content.FID":{"$gt":"71","$lte":"72"}}', { f: "72" }],
    ['findField=content.FID where={"content.FID":{"$gte":"73"}}', { f: "73" }],
    ['findField=content.FID where={"content.FID":{"$lt":"71"}}', {}],
  ])("%s gives %j with the switch on, and fails the row without", async (rest, expected) => {
    expect(await body(query(rest), ROW, { mongoQuery: true })).toEqual(expected);
    await expect(body(query(rest))).rejects.toMatchObject({ code: "TM_QEASY_UNSUPPORTED" });
  });

  it("runs in the element", async () => {
    const value = `_mongoQuery ${STORED} findField=content.unit.code where={"content.FNumber":{"$eq":"{{items.sku_id}}"}}`;
    expect(await body([{ field: "l", type: "array", value: "items", children: [{ field: "u", value }] }], ROW, { mongoQuery: true })).toEqual({ l: [{ u: "PCS" }, {}] });
  });

  it.each(["findField=content.FID where={bad json", 'findField=content.FID where={"a":{"$regex":"x"}}', "anything"])("%s fails the row in any case", async (rest) => {
    await expect(body(query(rest), ROW, { mongoQuery: true })).rejects.toMatchObject({ code: "TM_QEASY_UNSUPPORTED" });
  });
});
