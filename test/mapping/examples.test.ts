import path from "node:path";
import { describe, expect, test } from "vitest";
import { folderWith, jsonOf, runCli } from "../cli/cli.ts";

const CONFIG = `
accounts: { main: { platform: jushuitan, kind: self, appKey: "\${JST_APP_KEY}", appSecret: "\${JST_APP_SECRET}" } }
pipelines:
  orders:
    source: { account: main, api: /open/orders/single/query, from: all }
    mapping: { rest: drop, script: ./hook.ts, fields: { total: { from: amount, type: decimal, scale: 2 }, note: remark, lines: { each: items } } }
    target: { use: qeasy, baseUrl: "\${QEASY_BASE_URL}" }
`;
const HOOK = "export const transform = (record, { source }) => ({ ...record, seen: source.ts });";
const IN = '{"o_id":1,"amount":"5","ts":20260101000000455,"remark":1.50,"items":[]}';
const OUT = '{ "lines":[], "note":1.50, "id":"1", "seen":"20260101000000455", "total":"5.\\u00300" }';

const run = (examples: string, args: string[] = []) => {
  const cwd = folderWith({ "tidemark.config.yaml": CONFIG, "hook.ts": HOOK, "orders.examples.json": examples });
  return runCli(["mapping", "test", "orders", ...args], { cwd });
};

describe("tidemark mapping test", () => {
  test("needs neither credentials nor a store, and is content with the right record in any order of its fields", async () => {
    const ended = await run(`{"examples":[{"in":${IN},"out":${OUT}},{"name":"no amount","in":{"o_id":1,"amount":"x"},"error":"TM_MAPPING_VALUE"},{"name":"no id","in":{},"error":"TM_NO_ID"}]}`);
    expect(ended).toMatchObject({ code: 0, stdout: "ok       example 1\nok       no amount\nok       no id\nAll 3 examples come out as expected.\n" });
  });

  test("runs the strategy of a pipeline too: lines, rows that are dropped, and such as fail", async () => {
    const config = CONFIG.replace(/    mapping: .*\n/, "").replace("api: /open/orders/single/query", "qeasy: ./source.json").replace("use: qeasy,", "use: qeasy, qeasy: ./target.json,");
    const source = { api: "orders.single.query", id: "o_id", beatFlat: ["items"], condition: [[{ field: "status", logic: "eq", value: "Sent" }]] };
    const target = { api: "写入空操作", request: [{ field: "n", type: "int", value: "{{items_qty}}", is_required: true }] };
    const row = (status: string, qty: string) => `{"o_id":7,"status":"${status}","items":[{"qty":${qty}},{"qty":"20260101000000455"}]}`;
    const examples = `{"examples":[{"in":${row("Sent", "2")},"out":[{"id":"7-1","n":2},{"id":"7-2","n":20260101000000455}]},{"in":${row("Cancelled", "2")},"out":null},{"in":${row("Sent", '""')},"error":"TM_QEASY_REQUIRED"}]}`;
    const cwd = folderWith({ "tidemark.config.yaml": config, "source.json": JSON.stringify(source), "target.json": JSON.stringify(target), "orders.examples.json": examples });
    expect(await runCli(["mapping", "test", "orders"], { cwd })).toMatchObject({ code: 0, stdout: expect.stringContaining("All 3 examples") as string });
  });

  test("ends with 1 and names each difference; digits count", async () => {
    const examples = `{"examples":[{"name":"paid","in":${IN},"out":${OUT.replace("1.50", "1.5").replace('"lines":[]', '"lines":[{"a":1}],"more":null')}},{"in":{"o_id":1,"amount":"x"},"out":{}},{"in":${IN},"error":"TM_MAPPING_VALUE"}]}`;
    const [people, programs] = await Promise.all([run(examples), run(examples, ["--json"])]);
    expect(people.code).toBe(1);
    expect(people.stdout).toContain("differs  paid\n           lines.0\n             expected  {\"a\":1}\n             got       (nothing)\n");
    expect(people.stdout).toContain("           note\n             expected  1.5\n             got       1.50\n");
    expect(people.stdout).toContain('refused: TM_MAPPING_VALUE: field "total": "x"; expected a decimal number');
    expect(people.stdout).toContain("3 of 3 examples differ.");
    expect(programs.code).toBe(1);
    expect(jsonOf(programs)).toMatchObject({
      pipeline: "orders", failed: 3,
      examples: [
        { name: "paid", ok: false, refusal: null, differences: [{ path: "lines.0", expected: '{"a":1}', got: null }, { path: "more", expected: "null", got: null }, { path: "note", expected: "1.5", got: "1.50" }] },
        { name: "example 2", ok: false, differences: [], refusal: expect.stringContaining("TM_MAPPING_VALUE") as string },
        { ok: false, differences: [{ path: "(error)", expected: "TM_MAPPING_VALUE", got: expect.stringMatching(/^\{.*"total":"5.00".*\}$/) as string }] },
      ],
    });
  });

  test.each([["no JSON", "{"], ["no examples", '{"examples":[]}'], ["a slip", '{"examples":[{"in":{},"outt":{}}]}'], ["a record and an error", '{"examples":[{"in":{},"out":{},"error":"TM_X"}]}']])("%s is told with the shape", async (_what, text) => {
    const ended = await run(text, ["--json"]);
    expect(ended.code).toBe(1);
    expect(jsonOf(ended)).toMatchObject({ error: { code: "TM_MAPPING_EXAMPLES", fix: expect.stringContaining('"examples"') as string } });
  });

  test("a file of another name", async () => {
    const file = path.join(folderWith({ "mine.json": `{"examples":[{"in":${IN},"out":${OUT}}]}` }), "mine.json");
    expect((await run("{", ["--examples", file])).code).toBe(0);
  });
});
