import { spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { compareSourceAndTarget } from "../../src/simulator/compare.ts";
import { type JushuitanSimulator, startJushuitan } from "../../src/simulator/jushuitan/server.ts";
import { type QeasySimulator, startQeasy } from "../../src/simulator/qeasy/server.ts";
import { admin, ORDERS, OUTBOUND, post, truth } from "./client.ts";
import { tsxArguments } from "../../src/local/tsx.js";

let source: JushuitanSimulator;
let target: QeasySimulator;
beforeEach(async () => {
  source = await startJushuitan({ orders: 120 });
  target = await startQeasy();
});
afterEach(() => Promise.all([source.close(), target.close()]));

const PATH = "/api/写入空操作";
const raw = async (id: string, api = ORDERS) => (await fetch(`${source.url}/_admin/record?api=${encodeURIComponent(api)}&id=${id}`)).text();
const withId = (text: string, id: string) => `{"id":"${id}",${text.slice(1)}`;
const compare = (refused: string[] = [], api = ORDERS) => compareSourceAndTarget({ jushuitanUrl: source.url, qeasyUrl: target.url, api, refused });
const write = (records: string[]) => post(target.url + encodeURI(PATH), `[${records.join(",")}]`);

async function copyAll(api = ORDERS): Promise<void> {
  await write(await Promise.all((await truth(source.url, api)).map(async ({ id }) => withId(await raw(id, api), id))));
}

describe("comparing source and target", () => {
  it.each([ORDERS, OUTBOUND])("finds nothing wrong with a copy that only adds ids (%s)", async (api) => {
    await copyAll(api);
    const count = (await truth(source.url, api)).length;
    expect(await compare([], api)).toEqual({
      source: count, target: count, missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0, missingIds: [], staleIds: [],
    });
  });

  it("counts what is missing, stale, altered, unknown or there twice, and leaves out what was refused", async () => {
    await copyAll();
    await admin(source.url, "change", { ids: [880005, 880006] });
    await admin(source.url, "insert", { count: 2 });
    await admin(target.url, "delete", { ids: ["880001", "880002"] });
    await write([withId((await raw("880010")).replace('"currency":""', '"currency":"USD"'), "880010"), withId(await raw("880011"), "x-880011"), '{"id":"nobody"}']);
    expect(await compare(["880002"])).toEqual({
      source: 122, target: 120, missing: 3, stale: 2, wrongContent: 1, unknown: 2, duplicated: 1,
      missingIds: ["880001", "880121", "880122"], staleIds: ["880005", "880006"],
    });
  });

  it("finds a number that lost its digits", async () => {
    await copyAll();
    const rounded = JSON.stringify(JSON.parse(withId(await raw("880020"), "880020")));
    await write([rounded]);
    const { stale, wrongContent } = await compare();
    expect(stale + wrongContent).toBe(1);
  });
});

describe("as a process of its own", () => {
  const main = fileURLToPath(new URL("../../src/simulator/main.ts", import.meta.url));
  it.each(["jushuitan", "qeasy"])("%s says where it is on one line and ends on SIGTERM", async (kind) => {
    const child = spawn(process.execPath, [...tsxArguments(), main, kind, "--options", '{"seed":3}']);
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    const { url } = JSON.parse(line.toString()) as { url: string };
    expect((await fetch(`${url}/_admin/state`)).status).toBe(200);
    child.kill("SIGTERM");
    expect(await once(child, "exit")).toEqual([0, null]);
  });

  it("says what is wrong with its options and ends with 2", async () => {
    const child = spawn(process.execPath, [...tsxArguments(), main, "qeasy", "--options", '{"speed":1}']);
    const [text] = (await once(child.stderr, "data")) as [Buffer];
    expect(text.toString()).toContain("speed");
    expect(await once(child, "exit")).toEqual([2, null]);
  });
});
