import { describe, expect, it } from "vitest";
import { SourceError } from "../../../src/errors.ts";
import { answerError, classify, type AnswerClass } from "../../../src/source/jushuitan/errors.ts";

const rows: [AnswerClass, number, string][] = [
  // newer official table
  ["ok", 0, "执行成功"],
  ["sign", 10, "验证失败！无效签名"],
  ["token", 100, "验证失败！无效的access_token或access_token已过期"],
  ["ip", 110, "验证失败！已设置IP白名单，该IP不在白名单列表：192.0.2.7，请登录开发者后台自行添加IP"],
  ["clock", 140, "验证失败！无效的timestamp，请求最大时间误差15分钟"],
  ["reauthorise", 150, "服务商应用禁止刷新access_token,需商户重新授权"],
  ["permission", 190, "验证失败！无API权限，请申请API权限"],
  ["rate", 199, "调用频次超过限制!请稍后再试"],
  ["rate", 200, "调用频次超过限制"],
  ["permission", 21024, "仅支持自有应用"],
  // older official table
  ["sign", 10, "验证失败!无效签名"],
  ["token", 100, "access_token超时"],
  ["ip", 110, "验证失败!已设置IP白名单，验证IP无效：192.0.2.7，请联系管理员添加IP"],
  ["business", 130, "传输数据不能为空"],
  ["business", 140, "参数不符合规范,请检查传入参数!"],
  ["transient", 150, "内部处理异常！"],
  ["business", 160, "指定快递单xxxx的单据不存在"],
  ["business", 170, "店铺编号[1]不存在!"],
  ["business", 180, "执行失败!"],
  ["permission", 190, "验证失败!"],
  ["rate", 199, "调用太频繁，请稍后再试!"],
  ["rate", 200, "调用频次超过限制!"],
  // seen by integrators, and spellings
  ["business", 10015, "参数缺失"],
  ["business", -4, "参数值错误"],
  ["rate", 10004, "请求过于频繁"],
  ["rate", 1, "接口限流"],
  ["business", 200, "参数错误"],
  ["rate", 200, ""],
  ["token", 1, "ACCESS_TOKEN 已 过期"],
  ["token", 140, "无效的access_token，timestamp"],
  ["clock", 1, "无效的 TimeStamp"],
  ["clock", 1, "时间戳无效"],
  ["sign", 1, "签 名 错误"],
  ["reauthorise", 150, "需商户 重新授权"],
  ["ip", 1, "不在白 名单"],
  ["business", 999999, "未知"],
];

describe("classification, by code and message together", () => {
  it.each(rows)("%s: %i %s", (meaning, code, msg) => {
    expect(classify({ code, msg })).toBe(meaning);
  });

  it("180 is the clock only if the time sent was stale", () => {
    expect(classify({ code: 180, msg: "执行失败!", skewMs: 599_000 })).toBe("business");
    expect(classify({ code: 180, msg: "执行失败!", skewMs: 600_000 })).toBe("clock");
  });
});

describe("errors", () => {
  const context = { account: "main", kind: "self" as const, api: "/open/x", requests: 2, requestId: "r-1", secrets: ["hunter2secret"] };

  it.each([
    ["token", "final", "TM_SOURCE_TOKEN"],
    ["reauthorise", "final", "TM_REAUTHORISE"],
    ["sign", "final", "TM_SOURCE_SIGN"],
    ["clock", "final", "TM_SOURCE_CLOCK"],
    ["ip", "final", "TM_SOURCE_IP"],
    ["permission", "final", "TM_SOURCE_PERMISSION"],
    ["rate", "transient", "TM_SOURCE_RATE"],
    ["transient", "transient", "TM_SOURCE_TRANSIENT"],
    ["business", "final", "TM_SOURCE_BUSINESS"],
  ] as const)("%s is %s %s, with a fix and where to look", (meaning, kind, code) => {
    const error = answerError(meaning, { code: 7, msg: "见 hunter2secret 说明" }, context);
    expect(error).toBeInstanceOf(SourceError);
    expect(error).toMatchObject({ kind, code, details: { api: "/open/x", requests: 2, requestId: "r-1", sourceCode: 7 } });
    expect(error.fix).toMatch(/\w{4}/);
    expect(error.path).toMatch(/^accounts\.main/);
    expect(error.message).toContain("见 *** 说明");
  });
});
