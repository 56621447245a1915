import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, expect, test } from "vitest";
import { readHeld } from "../../src/target/held.ts";

const SILENT_MS = 300;

let server: Server;
afterEach(() => new Promise((resolve) => server.close(resolve)));

async function listed(answer: (response: ServerResponse) => void): Promise<[string, string | null][]> {
  server = createServer((_request, response) => answer(response));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const found: [string, string | null][] = [];
  for await (const records of readHeld(`http://127.0.0.1:${(server.address() as AddressInfo).port}/held`, {}, "pipelines.orders.target.heldUrl", SILENT_MS, AbortSignal.timeout(10_000))) {
    found.push(...records.map(({ id, version }): [string, string | null] => [id, version]));
  }
  return found;
}

test("a list of what is held is read line by line; versions keep their digits", async () => {
  const lines = ['{"id":"a","ts":"20260101000000455","more":1}', '{"id":7,"ts":12}', "", '{"id":"c","ts":null}', '{"id":"d"}'];
  expect(await listed((response) => response.end(lines.join("\r\n")))).toEqual([["a", "20260101000000455"], ["7", "12"], ["c", null], ["d", null]]);
});

test("a list may take its time, as long as something comes", async () => {
  const slow = (response: ServerResponse) => {
    let id = 0;
    const timer = setInterval(() => response.write(`{"id":"${++id}"}\n`) && id === 5 && (clearInterval(timer), response.end()), 100);
  };
  expect(await listed(slow)).toHaveLength(5);
});

test("a number that JavaScript would round is refused as a version", async () => {
  await expect(listed((response) => response.end('{"id":"a","ts":20260101000000455}'))).rejects.toMatchObject({ code: "TM_TARGET_HELD", kind: "misconfigured" });
});

test.each([
  ["no JSON", (response: ServerResponse) => response.end("<html>"), "misconfigured", "line 1 is no JSON"],
  ["no id", (response: ServerResponse) => response.end('{"id":"a"}\n{"ts":"5"}\n'), "misconfigured", "line 2 is no object"],
  ["another page", (response: ServerResponse) => response.writeHead(302, { location: "/login" }).end(), "misconfigured", "HTTP 302"],
  ["a failing server", (response: ServerResponse) => response.writeHead(503).end(), "retry", "HTTP 503"],
  ["a list that breaks off", (response: ServerResponse) => response.write('{"id":"a"}\n{"id":', () => response.destroy()), "retry", "broke off"],
  ["a server that does not answer", () => undefined, "retry", "nothing came for 300 ms"],
  ["a list that stops", (response: ServerResponse) => response.write('{"id":"a"}\n'), "retry", "nothing came for 300 ms"],
])("%s is no list", async (_what, answer, kind, message) => {
  await expect(listed(answer)).rejects.toMatchObject({ code: "TM_TARGET_HELD", path: "pipelines.orders.target.heldUrl", kind, message: expect.stringContaining(message) as string });
});
