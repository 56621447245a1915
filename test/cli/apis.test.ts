import { readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { expect, test } from "vitest";
import { type ApiSummary, cursorWords } from "../../src/ops/apis.ts";
import { CATALOGUE, getApi } from "../../src/source/jushuitan/index.ts";
import { folderWith, jsonOf, runCli } from "./cli.ts";

const CONFIG = `
accounts: { main: { platform: jushuitan, kind: self, appKey: "\${UNSET_KEY}", appSecret: s } }
apis: { /open/own/query: { idField: own_id, notProvable: nobody knows how } }
pipelines: { one: { source: { account: main, api: /open/own/query, from: "2026-01-01" }, target: { use: qeasy, baseUrl: "http://127.0.0.1:9" } } }
`;

test("apis lists the catalogue without a config, and beside it what a config describes", async () => {
  const cwd = folderWith();
  const listed = async () => (jsonOf(await runCli(["apis", "--json"], { cwd })) as { apis: ApiSummary[] }).apis;
  expect((await listed()).map((api) => api.path)).toEqual(CATALOGUE.map((api) => api.path));
  writeFileSync(path.join(cwd, "tidemark.config.yaml"), CONFIG);
  expect((await listed())[0]).toEqual({ path: "/open/own/query", title: "/open/own/query", method: null, cursor: "window", pageSize: 50, provable: false, described: true });
});

test("apis show tells what is known of one; an unknown one is answered with the nearest", async () => {
  const cwd = folderWith();
  expect(jsonOf(await runCli(["apis", "show", "/open/pack/query", "--json"], { cwd }))).toMatchObject({ idField: "sku_id+wms_co_id+pack_id+bin+batch_no", totals: false });
  const { stdout } = await runCli(["apis", "show", "/open/logistic/query"], { cwd });
  for (const part of ["not provable", "no modified time", "date_type", "logistic.query"]) expect(stdout).toContain(part);
  expect(jsonOf(await runCli(["apis", "show", "skumap.query", "--json"], { cwd }))).toMatchObject({ path: "/open/skumap/query", read: "by windows without totals", audit: "by ids: there are no counts to compare" });
  const unknown = await runCli(["apis", "show", "/open/logistics/query"], { cwd });
  expect(unknown.code).not.toBe(0);
  expect(unknown.stderr).toContain("Did you mean /open/logistic/query?");
});

test("what cannot be read is listed with the reason, and refused with it as a source", async () => {
  const cwd = folderWith();
  const { notReadable } = jsonOf(await runCli(["apis", "--json"], { cwd })) as { notReadable: { name: string; why: string }[] };
  expect(notReadable.map(({ name }) => name)).toEqual(expect.arrayContaining(["orders.history.query", "jushuitan.order.list.query"]));
  for (const { name, why } of notReadable) expect(() => getApi(name)).toThrow(expect.objectContaining({ code: "TM_CONFIG_API", fix: `${name} is ${why}.` }));
  const [{ name, why } = { name: "", why: "" }] = notReadable;
  writeFileSync(path.join(cwd, "tidemark.config.yaml"), CONFIG.replace("api: /open/own/query", `api: ${name}`));
  expect((await runCli(["status"], { cwd })).stderr).toContain(why);
});

test("docs/apis.md tells the same of each", () => {
  const lines = readFileSync(new URL("../../docs/apis.md", import.meta.url), "utf8").split("\n");
  for (const api of CATALOGUE) {
    const line = lines.find((one) => one.startsWith(`| \`${api.path}\` |`)) ?? "";
    expect(line.split(" | ").slice(2)).toEqual([
      api.method === null ? "—" : `\`${api.method}\``, `\`${api.idField}\``, String(api.pageSize.max),
      api.windowKeys === null ? "—" : `${Math.round(api.windowMs / 86_400_000)} d`, cursorWords(api),
      // As test/sync/catalogue.test.ts and catalogue-old.test.ts choose what they walk.
      api.call === true || api.notProvable !== null ? "— |" : api.method === null ? "✓ new |" : "✓ new, old |",
    ]);
  }
});

test("a config file that was named and is not there is no reason to leave it out", async () => {
  expect((await runCli(["apis", "--config", "nope.yaml"], { cwd: folderWith() })).stderr).toContain("TM_CONFIG_MISSING");
});
