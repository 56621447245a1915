import { compileRequest, importStrategies, lookupInRows, readJson, targetCalls, type Context, type Members, type Notice, type Value } from "../../src/qeasy/index.ts";

/** The row that the reference's examples use. */
export const ROW = readJson(`{"o_id":500123,"so_id":"T20240315-001","shop_no":"S01","shop_name":"O'Neil 旗舰店","status":"Sent",
 "modified":"2024-03-15 10:12:05","created":1710432000,"pay_time_ms":1710468725000,
 "freight":"8.50","amount":299.9,"qty":3,"remark":null,"tags":["vip","gift"],"warehouse":{"code":"WH-01"},
 "items":[{"sku_id":"A-001","qty":2,"price":"50.00","name":"茶杯"},{"sku_id":"B-002","qty":5,"price":"39.98","name":"茶壶"}]}`);

export const STORED = "11111111-aaaa-bbbb-cccc-000000000001";

const stored = [
  `{"FID":"71","FNumber":"S01","org":"100","FStatus":"A"}`,
  `{"FID":"72","FNumber":"S02","org":"200","FStatus":"A"}`,
  `{"FID":"73","FNumber":"A-001","org":"100","FStatus":"C","unit":{"code":"PCS"}}`,
].map(readJson);

/** Friday 2024-03-15 10:30:00 in Shanghai, the last run half an hour before, page 3 of 50. The same random numbers each time. */
export function context(more: Partial<Context> = {}): Context {
  let seed = 7;
  return {
    now: 1_710_469_800_000,
    lastSyncTime: 1_710_468_000_000,
    zone: "Asia/Shanghai",
    page: 3,
    pageSize: 50,
    random: () => (seed = (seed * 16_807) % 2_147_483_647) / 2_147_483_647,
    lookup: lookupInRows(new Map([[STORED, stored]])),
    ...more,
  };
}

/** Collects what is noticed. */
export function notices(): { found: Notice[]; report: (notice: Notice) => void; codes: () => string[] } {
  const found: Notice[] = [];
  return { found, report: (notice) => found.push(notice), codes: () => found.map(({ code }) => code) };
}

/** The body that a target's entries make of a row. */
export async function body(request: unknown, row: Value = ROW, more: Partial<Context> = {}): Promise<Value> {
  const { calls, failed } = await targetCalls(target(request), [row], context(more));
  if (failed[0] !== undefined) throw failed[0].error;
  return calls[0]!.body;
}

export function target(request: unknown, more: object = {}, report: Parameters<typeof compileRequest>[1] = () => undefined): ReturnType<typeof compileRequest> {
  const { target } = importStrategies([{ text: JSON.stringify({ api: "batchSave", effect: "EXECUTE", request, ...more }) }]);
  return compileRequest(target!.strategy, report);
}

/** What an entry with this value makes of the row. */
export const one = async (entry: object, row?: Value): Promise<Value | undefined> => ((await body([{ field: "f", type: "string", ...entry }], row)) as Members).f;
