import { describe, expect, test } from "vitest";
import { parse } from "yaml";
import type { UserApi, UserPipeline, UserSource } from "../../src/index.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { getApi } from "../../src/source/jushuitan/index.ts";
import { configErrorOf, problemsOf } from "./support.ts";

const OWN = "/open/own/query";

interface Written {
  api?: UserApi;
  source?: Partial<UserSource>;
  pipeline?: Partial<UserPipeline>;
  path?: string;
}

const config = ({ api, source, pipeline, path = OWN }: Written) => ({
  accounts: { main: { platform: "jushuitan", kind: "self", appKey: "k", appSecret: "s" } },
  ...(api === undefined ? {} : { apis: { [path]: api } }),
  pipelines: { one: { source: { account: "main", api: path, from: "2026-01-01", ...source }, target: { use: "qeasy", baseUrl: "http://127.0.0.1:9" }, ...pipeline } },
});
const validate = (written: Written) => validateConfig(config(written), { file: "/x/tidemark.config.ts", home: "/x/.tidemark", env: {} });
const problems = async (written: Written) => problemsOf(await configErrorOf(() => validate(written)));
const cursor = (written: Written) => validate(written).pipelines["one"]!.source.cursor;

describe("an API described in the config", () => {
  test("with the facts of one in the catalogue is the same to everything that reads it", () => {
    const { apis, pipelines } = validate({
      api: {
        title: "库存", method: "own.query", listFields: ["inventorys"], idField: "sku_id+wms_co_id", versionField: "ts", versionParam: "ts", versionAlone: true, totalsParam: false,
        pageSize: 100, totals: false, params: { wms_co_id: 0 },
      },
    });
    const same = ({ ...api }: ReturnType<typeof getApi>) => ({ ...api, path: "", title: "", method: "", parameters: [], oddities: [], neverReturns: [] });
    expect(same(apis[0]!)).toEqual(same(getApi("/open/inventory/query")));
    expect(getApi(OWN, apis)).toBe(apis[0]);
    expect(pipelines["one"]).toMatchObject({ source: { pageSize: 100, cursor: "auto" }, mapping: { id: "sku_id+wms_co_id" } });
  });

  test("is usual where it says nothing: windows of a week with totals, pages of 50", () => {
    const { apis } = validate({ api: { idField: "id" } });
    expect(apis[0]).toEqual({ ...getApi("/open/purchase/query"), path: OWN, title: OWN, method: null, idField: "id", parameters: [], oddities: [] });
  });

  test("that is read whole has no windows, no date to begin at and no audit", async () => {
    const api: UserApi = { idField: "id", modifiedField: null, cursor: "snapshot" };
    expect(cursor({ api, source: { from: "all" } })).toBe("snapshot");
    expect(validate({ api, source: { from: "all" } }).apis[0]).toMatchObject({ windowKeys: null, windowMs: 0 });
    expect(Object.keys(await problems({ api, pipeline: { audit: { every: "1d" } } }))).toEqual(["pipelines.one.source.from", "pipelines.one.audit"]);
  });

  test.each([
    ["without an id", {}, "idField"],
    ["with an id that is half empty", { idField: "a+" }, "idField"],
    ["by version without a version", { idField: "id", cursor: "version" }, "cursor"],
    ["with a version parameter alone", { idField: "id", versionParam: "ts" }, "versionField"],
    ["by windows without a modified time, and no word that nothing is proved", { idField: "id", modifiedField: null }, "modifiedField"],
    ["with pages of one row", { idField: "id", pageSize: 1 }, "pageSize"],
    ["with windows too short to take a minute off", { idField: "id", window: "1m" }, "window"],
    ["with a setting that is none", { idField: "id", windowkeys: ["a", "b"] }, "windowkeys"],
  ])("%s is refused, and only for that", async (_what, api, field) => {
    expect(Object.keys(await problems({ api: api as UserApi }))).toEqual([`apis.${OWN}.${field}`].map((path) => path.replace(`apis.${OWN}`, `apis["${OWN}"]`)));
  });

  test.each([
    ["by two windows with one modified time", { idField: "id", otherWindowKeys: ["a", "b"] }, "modifiedField"],
    ["with a method for archived records and no parameter", { idField: "id", historyMethod: "own.history" }, "archiveParam"],
  ])("%s is refused, and only for that", async (_what, api, field) => {
    expect(Object.keys(await problems({ api: api as UserApi }))).toEqual([`apis["${OWN}"].${field}`]);
  });

  const WRONG: Required<Record<keyof UserApi, unknown>> = {
    title: "", method: 7, historyMethod: 7, listFields: [], flat: "maybe", idField: "a+", modifiedField: "a+", versionField: 7, versionParam: 7, versionAlone: "maybe", pageSize: 1, maxPages: 0,
    window: "1m", windowKeys: ["begin"], otherWindowKeys: ["begin"], windowParams: [], params: [], totals: "maybe", totalsParam: "maybe", archiveParam: 7, cursor: "offset", notProvable: 7,
    parameters: "shop_id", oddities: [7], neverReturns: "all",
  };

  test.each(Object.entries(WRONG))("a wrong %s (%j) is told with the field, the value and an example that is right", async (field, value) => {
    const error = await configErrorOf(() => validate({ api: { idField: "id", [field]: value } }));
    const [[path, problem] = []] = Object.entries(problemsOf(error));
    expect(path).toMatch(new RegExp(`^apis\\["${OWN}"\\]\\.${field}`));
    expect(problem!.value).toBe(Array.isArray(value) ? (field === "oddities" ? "7" : "a list") : JSON.stringify(value));
    expect(problem!.expected).not.toBe("");
    expect(error.fix).toContain(problem!.example);
    const right = parse(`{ ${problem!.example} }`) as Partial<UserApi>;
    expect(Object.keys(right)).toEqual([field]);
    expect(() => validate({ api: { idField: "id", versionField: "ts", archiveParam: "archive", modifiedField: "modified+link_modified", ...right } })).not.toThrow();
  });

  test("may not stand for one that the catalogue has", async () => {
    expect(Object.values(await problems({ path: "/open/sku/query", api: { idField: "sku_id" } }))).toMatchObject([{ path: 'apis["/open/sku/query"]', expected: expect.stringContaining("tidemark apis show /open/sku/query") }]);
  });
});

describe("the cursor", () => {
  test.each([
    ["/open/orders/single/query", {}, "2026-01-01", "auto"],
    ["/open/purchasein/query", {}, "2026-01-01", "window"],
    ["/open/shops/query", {}, "all", "snapshot"],
    ["/open/inventory/query", {}, "all", "auto"],
    ["/open/inventory/query", { wms_co_id: 10001 }, "2026-01-01", "window"],
  ])("of %s with params %j is what is safe for it", (path, params, from, is) => {
    expect(cursor({ path, source: { params, from } })).toBe(is);
  });

  test.each([
    ["/open/sku/query", { cursor: "version" }, "cursor", '"window"'],
    ["/open/shops/query", { cursor: "window", from: "all" }, "cursor", '"auto"'],
    ["/open/inventory/query", { cursor: "version", params: { wms_co_id: 1 } }, "cursor", '"window"'],
    ["/open/sku/query", { from: "all" }, "from", "a date"],
    ["/open/shops/query", { from: "2026-01-01" }, "from", '"all"'],
    ["/open/purchasein/query", { params: { statuss: ["Confirmed"] } }, "params.statuss", "Remove statuss"],
    ["/open/pack/query", { params: { start_time: "2026-01-01" } }, "params.start_time", "Remove start_time"],
    ["/open/webapi/aftersaleapi/pay/payqueryasmodified", { params: { is_archive: true } }, "params.is_archive", "Remove is_archive"],
  ] as const)("of %s with %j is refused", async (path, source, field, expected) => {
    expect(Object.values(await problems({ path, source: source as unknown as Partial<UserSource> }))).toMatchObject([{ path: `pipelines.one.source.${field}`, expected: expect.stringContaining(expected) }]);
  });
});
