import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/errors.ts";
import { CATALOGUE, getApi } from "../../../src/source/jushuitan/catalogue.ts";
import { rowsFromTexts } from "../../../src/source/jushuitan/rows.ts";

const DAY_MS = 86_400_000;

describe("catalogue", () => {
  it("holds orders and outbound orders, complete", () => {
    expect(getApi("/open/orders/single/query")).toMatchObject({
      listFields: ["orders"],
      idField: "o_id",
      versionParam: "start_ts",
      pageSize: { min: 2, default: 100, max: 100 },
      windowMs: 7 * DAY_MS - 60_000,
    });
    expect(getApi("/open/orders/out/simple/query")).toMatchObject({
      listFields: ["datas", "orders"],
      idField: "io_id",
      pageSize: { min: 2, default: 50, max: 50 },
    });
  });

  it("has every reading interface of the reference, each once", () => {
    const reference = [
      ..."orders/single orders/out/simple refund/single aftersale/received inventory sku mall/item skumap combine/sku category shops wms/partner logisticscompany purchase purchasein purchaseout other/inout allocate inventory/count supplier logistic order/action pack".split(" ").map((path) => `/open/${path}/query`),
      "/open/webapi/wmsapi/purchasein/purchaseinquery", "/open/jushuitan/inout/water/query", "/open/jushuitan/manufacture/query", "/open/jushuitan/purchasebooking/query", "/open/webapi/aftersaleapi/pay/payqueryasmodified",
    ];
    expect(CATALOGUE.map(({ path }) => path).sort()).toEqual([...reference, "refresh.token"].sort());
  });

  it("says of exactly one that nothing is proved", () => {
    expect(CATALOGUE.filter(({ notProvable }) => notProvable !== null).map(({ path }) => path)).toEqual(["/open/logistic/query"]);
  });

  it.each([
    ["/open/inventory/query", '{"sku_id":"A"}', "A|0"],
    ["/open/inventory/query", '{"qty":1}', null],
    ["/open/skumap/query", '{"shop_id":0,"shop_sku_id":"S"}', "S|0"],
    ["/open/skumap/query", '{"shop_id":7,"shop_sku_id":"S|1%7C"}', "S%7C1%257C|7"],
    ["/open/pack/query", '{"sku_id":"A","wms_co_id":"1","pack_id":2,"bin":""}', "A|1|2||"],
    ["/open/shops/query", '{"shop_id":880101}', "880101"],
    ["/open/sku/query", '{"sku_id":"A|B%"}', "A|B%"],
  ])("of %s the row %s has the id %s", (path, row, id) => {
    expect(rowsFromTexts([row], getApi(path))[0]!.id).toBe(id);
  });

  it("takes an id's part that rows lack from what was asked", () => {
    expect(rowsFromTexts(['{"sku_id":"A"}'], getApi("/open/inventory/query"), { wms_co_id: 10001 })[0]!.id).toBe("A|10001");
  });

  it("names the platforms that order queries never return", () => {
    for (const api of CATALOGUE.filter(({ path }) => path.startsWith("/open/orders/"))) {
      const words = api.neverReturns.join(" ");
      expect(words).toContain("淘系");
      expect(words).toContain("拼多多");
      expect(words).toContain("Qimen");
    }
  });

  it.each([
    ["/open/order/single/query", "/open/orders/single/query"],
    ["orders.single.query", "/open/orders/single/query"],
    ["/open/orders/out/simple/querry", "/open/orders/out/simple/query"],
  ])("for %s asks: did you mean %s?", (path, meant) => {
    expect(() => getApi(path)).toThrow(ConfigError);
    expect(() => getApi(path)).toThrow(
      expect.objectContaining({ code: "TM_CONFIG_API", fix: expect.stringContaining(`Did you mean ${meant}?`) as unknown }),
    );
  });

  it("guesses nothing for something else", () => {
    expect(() => getApi("zzz")).toThrow(expect.objectContaining({ fix: expect.not.stringContaining("Did you mean") as unknown }));
  });
});
