import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { folderWith, jsonOf, runCli } from "./cli.ts";
import { qeasyOf } from "../support/pipeline.ts";

const EXAMPLES = fileURLToPath(new URL("../../examples/", import.meta.url));
const ENV = { JST_APP_KEY: "k", JST_APP_SECRET: "s", QEASY_BASE_URL: "http://127.0.0.1:9" };

test("init writes a config that works once its variables are set", async () => {
  const cwd = folderWith();
  const ended = await runCli(["init", "--json"], { cwd });
  expect(ended.code).toBe(0);
  expect(readdirSync(cwd).sort()).toEqual([".env.example", "tidemark.config.ts"]);
  expect((jsonOf(ended) as { written: string[] }).written.map((file) => path.basename(file))).toEqual(["tidemark.config.ts", ".env.example"]);
  const lines = readFileSync(path.join(cwd, ".env.example"), "utf8").replace(/^(\w+)=$/gm, (_, name: string) => `${name}=${ENV[name as keyof typeof ENV]}`);
  writeFileSync(path.join(cwd, ".env"), lines);
  expect(qeasyOf((await loadConfig({ folder: cwd, env: {} })).pipelines["orders"]!).baseUrl).toBe(ENV.QEASY_BASE_URL);
});

test("init leaves files alone that are there, unless told", async () => {
  const cwd = folderWith({ "tidemark.config.ts": "mine" });
  const refused = await runCli(["init"], { cwd });
  expect(refused.code).toBe(2);
  expect(refused.stderr).toContain("TM_INIT_EXISTS");
  expect(readdirSync(cwd)).toEqual(["tidemark.config.ts"]);
  expect(readFileSync(path.join(cwd, "tidemark.config.ts"), "utf8")).toBe("mine");
  expect((await runCli(["init", "--force"], { cwd })).code).toBe(0);
  expect(readFileSync(path.join(cwd, "tidemark.config.ts"), "utf8")).toContain("defineConfig");
});

test("init does not put a second config beside one of another kind", async () => {
  expect((await runCli(["init"], { cwd: folderWith({ "tidemark.config.yaml": "" }) })).code).toBe(2);
});

test("the examples in TypeScript and YAML mean the same", async () => {
  const load = (name: string) => loadConfig({ file: path.join(EXAMPLES, name), env: { ...ENV } });
  const { file: _ts, ...ts } = await load("tidemark.config.ts");
  const { file: _yaml, ...yaml } = await load("tidemark.config.yaml");
  expect(yaml).toEqual(ts);
});

test("init --mappings brings starters that a config can use at once", async () => {
  const cwd = folderWith();
  expect((await runCli(["init", "--mappings"], { cwd })).code).toBe(0);
  const config = path.join(cwd, "tidemark.config.ts");
  writeFileSync(config, readFileSync(config, "utf8").replace("\nexport default", '\nimport { ordersWithItems } from "./mappings/orders.ts";\nexport default').replace('mapping: { id: "o_id" }', "mapping: ordersWithItems"));
  const ended = await runCli(["mapping", "test", "orders", "--examples", "mappings/orders-items.examples.json"], { cwd });
  expect(ended).toMatchObject({ code: 0, stdout: expect.stringContaining("All 2 examples come out as expected.") as string });
  const mine = folderWith();
  mkdirSync(path.join(mine, "mappings"));
  writeFileSync(path.join(mine, "mappings", "orders.ts"), "mine");
  expect(await runCli(["init", "--mappings"], { cwd: mine })).toMatchObject({ code: 2, stderr: expect.stringContaining("mappings/orders.ts") as string });
  expect(readdirSync(mine)).toEqual(["mappings"]);
});
