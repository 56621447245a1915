import { createHash } from "node:crypto";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { signedForm } from "../../../src/source/jushuitan/form.ts";
import { sign } from "../../../src/source/jushuitan/sign.ts";
import { APP_KEY, APP_SECRET, TOKEN } from "./wire.ts";

const common = { app_key: APP_KEY, charset: "utf-8" };
const business = { ...common, access_token: TOKEN, version: "2" };

describe("signature", () => {
  it("N1: a token call, without token and biz", () => {
    const fields = { ...common, timestamp: "1767225600", grant_type: "authorization_code", code: "k7m2qx" };
    expect(sign(fields, APP_SECRET)).toBe("fae3e61e5f069d942b076644f3e5a8fc");
  });

  it("N2: a business call by version", () => {
    const biz = '{"start_ts":1,"is_get_total":false,"page_index":1,"page_size":50}';
    expect(sign({ ...business, timestamp: "1767229200", biz }, APP_SECRET)).toBe("df0fbf9f81ed16adaff0d20281a9678a");
  });

  it("N3: Chinese text, full-width brackets included", () => {
    const biz = '{"page_index":1,"page_size":50,"exactly_name":"加厚羊毛围巾（红色）"}';
    expect(sign({ ...business, timestamp: "1767232800", biz }, APP_SECRET)).toBe("6d9cf82f302f53fa27c8a3e687e87e6d");
  });

  it("a window query of outbound orders", () => {
    const biz =
      '{"modified_begin":"2026-01-01 10:00:00","modified_end":"2026-01-01 11:00:00","date_type":0,"page_index":1,"page_size":50}';
    expect(sign({ ...business, timestamp: "1767236700", biz }, APP_SECRET)).toBe("34b44a23152963fc8d9bfa20ef66e353");
  });

  it("sorts by bytes, not by language: underscore after capitals, before small letters", () => {
    const expected = createHash("md5").update("secretB2_3b1").digest("hex");
    expect(sign({ b: "1", B: "2", _: "3" }, "secret")).toBe(expected);
  });

  it("leaves out empty fields and the signature itself", () => {
    expect(sign({ a: "1", b: "", sign: "x" }, "s")).toBe(sign({ a: "1" }, "s"));
  });
});

describe("form body", () => {
  it("is the documented example byte for byte", () => {
    const biz = '{"start_ts":20260101000000400,"is_get_total":false,"page_index":1,"page_size":100}';
    expect(signedForm({ ...business, timestamp: "1767236400", biz }, APP_SECRET)).toBe(
      "access_token=00112233445566778899aabbccddeeff&app_key=a1b2c3d4e5f60718293a4b5c6d7e8f90&biz=%7B%22start_ts%22%3A20260101000000400%2C%22is_get_total%22%3Afalse%2C%22page_index%22%3A1%2C%22page_size%22%3A100%7D&charset=utf-8&timestamp=1767236400&version=2&sign=5a2370d9806249729eab9e76ef433aae",
    );
  });

  it("is read back as it was signed, whatever the values", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string({ unit: "grapheme" }), fc.string({ unit: "grapheme" })), (fields) => {
        const read = Object.fromEntries(new URLSearchParams(signedForm(fields, APP_SECRET)));
        expect(read["sign"]).toBe(sign(read, APP_SECRET));
        expect(read["sign"]).toBe(sign(fields, APP_SECRET));
      }),
    );
  });
});
