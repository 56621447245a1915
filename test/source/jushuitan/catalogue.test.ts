import { describe, expect, it } from "vitest";
import { ConfigError } from "../../../src/errors.ts";
import { CATALOGUE, getApi } from "../../../src/source/jushuitan/catalogue.ts";

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
