import { existsSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { folderWith, jsonOf, runCli } from "./cli.ts";

const fixture = (name: string): string => fileURLToPath(new URL(`../qeasy/fixtures/${name}`, import.meta.url));
const PAIR = [fixture("seed-refresh-token.json"), fixture("seed-write-noop.json")];
const FOREIGN = fixture("053-wdt-trade-query-docs.json");

test("the founding pair: a config on standard output, the report on standard error; the config loads", async () => {
  const { code, stdout, stderr } = await runCli(["import", "qeasy", ...PAIR]);
  expect(code).toBe(0);
  expect(stderr).toMatch(/source\.pagination +kept without effect[^]*target\.idCheck +kept[^]*It can run as it stands\./);
  expect(stderr).not.toContain("defineConfig");
  const folder = folderWith({ "tidemark.config.ts": stdout });
  expect(Object.keys((await loadConfig({ folder, env: { QEASY_BASE_URL: "http://127.0.0.1:9" } })).pipelines)).toEqual(["refresh-token"]);
});

test("--out writes the file once, and over it only by --force", async () => {
  const cwd = folderWith();
  const out = path.join(cwd, "tidemark.config.ts");
  const run = (...more: string[]) => runCli(["import", "qeasy", ...PAIR, "--out", "tidemark.config.ts", ...more], { cwd });
  const first = await run();
  expect([first.code, first.stdout]).toEqual([0, `Wrote ${out}\n`]);
  const second = await run("--name", "tokens", "--json");
  expect([second.code, (jsonOf(second) as { error: object }).error]).toEqual([2, expect.objectContaining({ code: "TM_IMPORT_EXISTS", path: out })]);
  expect(readFileSync(out, "utf8")).toContain('"refresh-token": {');
  expect((await run("--name", "tokens", "--account", "other", "--force")).code).toBe(0);
  expect(readFileSync(out, "utf8")).toMatch(/other: \{\s+platform[^]*tokens: \{\n/);
});

test("--json has pipeline, config, report and both halves as they came; both may come by standard input", async () => {
  const stdin = PAIR.map((file) => readFileSync(file, "utf8")).join("\n");
  const answer = jsonOf(await runCli(["import", "qeasy", "-", "--json"], { stdin })) as { strategies: Record<string, string> };
  expect(answer).toMatchObject({
    name: "refresh-token", pipeline: { source: { account: "simple", api: "refresh.token", number: "msg" }, target: { baseUrl: "${QEASY_BASE_URL}" } },
    config: expect.stringContaining("defineConfig("), report: { runnable: true, keys: expect.any(Array), notices: expect.any(Array) }, written: null,
  });
  expect(Object.values(answer.strategies)).toEqual(PAIR.map((file) => JSON.stringify(JSON.parse(readFileSync(file, "utf8")))));
});

const FLAT = '{"api":"orders.single.query","id":"o_id","beatFlat":["items"]} // kept\n';
const NO_OP = '{"api":"写入空操作","request":[{"field":"qty","type":"int","value":"{{items_qty}}"}]}';

test("a strategy that runs as it is: the config names the files given, or with --out copies beside it", async () => {
  const cwd = folderWith({ "a.json": FLAT, "b.json": NO_OP, "pair.json": FLAT + NO_OP });
  const env = { QEASY_BASE_URL: "http://127.0.0.1:9", JST_APP_KEY: "k", JST_APP_SECRET: "s" };
  const named = async (files: string[], ...more: string[]) => runCli(["import", "qeasy", ...files, ...more], { cwd });
  expect((await named(["a.json", "b.json"])).stdout).toMatch(/qeasy: "\.\/a\.json"[^]*qeasy: "\.\/b\.json"/);
  const pair = await named(["pair.json"]);
  expect(pair.stdout).toMatch(/qeasy: "\.\/pair\.json"[^]*qeasy: "\.\/pair\.json"/);
  const folder = folderWith({ "tidemark.config.ts": pair.stdout, "pair.json": FLAT + NO_OP });
  expect((await loadConfig({ folder, env })).pipelines["orders-single"]!.mapping.qeasy).toBeDefined();
  expect((await named(["a.json", "b.json"], "--name", "flat", "--out", "deep.ts")).code).toBe(0);
  expect(["flat.source.json", "flat.target.json"].map((file) => readFileSync(path.join(cwd, file), "utf8"))).toEqual([FLAT, NO_OP]);
  expect((await loadConfig({ folder: cwd, file: path.join(cwd, "deep.ts"), env })).pipelines["flat"]!.mapping.qeasy).toBeDefined();
  const piped = await runCli(["import", "qeasy", "-", "--json"], { cwd, stdin: FLAT + NO_OP });
  expect([piped.code, (jsonOf(piped) as { error: object }).error]).toEqual([2, expect.objectContaining({ code: "TM_USAGE", path: "--out" })]);
});

test("where one of the files is there already none is written", async () => {
  const cwd = folderWith({ "a.json": FLAT, "b.json": NO_OP, "flat.target.json": "mine" });
  const ended = await runCli(["import", "qeasy", "a.json", "b.json", "--name", "flat", "--out", "tidemark.config.ts", "--json"], { cwd });
  expect([ended.code, (jsonOf(ended) as { error: object }).error]).toEqual([2, expect.objectContaining({ code: "TM_IMPORT_EXISTS", path: path.join(cwd, "flat.target.json") })]);
  expect([existsSync(path.join(cwd, "flat.source.json")), existsSync(path.join(cwd, "tidemark.config.ts")), readFileSync(path.join(cwd, "flat.target.json"), "utf8")]).toEqual([false, false, "mine"]);
});

test("an API of another ERP ends with 1 and writes nothing, and is reported and kept", async () => {
  const cwd = folderWith();
  const [people, programs] = await Promise.all([runCli(["import", "qeasy", FOREIGN, "--out", "a.ts"], { cwd }), runCli(["import", "qeasy", FOREIGN, "--json", "--out", "b.ts"], { cwd })]);
  expect([people.code, people.stdout, programs.code, programs.stderr]).toEqual([1, "", 1, ""]);
  expect(people.stderr).toMatch(/source\.api +refused: [^]*x TM_QEASY_API_FOREIGN source\.api[^]*It cannot run as it stands/);
  expect(jsonOf(programs)).toMatchObject({ pipeline: null, config: null, written: null, strategies: { source: JSON.stringify(JSON.parse(readFileSync(FOREIGN, "utf8"))), target: null } });
  expect(["a.ts", "b.ts"].filter((name) => existsSync(path.join(cwd, name)))).toEqual([]);
});

test.each([["jushuitan.order.list.query", "Qimen"], ["orders.history.query", "a pipeline of /open/orders/single/query asks for them as well"]])("%s is refused with the reason, and nothing is claimed of its other keys", async (api, reason) => {
  const stdin = JSON.stringify({ api, id: "o_id", idCheck: true, request: [{ field: "modified_begin", value: "{{LAST_SYNC_TIME|datetime}}" }] });
  const { code, stdout, stderr } = await runCli(["import", "qeasy", "-"], { stdin });
  expect([code, stdout]).toEqual([1, ""]);
  expect(stderr).toMatch(new RegExp(`x TM_QEASY_API_FOREIGN source.api: .*${reason}`));
  expect(stderr).toMatch(/source\.request +refused: its API is not run[^]*nothing was written/);
  expect(stderr).not.toMatch(/translated|taken over|kept|TM_QEASY_WINDOW|TM_QEASY_ID_CHECK/);
}, 60_000);

test("of two files the first is the source, whatever their APIs are called", async () => {
  const swapped = jsonOf(await runCli(["import", "qeasy", ...PAIR.toReversed(), "--json"])) as { config: null; report: { notices: object[] } };
  expect(swapped.config).toBeNull();
  for (const at of ["source.api", "target.api"]) expect(swapped.report.notices).toContainEqual(expect.objectContaining({ code: "TM_QEASY_API_FOREIGN", path: at }));
});

test("text that is cut off is refused with its place", async () => {
  const ended = await runCli(["import", "qeasy", "-", "--json"], { stdin: '{"api":"refresh.token","id' });
  expect([ended.code, (jsonOf(ended) as { error: object }).error]).toEqual([1, expect.objectContaining({ code: "TM_QEASY_JSON", message: expect.stringContaining("line 1") })]);
});
