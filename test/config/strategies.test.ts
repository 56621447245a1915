import { rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { fingerprints } from "../../src/store/streams.ts";
import { configParts } from "../../src/store/worker-config.ts";
import { configErrorOf, ENV, folderWith, problemsOf } from "./support.ts";

const ACCOUNT = { platform: "jushuitan", kind: "self", appKey: "k", appSecret: "s" };
const TARGET = { use: "qeasy", qeasy: "./target.json", baseUrl: "http://127.0.0.1:9" };
const SOURCE = {
  api: "orders.single.query", id: "so_id", idCheck: false, pagination: { pageSize: 500 }, crontab: "*/5 * * * *", omissionRemedy: { crontab: "10 2 * * *" }, condition: [[{ field: "status", logic: "eq", value: "Sent" }]],
  request: [{ field: "status", value: "Sent" }, { field: "shop_id", type: "int", value: "7" }],
};
const NO_OP = { api: "写入空操作", operation: { method: "batchArraySave", rows: 20 }, request: [{ field: "no", value: "{{so_id}}" }] };

interface Files {
  source?: unknown;
  target?: unknown;
  pipeline?: object;
  apis?: object;
}

/** A config of one pipeline in a folder, with the files of its strategy. */
function written({ source = SOURCE, target = NO_OP, pipeline = {}, apis }: Files): { folder: string; load: () => Promise<Awaited<ReturnType<typeof loadConfig>>> } {
  const config = { accounts: { main: ACCOUNT }, pipelines: { orders: { source: { account: "main", qeasy: "./source.json", from: "2026-01-01" }, target: TARGET, ...pipeline } }, ...(apis === undefined ? {} : { apis }) };
  const text = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  const folder = folderWith({ "tidemark.config.json": JSON.stringify(config), "source.json": text(source), "target.json": text(target) });
  return { folder, load: () => loadConfig({ folder, env: ENV }) };
}
const load = async (files: Files) => (await written(files).load()).pipelines["orders"]!;

test("a strategy's files give api, page size, parameters, id, schedules and the target's settings", async () => {
  expect(await load({})).toMatchObject({
    source: { api: "/open/orders/single/query", pageSize: 100, params: { status: "Sent", shop_id: 7 }, cursor: "auto" },
    schedule: { crons: ["*/5 * * * *"], timezone: "Asia/Shanghai" }, audit: { crons: ["10 2 * * *"], repair: true }, mapping: { id: "so_id" },
    target: { api: "写入空操作", batchSize: 20, idCheck: false },
  });
});

test("what the config sets beside them wins, parameter by parameter", async () => {
  const source = { account: "main", qeasy: "./source.json", from: "2026-01-01", pageSize: 20, params: { shop_id: 8 } };
  const pipeline = { source, target: { ...TARGET, api: "别的", batchSize: 5, idCheck: true }, schedule: { every: "30s" }, audit: null, mapping: { id: "o_id" }, strategy: "1fbda962" };
  expect(await load({ pipeline })).toMatchObject({
    source: { pageSize: 20, params: { status: "Sent", shop_id: 8 } }, schedule: { crons: ["@every 30s"] }, audit: null, mapping: { id: "o_id" }, target: { api: "别的", batchSize: 5, idCheck: true }, strategy: "1fbda962",
  });
});

test("an API that the config describes runs the strategy of another name", async () => {
  const source = { account: "main", qeasy: "./source.json", api: "/open/mine/query", from: "2026-01-01" };
  const apis = { "/open/mine/query": { idField: "key", pageSize: 30 } };
  expect(await load({ source: { ...SOURCE, api: "mine", id: undefined }, pipeline: { source }, apis })).toMatchObject({ source: { api: "/open/mine/query", pageSize: 30 }, mapping: { id: "key" } });
  // The strategy's own api may be the described one.
  expect(await load({ source: { ...SOURCE, api: "/open/mine/query", id: undefined }, apis })).toMatchObject({ source: { api: "/open/mine/query", pageSize: 30 }, mapping: { id: "key" } });
});

test("a file may have both halves", async () => {
  const pair = `${JSON.stringify(SOURCE)}\n// and\n${JSON.stringify(NO_OP)}`;
  expect(await load({ source: pair, pipeline: { target: { ...TARGET, qeasy: "./source.json" } } })).toMatchObject({ source: { pageSize: 100 }, target: { batchSize: 20 } });
});

test("a strategy that changes nothing is no mapping: rows pass through, and fields of one's own may be set", async () => {
  const pipeline = { mapping: { fields: { no: "so_id" } } };
  const { mapping } = await load({ source: { ...SOURCE, condition: [] }, target: { api: "写入空操作" }, pipeline });
  expect(mapping).toEqual({ id: "so_id", record: { fields: { no: { from: "so_id" } } } });
  const wrong = await configErrorOf(() => load({ pipeline }));
  expect(problemsOf(wrong)).toMatchObject({ "pipelines.orders.mapping.fields": { expected: expect.stringContaining("nothing beside qeasy but id") as string } });
});

test("a uuid belongs to one pipeline, which keeps its rows for the lookups of others", async () => {
  const one = { source: { account: "main", api: "/open/shops/query", from: "all" }, target: { use: "qeasy", baseUrl: "http://127.0.0.1:9" }, strategy: "u-1" };
  const config = (pipelines: object) => loadConfig({ folder: folderWith({ "tidemark.config.json": JSON.stringify({ accounts: { main: ACCOUNT }, pipelines }) }), env: ENV });
  const { pipelines } = await config({ one, brief: { ...one, strategy: "u-2", source: { ...one.source, keepRows: "7d" } }, other: { ...one, strategy: undefined } });
  expect(Object.values(pipelines).map(({ source }) => source.keepRows)).toEqual(["forever", 7 * 86_400_000, "none"]);
  expect(problemsOf(await configErrorOf(() => config({ one, two: one })))).toMatchObject({ "pipelines.two.strategy": { value: '"u-1"', expected: expect.stringContaining("the pipeline one") as string } });
});

test("into tables goes one record a row: lines that an order no longer has would stay there", async () => {
  const pipeline = { target: { use: "postgres", url: "postgres://u@127.0.0.1/shop", table: "orders" } };
  expect(await load({ pipeline })).toMatchObject({ mapping: { id: "so_id", qeasy: { oneEach: true } }, target: { use: "postgres", idCheck: false } });
  const wrong = await configErrorOf(() => load({ source: { ...SOURCE, beatFlat: ["items"] }, pipeline }));
  expect(problemsOf(wrong)).toMatchObject({ "pipelines.orders.source.qeasy": { value: '"./source.json"', expected: expect.stringContaining('target.items: "tables"') as string } });
});

test.each<[string, Files, string, RegExp]>([
  ["no JSON", { target: '{"api":"写入空操作","requ' }, "TM_QEASY_FILE", /^pipelines\.orders\.target\.qeasy: \.\/target\.json is no strategy: .*line 1/],
  ["of another ERP", { source: { ...SOURCE, api: "trade_query.php" } }, "TM_QEASY_REFUSED", /source\.qeasy: [^]*source\.json[^]*source\.api: .*trade_query.*TM_QEASY_API_FOREIGN/],
  ["nothing that could be compared", { source: { ...SOURCE, condition: [[{ field: "a", logic: "near", value: "" }]] } }, "TM_QEASY_REFUSED", /source\.condition\[0\]\[0\]: .*"near"/],
  ["a condition that moves", { source: { ...SOURCE, condition: [[{ field: "modified", logic: "gt", value: "{{LAST_SYNC_TIME|datetime}}" }]] } }, "TM_QEASY_REFUSED", /source\.condition\[0\]\[0\]: .*judges a row by when it is read/],
  ["a remedy that reads other rows", { source: { ...SOURCE, omissionRemedy: { crontab: "10 2 * * *", takeOverRequest: [{ field: "status", value: "Delivering" }] } } }, "TM_QEASY_REFUSED", /takeOverRequest\.status: .*reads rows that no run reads/],
  ["a call back", { target: { ...NO_OP, response: [{ field: "callBackStrategy", type: "object", value: { strategyId: "u-1", no: "{{so_id}}" } }] } }, "TM_QEASY_REFUSED", /target\.response\.callBackStrategy: .*the strategy u-1/],
  ["a document of many records", { target: { ...NO_OP, groupCalculate: { headerGroup: ["shop_id"], calculate: {} } } }, "TM_QEASY_REFUSED", /target\.groupCalculate: .*with so_id in headerGroup/],
  ["a parameter that moves", { source: { ...SOURCE, request: [{ field: "x", value: "_function RAND()" }] } }, "TM_QEASY_REFUSED", /source\.request\.x: .*a fixed value in source\.params takes its place/],
])("a file with %s says which file, which key and what to do", async (_, files, code, message) => {
  expect(await configErrorOf(() => load(files))).toMatchObject({ code, message: expect.stringMatching(message) as string, path: expect.stringMatching(/^pipelines\.orders\.(?:source|target)\.qeasy$/) as string, fix: expect.any(String) as string });
});

test("a file that is not there is named", async () => {
  const { folder, load: loadIt } = written({});
  rmSync(path.join(folder, "source.json"));
  expect(await configErrorOf(loadIt)).toMatchObject({ code: "TM_QEASY_FILE", path: "pipelines.orders.source.qeasy", message: expect.stringContaining(`${path.join(folder, "source.json")} cannot be read: ENOENT`) as string });
});

test("files that cannot be used are told with every other mistake, and what they may give is not said to be missing", async () => {
  const pipeline = (source: object, more: object = {}) => ({ source: { account: "main", ...source }, target: { use: "qeasy", baseUrl: "http://127.0.0.1:9" }, ...more });
  const pipelines = {
    gone: pipeline({ qeasy: "./gone.json", lookback: "10" }, { mapping: { rest: "all" } }),
    torn: pipeline({ qeasy: "./source.json", from: "2026-01-01" }, { target: { ...TARGET, qeasy: "./torn.json" }, mapping: { rest: "drop" } }),
    foreign: pipeline({ qeasy: "./foreign.json" }, { freshness: "1" }),
    moving: pipeline({ qeasy: "./moving.json" }),
    hashed: pipeline({ api: "/open/shops/query", from: "all" }, { mapping: { fields: { x: { from: "a", mask: "hash" }, y: { from: "b", type: "int" } } } }),
    lines: pipeline({ api: "/open/shops/query", from: "all", pageSize: 1 }, { mapping: { explode: "items", fields: { id: "so_id", x: { value: 1, type: "text" } } }, target: { use: "mysql", url: "mysql://h/d", table: "t", batchSize: 0 } }),
  };
  const files = { "source.json": SOURCE, "foreign.json": { ...SOURCE, api: "trade_query.php" }, "moving.json": { ...SOURCE, request: [{ field: "x", value: "_function RAND()" }] } };
  const loadAll = (which: object) => loadConfig({
    folder: folderWith({ "tidemark.config.json": JSON.stringify({ accounts: { main: ACCOUNT }, pipelines: which }), "torn.json": '{"api":"写入空操作","requ', ...Object.fromEntries(Object.entries(files).map(([name, file]) => [name, JSON.stringify(file)])) }), env: ENV,
  });
  const wrong = await configErrorOf(() => loadAll(pipelines));
  expect(wrong.code).toBe("TM_CONFIG");
  const found = problemsOf(wrong);
  expect(Object.keys(found).map((path) => path.replace("pipelines.", "")).sort()).toEqual([
    "foreign.freshness", "foreign.source.qeasy", "gone.mapping.rest", "gone.source.lookback", "gone.source.qeasy", "hashed.mapping.fields.y.type", "hashed.mapping.hashKey",
    "lines.mapping.explode", "lines.mapping.fields.id", "lines.mapping.fields.x.type", "lines.source.pageSize", "lines.target.batchSize", "moving.source.from", "moving.source.qeasy", "torn.mapping.rest", "torn.target.qeasy",
  ]);
  const told = (path: string, value: string, expected: RegExp) => expect(found[`pipelines.${path}.qeasy`]).toMatchObject({ value, expected: expect.stringMatching(expected) as string });
  told("gone.source", '"./gone.json"', /gone\.json cannot be read: ENOENT \(TM_QEASY_FILE\)$/);
  told("torn.target", '"./torn.json"', /torn\.json is no strategy: .*line 1.*TM_QEASY_FILE/);
  told("foreign.source", '"./foreign.json"', /TM_QEASY_REFUSED[^]*source\.api: .*trade_query.*TM_QEASY_API_FOREIGN/);
  told("moving.source", '"./moving.json"', /source\.request\.x: .*a fixed value/);
  expect(Object.keys(problemsOf(await configErrorOf(() => loadAll({ gone: pipeline({ qeasy: "./gone.json" }), also: pipeline({ qeasy: "./also.json" }) }))))).toEqual(["pipelines.gone.source.qeasy", "pipelines.also.source.qeasy"]);
});

test("without a date in the strategy the config says from when", async () => {
  const source = { account: "main", qeasy: "./source.json" };
  expect(Object.keys(problemsOf(await configErrorOf(() => load({ pipeline: { source } }))))).toEqual(["pipelines.orders.source.from"]);
  expect((await load({ source: { ...SOURCE, request: [{ field: "modified_begin", value: "2026-01-05" }] }, pipeline: { source } })).source.from).toBe(Date.UTC(2026, 0, 4, 16));
});

test("another condition, id or request is another mapping, for the index and for the workers; a label, an order of keys or a schedule is not", async () => {
  const { folder, load: loadIt } = written({});
  const identity = async () => {
    const config = await loadIt();
    const pipeline = config.pipelines["orders"]!;
    return { ...fingerprints(pipeline, config.accounts["main"]!), worker: configParts(config, pipeline)["mapping"] };
  };
  const first = await identity();
  const write = (file: string, value: object) => writeFileSync(path.join(folder, file), JSON.stringify(value));
  write("source.json", { label: "new", ...Object.fromEntries(Object.entries(SOURCE).toReversed()), crontab: "0 * * * *" });
  expect(await identity()).toEqual(first);
  for (const change of [{ condition: [[{ field: "status", logic: "eq", value: "Cancelled" }]] }, { beatFlat: ["items"] }, { formatResponse: [{ old: "a", new: "b", format: "date" }] }]) {
    write("source.json", { ...SOURCE, ...change });
    const now = await identity();
    expect([now.source === first.source, now.target === first.target, now.worker === first.worker]).toEqual([true, false, false]);
  }
  write("source.json", SOURCE);
  write("target.json", { ...NO_OP, request: [{ field: "no", type: "int", value: "{{so_id}}" }] });
  expect([(await identity()).target === first.target, (await identity()).source]).toEqual([false, first.source]);
  write("target.json", NO_OP);
  write("source.json", { ...SOURCE, request: [{ field: "status", value: "Cancelled" }] });
  expect([(await identity()).source === first.source, (await identity()).target]).toEqual([false, first.target]);
});
