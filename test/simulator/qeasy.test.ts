import { afterEach, describe, expect, it } from "vitest";
import { type QeasyOptions, type QeasySimulator, startQeasy } from "../../src/simulator/qeasy/server.ts";
import { admin, post } from "./client.ts";

let simulator: QeasySimulator;
const start = async (options: QeasyOptions = {}) => (simulator = await startQeasy(options));
const PATH = "/api/%E5%86%99%E5%85%A5%E7%A9%BA%E6%93%8D%E4%BD%9C";
const send = (body: string, headers: Record<string, string> = {}) => post(simulator.url + PATH, body, { "Content-Type": "application/json", ...headers });
const held = async (id: string) => (await fetch(`${simulator.url}/_admin/record?id=${id}`)).text();
const state = () => admin(simulator.url, "state");
afterEach(() => simulator?.close());

describe("taking records", () => {
  it("takes an array or one object and keeps each text byte for byte", async () => {
    await start();
    const first = '{ "id":"1", "ts" : 20260101000000455, "pay_amount":206.00,"note":"} , \\"id\\":\\"9\\" 😊" }';
    const reply = await send(`[ ${first},{"id":"2"}]`);
    expect(reply).toMatchObject({ status: 200, text: '{"code":0,"msg":"success","data":{"count":2}}' });
    expect(await held("1")).toBe(first);
    expect((await send('{"id":"3","ts":"7"}')).text).toContain('"count":1');
    expect(await state()).toMatchObject({ held: 3, records: 3, requests: 2, created: 3 });
  });

  it("takes lower-case escapes in the path, and no other interface", async () => {
    await start();
    expect((await post(simulator.url + PATH.toLowerCase(), '{"id":"1"}')).status).toBe(200);
    expect((await post(`${simulator.url}/api/other`, '{"id":"1"}')).status).toBe(404);
    expect((await fetch(simulator.url + PATH)).status).toBe(405);
  });

  it.each([
    ["an id that is missing", '[{"id":"1"},{"o_id":2}]', "record 1"],
    ["an id that is a number", '[{"id":1}]', "record 0"],
    ["an empty id", '[{"id":"1"},{"id":"2"},{"id":""}]', "record 2"],
    ["something that is no object", '[{"id":"1"},5]', "record 1"],
    ["broken JSON", '[{"id":"1"}', "invalid JSON"],
    ["a number that is none", '[{"id":"1","n":01}]', "invalid JSON"],
  ])("refuses %s with 400 and takes nothing of the request", async (_what, body, named) => {
    await start();
    const reply = await send(body);
    expect(reply.status).toBe(400);
    expect(JSON.parse(reply.text)).toMatchObject({ code: 400, message: expect.stringContaining(named) });
    expect(await state()).toMatchObject({ held: 0 });
  });

  it("refuses what is too large with 413", async () => {
    await start({ maxRecords: 2, maxBytes: 60 });
    expect((await send('[{"id":"1"},{"id":"2"},{"id":"3"}]')).status).toBe(413);
    expect((await send(`[{"id":"1","note":"${"x".repeat(60)}"}]`)).status).toBe(413);
    expect((await send('[{"id":"1"},{"id":"2"}]')).status).toBe(200);
  });

  it("wants the secret when there is one", async () => {
    await start({ secret: "s3cret" });
    expect((await send('{"id":"1"}')).status).toBe(401);
    expect((await send('{"id":"1"}', { Authorization: "Bearer s3cret" })).status).toBe(200);
    expect(JSON.stringify(await state())).not.toContain("s3cret");
  });
});

describe("versions", () => {
  it("counts rewrites with the same, a newer and an older version, beyond 2^53, and stores the older one all the same", async () => {
    await start();
    for (const ts of ["20260101000000455", "20260101000000455", "20260101000000457", "20260101000000456"]) await send(`{"id":"1","ts":${ts}}`);
    expect(await state()).toMatchObject({ held: 1, records: 4, created: 1, sameVersion: 1, newerVersion: 1, olderVersion: 1 });
    expect(await held("1")).toBe('{"id":"1","ts":20260101000000456}');
  });

  it("compares modified times where there is no ts, and keeps the newest when told so", async () => {
    await start({ keepNewest: true });
    for (const modified of ["2026-01-01 10:00:02", "2026-01-01 10:00:01"]) await send(`{"id":"1","modified":"${modified}"}`);
    expect(await state()).toMatchObject({ olderVersion: 1 });
    expect(await held("1")).toContain("10:00:02");
  });

  it("counts a batch that comes again under its key, and the most requests at once", async () => {
    await start({ latencyMs: 100 });
    await Promise.all(["a", "a", "b"].map((key) => send('[{"id":"1"}]', { "Idempotency-Key": key })));
    expect(await state()).toMatchObject({ duplicateKeys: 1, maxParallel: 3 });
  });
});

describe("refusals and faults", () => {
  it("refuses a request that holds a refused id as a whole", async () => {
    await start({ refuseIds: ["2"], refuseStatus: 409 });
    expect((await send('[{"id":"1"},{"id":"2"}]')).status).toBe(409);
    expect((await send('[{"id":"1"}]')).status).toBe(200);
    expect(await state()).toMatchObject({ held: 1, byStatus: { 409: 1, 200: 1 } });
    await admin(simulator.url, "configure", { refuseAll: true, refuseStatus: 422 });
    expect((await send('[{"id":"1"}]')).status).toBe(422);
  });

  it.each([201, 204, 302, 401, 404, 503])("answers HTTP %i to everything when told so", async (status) => {
    await start({ status });
    expect((await send('[{"id":"1"}]')).status).toBe(status);
    expect(await state()).toMatchObject({ held: 0 });
  });

  it.each([
    ["http500", 500, 0, /^Internal/],
    ["http503", 503, 0, /^<html>/],
    ["http429", 429, 0, /429/],
    ["html200", 200, 0, /^<!DOCTYPE/],
    ["failureIn200", 200, 0, /"success":false/],
    ["emptyBody", 200, 1, /^$/],
  ])("%s: HTTP %i, %i records taken", async (kind, status, taken, body) => {
    await start({ faults: { [kind]: 1 } });
    expect(await send('[{"id":"1"}]')).toMatchObject({ status, text: expect.stringMatching(body) });
    expect(await state()).toMatchObject({ held: taken, faults: { [kind]: 1 } });
  });

  it.each([
    ["drop", 0],
    ["dropAfter", 1],
  ])("%s: the connection breaks, %i records taken", async (kind, taken) => {
    await start({ faults: { [kind]: 1 } });
    await expect(send('[{"id":"1"}]')).rejects.toThrow();
    expect(await state()).toMatchObject({ held: taken });
  });
});

it("deletes records singly, by list, or all, and lists the rest by id", async () => {
  await start();
  await send('[{"id":"10"},{"id":"9"},{"id":"a"},{"id":"2"}]');
  const ids = async (query = "") => {
    const text = await (await fetch(`${simulator.url}/_admin/records${query}`)).text();
    return text.split("\n").filter((line) => line !== "").map((line) => (JSON.parse(line) as { id: string }).id);
  };
  expect(await ids()).toEqual(["2", "9", "10", "a"]);
  expect(await ids("?after=2&limit=2")).toEqual(["9", "10"]);
  await fetch(`${simulator.url}/_admin/record?id=9`, { method: "DELETE" });
  expect(await admin(simulator.url, "delete", { ids: ["a", "b"] })).toEqual({ deleted: 1 });
  expect(await ids()).toEqual(["2", "10"]);
  await admin(simulator.url, "clear", {});
  expect(await ids()).toEqual([]);
});
