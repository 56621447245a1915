import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { afterEach, expect, test } from "vitest";
import type { QeasyTargetConfig } from "../../src/config/types.ts";
import { TargetError } from "../../src/errors.ts";
import type { OutRecord } from "../../src/target/contract.ts";
import { createQeasyTarget } from "../../src/target/qeasy.ts";
import { qeasyTarget } from "../support/pipeline.ts";

interface Seen {
  url: string;
  key: string | undefined;
  body: string;
}

let close = () => {};
afterEach(() => close());

/** A target over HTTP that answers as told; `null` ends the connection, `undefined` leaves the request open. */
async function qeasy(answer: (response: ServerResponse) => { status: number; body?: string; headers?: Record<string, string> } | null | undefined, overrides: Partial<QeasyTargetConfig> = {}) {
  const seen: Seen[] = [];
  const server = createServer((request: IncomingMessage, response) => {
    let body = "";
    request.on("data", (chunk) => (body += String(chunk)));
    request.on("end", () => {
      seen.push({ url: request.url!, key: request.headers["idempotency-key"] as string | undefined, body });
      const given = answer(response);
      if (given === null) response.destroy();
      else if (given !== undefined) response.writeHead(given.status, given.headers).end(given.body ?? "");
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  close = () => {
    server.closeAllConnections();
    server.close();
  };
  const baseUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return { seen, target: createQeasyTarget(qeasyTarget({ baseUrl, ...overrides })) };
}

const records: OutRecord[] = ["1", "2"].map((id) => ({ id, recordId: id, sourceId: id, version: "20260101000000455", slice: "1", json: `{"id":"${id}","amount":206.00}` }));
const guard = { signal: new AbortController().signal, beforeWrite: () => undefined };

/** What a sent batch came to: `taken`, or the kind of the error and its code. */
async function outcome(...[answer, overrides]: Parameters<typeof qeasy>): Promise<string> {
  const { target } = await qeasy(answer, overrides);
  return target.send(records, "key", guard).then(() => "taken", (error: TargetError) => `${error.kind} ${error.code}`);
}

test.each([
  ["", "taken"], ["ok", "taken"], ["{}", "taken"], ["[]", "taken"], ['{"success":true,"code":0}', "taken"], ['{"code":"200","success":"true"}', "taken"],
  ['{"success":false}', "refused TM_TARGET_REFUSED"], ['{"success":true,"code":500}', "refused TM_TARGET_REFUSED"], ['{"code":"-1"}', "refused TM_TARGET_REFUSED"],
  ["<html>maintenance</html>", "retry TM_TARGET_ANSWER"],
])("200 with %j: %s", async (body, expected) => {
  expect(await outcome(() => ({ status: 200, body }))).toBe(expected);
});

test("the keys that mean success inside a 200 are settings", async () => {
  const success = { errcode: [0] };
  expect(await outcome(() => ({ status: 200, body: '{"errcode":7}' }), { success })).toBe("refused TM_TARGET_REFUSED");
  expect(await outcome(() => ({ status: 200, body: '{"success":false,"errcode":0}' }), { success })).toBe("taken");
});

test.each([
  ...[401, 403, 404, 405, 407, 201, 202, 204, 301, 302, 307, 410].map((status) => [status, "misconfigured TM_TARGET_CONFIG"] as const),
  [413, "too-large TM_TARGET_TOO_LARGE"] as const,
  ...[400, 409, 422].map((status) => [status, "refused TM_TARGET_REFUSED"] as const),
  ...[408, 429, 500, 502, 503, 504].map((status) => [status, "retry TM_TARGET_BUSY"] as const),
])("%i: %s", async (status, expected) => {
  expect(await outcome(() => ({ status, headers: status > 300 && status < 400 ? { Location: "/elsewhere" } : {} }))).toBe(expected);
});

test("no answer, or none in time, is tried again", async () => {
  expect(await outcome(() => null)).toBe("retry TM_TARGET_UNREACHABLE");
  expect(await outcome(() => undefined, { timeoutMs: 100 })).toBe("retry TM_TARGET_UNREACHABLE");
});

test("the limit of time holds whatever the garbage collector takes away meanwhile", async () => {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  const timer = setInterval(collect, 20);
  expect(await outcome(() => undefined, { timeoutMs: 300 }).finally(() => clearInterval(timer))).toBe("retry TM_TARGET_UNREACHABLE");
});

test("records travel byte for byte under the batch's key", async () => {
  const { target, seen } = await qeasy(() => ({ status: 200 }));
  await target.send(records, "the-key", guard);
  expect(seen).toEqual([{ url: `/api/${encodeURIComponent("写入空操作")}`, key: "the-key", body: '[{"id":"1","amount":206.00},{"id":"2","amount":206.00}]' }]);
});

test("directly before the request is written it is asked whether it may be; if not, nothing is sent", async () => {
  const { target, seen } = await qeasy(() => ({ status: 200 }));
  const expired = { ...guard, beforeWrite: () => { throw new TargetError("lease-lost", "TM_LEASE_EXPIRED", "too late"); } };
  await expect(target.send(records, "key", expired)).rejects.toMatchObject({ kind: "lease-lost" });
  await target.send(records, "next", guard);
  expect(seen.map(({ key }) => key)).toEqual(["next"]);
});
