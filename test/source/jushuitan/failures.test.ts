import { inspect } from "node:util";
import { afterEach, describe, expect, it } from "vitest";
import { SourceError } from "../../../src/errors.ts";
import { getApi } from "../../../src/source/jushuitan/catalogue.ts";
import { createJushuitanSource } from "../../../src/source/jushuitan/source.ts";
import { account, APP_KEY, APP_SECRET, never, outside, page, serve, TOKEN, type Answer } from "./wire.ts";

const api = getApi("/open/orders/single/query");
const query = { from: "1", pageSize: 50, params: {} };

let close = () => {};
afterEach(() => close());

async function failureOf(answer: Answer, timeoutMs = 5_000): Promise<{ error: SourceError; asked: number; secrets: string[] }> {
  const server = await serve(answer);
  close = server.close;
  const { deps } = outside();
  const source = createJushuitanSource({ account: account(server.baseUrl, { timeoutMs }), api, deps });
  const error: unknown = await source.readVersions(query, never).catch((reason: unknown) => reason);
  if (!(error instanceof SourceError)) throw new Error(`expected a SourceError, got ${inspect(error)}`);
  const signs = server.seen.map(({ form }) => form["sign"] ?? "");
  return { error, asked: server.seen.length, secrets: [TOKEN, APP_KEY, APP_SECRET, ...signs] };
}

const html = "<html><head><title>502 Bad Gateway</title></head></html>";

describe("an answer that is none", () => {
  const cases: [string, Answer, RegExp][] = [
    ["an HTML page under 502", (_seen, response) => response.writeHead(502).end(html) && undefined, /HTTP 502 with an HTML page: <html>.*502 Bad Gateway/],
    ["an HTML page under 200", () => html, /HTTP 200 with an HTML page/],
    ["an empty body", () => "", /HTTP 200 with an empty body/],
    ["a 503 without a body", (_seen, response) => response.writeHead(503).end() && undefined, /HTTP 503 with an empty body/],
    ["a redirect", (_seen, response) => response.writeHead(302, { location: "/elsewhere" }).end() && undefined, /HTTP 302/],
    ["a cut JSON body", () => page(['{"o_id":1,"receiver_name":"张三"}']).slice(0, -30), /HTTP 200 with a broken or cut JSON body/],
    ["JSON without a code", () => ({ error: "oops" }), /HTTP 200 with a JSON body without `code`: \{"error":"oops"\}/],
    ["a code that is no number", () => ({ code: "E1" }), /`code` is not a whole number/],
    ["a JSON list", () => [], /HTTP 200 with a JSON body without `code`/],
    ["a body cut inside a character", () => Buffer.from(page(['{"a":"张"}']).replace("张", "X")).fill(0xe5, 60, 61), /not UTF-8/],
    ["a dropped connection", (_seen, response) => void response.socket?.destroy(), /could not be asked/],
    [
      "a connection dropped in the body",
      (_seen, response) => {
        response.writeHead(200, { "content-length": "1000" }).write('{"code":0');
        setTimeout(() => response.socket?.destroy(), 20);
      },
      /could not be asked/,
    ],
  ];

  it.each(cases)("%s is transient, with what was received", async (_name, answer, message) => {
    const { error, asked } = await failureOf(answer);
    expect(error).toMatchObject({ kind: "transient", code: "TM_SOURCE_TRANSIENT" });
    expect(error.message).toMatch(message);
    expect(error.message.length).toBeLessThan(350);
    expect(error.message).not.toContain("张三");
    expect(asked).toBe(1); // repeating is the caller's business
  });

  it("nobody listening is transient", async () => {
    const server = await serve(() => "");
    server.close();
    const { deps } = outside();
    const source = createJushuitanSource({ account: account(server.baseUrl), api, deps });
    await expect(source.readVersions(query, never)).rejects.toMatchObject({
      kind: "transient",
      code: "TM_SOURCE_TRANSIENT",
      details: { network: "ECONNREFUSED" },
    });
  });

  it("the time limit is one for everything, even while bytes keep coming", async () => {
    let timer: NodeJS.Timeout | undefined;
    const started = Date.now();
    const { error } = await failureOf((_seen, response) => {
      response.writeHead(200).write('{"code":0,"data":');
      timer = setInterval(() => response.write(" "), 20);
    }, 200);
    clearInterval(timer);
    expect(error).toMatchObject({ kind: "transient", code: "TM_SOURCE_TRANSIENT" });
    expect(error.message).toContain("within 200 ms");
    expect(Date.now() - started).toBeLessThan(1_500);
  });
});

describe("a JSON body with a code", () => {
  it("wins over the HTTP status", async () => {
    const { error } = await failureOf((_seen, response) => {
      response.writeHead(500).end(JSON.stringify({ code: 110, msg: "不在IP白名单列表：192.0.2.7", request_id: "r-7" }));
    });
    expect(error).toMatchObject({ kind: "final", code: "TM_SOURCE_IP", details: { sourceCode: 110, requestId: "r-7" } });
    expect(error.message).toContain("192.0.2.7");
  });

  it.each([
    [10, "验证失败！无效签名", "final", "TM_SOURCE_SIGN"],
    [110, "验证失败！已设置IP白名单", "final", "TM_SOURCE_IP"],
    [150, "服务商应用禁止刷新access_token,需商户重新授权", "final", "TM_REAUTHORISE"],
    [150, "内部处理异常！", "transient", "TM_SOURCE_TRANSIENT"],
    [190, "验证失败！无API权限", "final", "TM_SOURCE_PERMISSION"],
    [140, "参数不符合规范,请检查传入参数!", "final", "TM_SOURCE_BUSINESS"],
    [12345, "未知", "final", "TM_SOURCE_BUSINESS"],
  ])("code %i %s is %s %s after one request", async (code, msg, kind, expected) => {
    const { error, asked } = await failureOf(() => ({ code, msg, data: null }));
    expect(error).toMatchObject({ kind, code: expected });
    expect(asked).toBe(1);
  });
});

describe("secrets", () => {
  const echoes: [string, Answer][] = [
    ["in a page", (seen) => `<html>bad request: ${seen.body}</html>`],
    ["in a page, decoded", (seen) => `<html>${Object.values(seen.form).join(" ")}</html>`],
    ["in a message", (seen) => ({ code: 999, msg: `bad: ${seen.body} ${JSON.stringify(seen.form)}`, request_id: seen.form["sign"] })],
    ["in upper case", (seen) => `<html>${seen.body.toUpperCase()}</html>`],
    ["in cut JSON", (seen) => `{"echo":${JSON.stringify(seen.body)}`],
    ["at the cut", (seen) => `<html>${"x ".repeat(93)}${seen.form["access_token"]}</html>`],
    ["nowhere, but drops the connection", (_seen, response) => void response.socket?.destroy()],
  ];
  it.each(echoes)("never stand in an error, though the source echoes the request %s", async (_name, answer) => {
    const { error, secrets } = await failureOf(answer);
    const everything = `${inspect(error, { depth: 10, showHidden: true })}${JSON.stringify(error)}${error.stack}`.toLowerCase();
    expect(secrets.every((secret) => secret.length > 10)).toBe(true);
    for (const secret of secrets) expect(everything).not.toContain(secret.slice(0, 12));
  });
});

describe("abort", () => {
  it("ends a request at once with the signal's reason", async () => {
    const stop = new AbortController();
    const reason = new Error("cancelled");
    const server = await serve(() => {
      setTimeout(() => stop.abort(reason), 20);
      return undefined;
    });
    close = server.close;
    const { deps } = outside();
    const source = createJushuitanSource({ account: account(server.baseUrl), api, deps });
    await expect(source.readVersions(query, stop.signal)).rejects.toBe(reason);
    expect(server.seen.length).toBe(1);
  });

  it("sends nothing when it came before", async () => {
    const server = await serve(() => page([]));
    close = server.close;
    const { deps } = outside({ acquire: async () => {} });
    const source = createJushuitanSource({ account: account(server.baseUrl), api, deps });
    await expect(source.readVersions(query, AbortSignal.abort(new Error("early")))).rejects.toThrow("early");
    expect(server.seen).toEqual([]);
  });
});
