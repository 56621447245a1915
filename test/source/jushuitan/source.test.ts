import { afterEach, describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/errors.ts";
import { getApi } from "../../../src/source/jushuitan/catalogue.ts";
import { createJushuitanSource } from "../../../src/source/jushuitan/source.ts";
import { account, APP_KEY, never, outside, page, serve, TOKEN, type Answer } from "./wire.ts";

const orders = getApi("/open/orders/single/query");
const outbound = getApi("/open/orders/out/simple/query");
const windowQuery = {
  from: Date.UTC(2026, 0, 1, 2),
  to: Date.UTC(2026, 0, 1, 3),
  page: 3,
  pageSize: 50,
  params: {},
  archive: false,
};

let close = () => {};
afterEach(() => close());

async function sourceOf(answer: Answer, api = orders) {
  const server = await serve(answer);
  close = server.close;
  const { state, deps } = outside();
  return { server, state, source: createJushuitanSource({ account: account(server.baseUrl), api, deps }) };
}

describe("what is sent", () => {
  it("is a signed form with everything in the body, the version as raw digits", async () => {
    const { server, source, state } = await sourceOf(() => page([]));
    await source.readVersions({ from: "20260101000000455", pageSize: 100, params: { status: "Sent", shop_id: 7 } }, never);
    const [seen] = server.seen;
    expect(seen).toMatchObject({
      method: "POST",
      url: "/open/orders/single/query",
      contentType: "application/x-www-form-urlencoded;charset=utf-8",
      signed: true,
    });
    expect(seen?.form).toMatchObject({ app_key: APP_KEY, access_token: TOKEN, charset: "utf-8", version: "2" });
    expect(seen?.form["biz"]).toBe(
      '{"start_ts":20260101000000455,"is_get_total":false,"page_index":1,"page_size":100,"status":"Sent","shop_id":7}',
    );
    expect(Math.abs(Number(seen?.form["timestamp"]) - Date.now() / 1000)).toBeLessThan(3);
    expect(state.log).toEqual(["acquire", "token"]); // the token is read after the wait, not before it
  });

  it("asks for windows in Asia/Shanghai time, both ends", async () => {
    const { server, source } = await sourceOf(() => page([], '"data_count":0', "datas"), outbound);
    await source.readWindow(windowQuery, never);
    await source.readWindow({ ...windowQuery, archive: true, params: { shop_id: 7 } }, never);
    expect(server.seen.map(({ form }) => form["biz"])).toEqual([
      '{"modified_begin":"2026-01-01 10:00:00","modified_end":"2026-01-01 11:00:00","date_type":0,"page_index":3,"page_size":50}',
      '{"modified_begin":"2026-01-01 10:00:00","modified_end":"2026-01-01 11:00:00","date_type":0,"page_index":3,"page_size":50,"archive":true,"shop_id":7}',
    ]);
    expect(server.seen.every(({ signed }) => signed)).toBe(true);
  });

  it("never narrows a window that is not given in whole seconds", async () => {
    const { server, source } = await sourceOf(() => page([]));
    await source.readWindow({ ...windowQuery, from: windowQuery.from + 999, to: windowQuery.to + 1 }, never);
    expect(server.seen[0]?.form["biz"]).toContain('"modified_begin":"2026-01-01 10:00:00","modified_end":"2026-01-01 11:00:01"');
  });

  it.each([
    ["page_index", { page_index: 2 }],
    ["start_ts", { start_ts: 1 }],
    ["modified_end", { modified_end: "x" }],
    ["date_type", { date_type: 2 }],
    ["is_get_total", { is_get_total: true }],
    ["archive", { archive: true }],
    ["order_flds", { order_flds: ["o_id", "modified"] }],
  ])("refuses %s among a pipeline's parameters", (key, params) => {
    const { deps } = outside();
    const create = () => createJushuitanSource({ account: account("http://127.0.0.1:9"), api: orders, deps, params });
    expect(create).toThrow(ConfigError);
    expect(create).toThrow(expect.objectContaining({ code: "TM_CONFIG_PARAMS", path: `source.params.${key}` }));
  });

  it("refuses them in a query too, before anything is sent", async () => {
    const { server, source } = await sourceOf(() => page([]));
    await expect(source.readVersions({ from: "1", pageSize: 50, params: { page_size: 1 } }, never)).rejects.toThrow(ConfigError);
    await expect(source.readVersions({ from: "1e9", pageSize: 50, params: {} }, never)).rejects.toThrow(TypeError);
    expect(server.seen).toEqual([]);
  });
});

describe("what is read", () => {
  it("keeps each row byte for byte, and digits beyond 2^53", async () => {
    const rows = [
      '{ "o_id": 880001, "ts": 20260101000000455, "pay_amount": 206.00, "modified": "2026-01-01 10:30:02", "shop_id": 880101,"items":[{"o_id":1,"ts":2}] }',
      '{"o_id":"880002","ts":"20260101000000457","modified":"2026-01-01 10:30:02.125","shop_id":"0","remark":"老客户，请附【贺卡】😊\\n\\"ts\\":1"}',
      '{"o_id":9223372036854775807,"ts":9223372036854775807,"modified":"0001-01-01 00:00:00","shop_id":null}',
    ];
    const { source } = await sourceOf(() => page(rows));
    const answer = await source.readVersions({ from: "1", pageSize: 100, params: {} }, never);
    expect(answer).toEqual({
      rows: [
        { id: "880001", version: "20260101000000455", modifiedMs: Date.UTC(2026, 0, 1, 2, 30, 2), shopId: "880101", raw: rows[0] },
        { id: "880002", version: "20260101000000457", modifiedMs: Date.UTC(2026, 0, 1, 2, 30, 2, 125), shopId: "0", raw: rows[1] },
        { id: "9223372036854775807", version: "9223372036854775807", modifiedMs: null, shopId: null, raw: rows[2] },
      ],
      total: null,
      pageCount: null,
      hasNext: false,
      requests: 1,
    });
  });

  it("takes rows without id, version or shape as they come", async () => {
    const rows = ['{"o_id":"","ts":null,"modified":""}', "{}", "7", "null", '["o_id"]', '{"o_id":{"a":1},"ts":-1,"modified":1767225600}'];
    const { source } = await sourceOf(() => page(rows));
    const answer = await source.readVersions({ from: "1", pageSize: 100, params: {} }, never);
    expect(answer.rows).toEqual(rows.map((raw) => ({ id: null, version: null, modifiedMs: null, shopId: null, raw })));
  });

  it.each([
    ['"data_count":120,"page_count":3,"has_next":true', { total: 120, pageCount: 3, hasNext: true }],
    ['"data_count":"120","page_count":"3","has_next":"True"', { total: 120, pageCount: 3, hasNext: true }],
    ['"data_count":0,"page_count":0,"has_next":0', { total: 0, pageCount: 0, hasNext: false }],
    ['"data_count":"","page_count":null,"has_next":"maybe"', { total: null, pageCount: null, hasNext: null }],
    ['"data_count":-1,"page_count":1.5', { total: null, pageCount: null, hasNext: null }],
  ])("reads paging tolerantly: %s", async (paging, expected) => {
    const { source } = await sourceOf(() => page([], paging));
    expect(await source.readWindow(windowQuery, never)).toMatchObject({ ...expected, rows: [] });
  });

  it("asks for both windows where rows have two times, as one answer without a total", async () => {
    const map = getApi("/open/skumap/query");
    const row = (id: number, modified: string, linked: string) => `{"shop_sku_id":"S${id}","shop_id":1,"modified":"${modified}","link_modified":"${linked}"}`;
    const early = "2026-01-01 10:00:00";
    const late = "2026-01-01 10:30:00";
    const answers = [[row(1, early, late), row(2, late, "")], [row(3, early, early), row(1, late, early)]];
    const paging = ['"data_count":2,"has_next":false', '"data_count":2,"has_next":false'];
    const { server, source } = await sourceOf(() => page(answers[server.seen.length % 2 === 1 ? 0 : 1]!, paging[server.seen.length % 2 === 1 ? 0 : 1], "datas"), map);
    const read = () => source.readWindow({ ...windowQuery, page: 1 }, never);
    const answer = await read();
    expect(server.seen.map(({ form }) => form["biz"])).toEqual(["modified", "link_modified"].map((name) =>
      `{"${name}_begin":"2026-01-01 10:00:00","${name}_end":"2026-01-01 11:00:00","page_index":1,"page_size":50}`));
    expect(answer).toMatchObject({ total: null, pageCount: null, hasNext: false, requests: 2 });
    // The later reading of a row counts, and the later of its times.
    expect(answer.rows.map(({ id, modifiedMs }) => [id, modifiedMs])).toEqual([["S1|1", Date.UTC(2026, 0, 1, 2, 30)], ["S2|1", Date.UTC(2026, 0, 1, 2, 30)], ["S3|1", Date.UTC(2026, 0, 1, 2)]]);
    expect(answer.rows[0]!.raw).toBe(answers[1]![1]);
    paging[1] = '"data_count":3,"has_next":false';
    expect((await read()).hasNext).toBe(true);
  });

  it("believes no totals in a version walk", async () => {
    const { source } = await sourceOf(() => page([], '"data_count":9,"page_count":9'));
    expect(await source.readVersions({ from: "1", pageSize: 50, params: {} }, never)).toMatchObject({ total: null, pageCount: null });
  });

  it("finds the list under data, at the top, and under its other name", async () => {
    const bodies = [
      '{"code":0,"data":{"orders":[{"io_id":1}]}}',
      '{"code":"0","msg":null,"data":null,"datas":[{"io_id":1}],"data_count":1}',
      '{"code":0,"data":{"page_index":1},"datas":[{"io_id":1}]}',
      '{"code":0,"data":{"datas":null,"orders":[{"io_id":1}]}}',
      '\uFEFF{"code":0,"data":{"datas":[{"io_id":9}]},"data":{"\\u0064atas":[{"io_id":1}]}}',
    ];
    const { source } = await sourceOf((_seen, _response, n) => bodies[n], outbound);
    for (const _ of bodies) {
      const { rows } = await source.readWindow(windowQuery, never);
      expect(rows.map(({ id }) => id)).toEqual(["1"]);
    }
  });

  it("reads one row that stands in place of the list as an object, of the API of which that is written, and only by its id", async () => {
    const row = '{ "io_id": 20260101000000455, "modified":"2026-01-01 10:30:02","items":{"ioi_id":1} }';
    const bodies = [`{"code":0,"data_count":1,"datas":${row}}`, `{"code":0,"data":{"data_count":1,"datas":[${row}]}}`, '{"code":0,"data_count":1,"datas":{"0":{"io_id":1}}}', '{"code":0,"data_count":0,"datas":{}}'];
    const { source } = await sourceOf((_seen, _response, n) => bodies[n], getApi("/open/jushuitan/inout/water/query"));
    for (const _ of [1, 2]) {
      expect(await source.readWindow(windowQuery, never)).toMatchObject({ total: 1, rows: [{ id: "20260101000000455", modifiedMs: Date.UTC(2026, 0, 1, 2, 30, 2), raw: row }] });
    }
    for (const _ of [3, 4]) await expect(source.readWindow(windowQuery, never)).rejects.toMatchObject({ code: "TM_SOURCE_ANSWER", message: expect.stringContaining("`datas` is not a list") as unknown });
  });

  it("takes null for an empty list only when the source counts 0", async () => {
    const bodies = ['{"code":0,"data":{"data_count":0,"orders":null}}', '{"code":0,"data":{"data_count":1,"orders":null}}'];
    const { source } = await sourceOf((_seen, _response, n) => bodies[n]);
    expect((await source.readWindow(windowQuery, never)).rows).toEqual([]);
    await expect(source.readWindow(windowQuery, never)).rejects.toMatchObject({ kind: "transient", code: "TM_SOURCE_ANSWER" });
  });

  it.each([
    ['{"code":0,"msg":""}', "there is no `orders`"],
    ['{"code":0,"data":{"has_next":false}}', "there is no `orders`"],
    ['{"code":0,"data":[]}', "there is no `orders`"],
    ['{"code":0,"data":{"orders":{"o_id":1}}}', "`orders` is not a list"],
    ['{"code":0,"data":{"orders":"[]"}}', "`orders` is not a list"],
  ])("does not take %s for an empty answer", async (body, reason) => {
    const { source } = await sourceOf(() => body);
    await expect(source.readVersions({ from: "1", pageSize: 50, params: {} }, never)).rejects.toMatchObject({
      kind: "transient",
      code: "TM_SOURCE_ANSWER",
      message: expect.stringContaining(reason) as unknown,
    });
  });
});
