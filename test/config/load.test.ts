import { rmSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { loadConfig, type LoadOptions } from "../../src/config/load.ts";
import { configErrorOf, ENV, folderWith, problemsOf } from "./support.ts";
import { loadDotEnv } from "../../src/config/dotenv.ts";
import { qeasyOf } from "../support/pipeline.ts";

const BODY = `{
  accounts: { main: { platform: "jushuitan", kind: "self", appKey: env("JST_APP_KEY"), appSecret: env("JST_APP_SECRET") } },
  pipelines: { orders: { source: { account: "main", api: "/open/orders/single/query", from: "all", pageSize }, target: { use: "qeasy", baseUrl: env("QEASY_BASE_URL") } } },
}`;
const MODULE = `import { defineConfig, env } from "tidemark";\nconst pageSize = 40;\nexport default defineConfig(${BODY});\n`;
const DATA = {
  accounts: { main: { platform: "jushuitan", kind: "self", appKey: "${JST_APP_KEY}", appSecret: "${JST_APP_SECRET}", baseUrl: "${JST_BASE_URL:-http://127.0.0.1:1}" } },
  pipelines: { orders: { source: { account: "main", api: "/open/orders/single/query", from: "all", pageSize: 40 }, target: { use: "qeasy", baseUrl: "${QEASY_BASE_URL}" } } },
};
const YAML = `
accounts:
  main: { platform: jushuitan, kind: self, appKey: "\${JST_APP_KEY}", appSecret: "\${JST_APP_SECRET}" }
pipelines:
  orders:
    source: { account: main, api: /open/orders/single/query, from: all, pageSize: 40 }
    target: { use: qeasy, baseUrl: "\${QEASY_BASE_URL}" }
`;

const load = (folder: string, more: LoadOptions = {}) => loadConfig({ folder, env: { ...ENV }, ...more });

describe("a config file", () => {
  test.each([
    ["tidemark.config.ts", MODULE.replace("const pageSize", "const pageSize: number")], ["tidemark.config.js", MODULE], ["tidemark.config.mjs", MODULE],
    ["tidemark.config.json", `\uFEFF${JSON.stringify(DATA)}`], ["tidemark.config.yaml", YAML], ["tidemark.config.yml", YAML],
  ])("%s is found and read", async (name, text) => {
    const folder = folderWith({ [name]: text });
    expect(await load(folder)).toMatchObject({
      file: path.join(folder, name), home: path.join(folder, ".tidemark"), accounts: { main: { appKey: "key-1", appSecret: "hush-hush" } },
      pipelines: { orders: { source: { pageSize: 40 }, target: { baseUrl: "http://127.0.0.1:9" } } },
    });
  });

  test("in CommonJS works too", async () => {
    const folder = folderWith({ "tidemark.config.js": `const { env } = require("tidemark"); const { sep } = require("path"); const pageSize = sep.length + 39;\nmodule.exports = ${BODY};` });
    expect((await load(folder)).pipelines["orders"]!.source.pageSize).toBe(40);
  });

  test("may import local files and installed packages, and knows where it lies", async () => {
    const folder = folderWith({
      "tidemark.config.ts": MODULE.replace("const pageSize = 40", 'import { size } from "./parts/size.js";\nimport { one } from "one";\nimport two from "./two.json" with { type: "json" };\nimport { readFileSync } from "node:fs";\nconst pageSize = size + one + two.value + Number(readFileSync(new URL("./three.txt", import.meta.url), "utf8"))'),
      "parts/size.ts": 'import path from "node:path";\nexport const size: number = path.basename(import.meta.dirname) === "parts" ? 34 : 0;',
      "two.json": '{"value":2}', "three.txt": "3",
      "node_modules/one/package.json": '{"name":"one","type":"module","exports":"./index.js"}', // A package that is not bundled still finds its own files.
      "node_modules/one/index.js": 'export const { one } = await import(["./value", "js"].join("."));', "node_modules/one/value.js": "export const one = 1;",
    });
    expect((await load(folder)).pipelines["orders"]!.source.pageSize).toBe(40);
  });

  test("is read anew at each load", async () => {
    const folder = folderWith({ "tidemark.config.ts": MODULE.replace("40", "Number(process.env['TIDEMARK_TEST_SIZE'] ?? 40)") });
    expect((await load(folder)).pipelines["orders"]!.source.pageSize).toBe(40);
    process.env["TIDEMARK_TEST_SIZE"] = "41";
    try {
      expect((await load(folder)).pipelines["orders"]!.source.pageSize).toBe(41);
    } finally {
      delete process.env["TIDEMARK_TEST_SIZE"];
    }
  });

  test("an empty value in .env is empty, whatever stands on the next line", async () => {
    const folder = folderWith({ ".env": "JST_APP_KEY=\nJST_APP_SECRET=s3\n\nQEASY_BASE_URL=  \r\nOTHER='x' # why\r\nLAST=" });
    const env: NodeJS.ProcessEnv = {};
    loadDotEnv(folder, env);
    expect({ ...env }).toEqual({ JST_APP_KEY: "", JST_APP_SECRET: "s3", QEASY_BASE_URL: "", OTHER: "x", LAST: "" });
  });

  test("takes variables from .env beside it; those that are set stay", async () => {
    const folder = folderWith({ "tidemark.config.ts": MODULE, ".env": "# keys\nexport JST_APP_KEY=from-file # mine\nJST_APP_SECRET='with # sign'\nQEASY_BASE_URL=\"http://127.0.0.1:7\"\n" });
    const config = await load(folder, { env: { JST_APP_KEY: "from-shell" } });
    expect(config.accounts["main"]).toMatchObject({ appKey: "from-shell", appSecret: "with # sign" });
    expect(qeasyOf(config.pipelines["orders"]!).baseUrl).toBe("http://127.0.0.1:7");
  });

  test("has its data folder beside it, unless TIDEMARK_HOME names one", async () => {
    const folder = folderWith({ "deep/tidemark.config.ts": MODULE });
    expect((await load(folder, { file: "deep/tidemark.config.ts" })).home).toBe(path.join(folder, "deep", ".tidemark"));
    expect((await load(folder, { file: "deep/tidemark.config.ts", env: { ...ENV, TIDEMARK_HOME: "/var/tidemark" } })).home).toBe("/var/tidemark");
  });
});

describe("a config file that cannot be used", () => {
  test.each([
    ["of TypeScript", "tidemark.config.ts", 'import { env } from "tidemark";\nexport default { accounts: };', "TM_CONFIG_SYNTAX", ":2:28"],
    ["on the first line, behind two bytes a sign", "tidemark.config.ts", 'export default { "账户": };', "TM_CONFIG_SYNTAX", ":1:24"],
    ["of JSON", "tidemark.config.json", '{\n  "accounts": {},\n}', "TM_CONFIG_SYNTAX", ":2:"],
    ["of YAML", "tidemark.config.yaml", "accounts:\n  main: {\npipelines: [", "TM_CONFIG_SYNTAX", ":3:"],
    ["that throws", "tidemark.config.ts", '\nconst no: string = "no";\nthrow new Error(no + " way");', "TM_CONFIG_THROWS", ":3: no way"],
    ["that misses a package", "tidemark.config.ts", '\nimport "not-there";\nexport default {};', "TM_CONFIG_SYNTAX", ":2:"],
    ["that misses a name of tidemark", "tidemark.config.ts", 'import { defineconfig } from "tidemark";\nexport default defineconfig({});', "TM_CONFIG_SYNTAX", ":1:"],
    ["without a default export", "tidemark.config.ts", "export const config = {};", "TM_CONFIG_EXPORT", "has no default export"],
    ["with a function", "tidemark.config.ts", "export default () => ({});", "TM_CONFIG_EXPORT", "exports a function as default"],
    ["that is empty", "tidemark.config.yaml", "", "TM_CONFIG", "accounts and pipelines"],
  ])("%s is named with its place", async (_, name, text, code, message) => {
    const folder = folderWith({ [name]: text });
    const error = await configErrorOf(() => load(folder));
    expect(error.code).toBe(code);
    expect(error.message).toContain(path.join(folder, name));
    expect(error.message).toContain(message);
    expect(error.message).not.toContain("base64");
    expect(error.fix).toBeTruthy();
  });

  test("a mapping's script that is not there is told with the other mistakes", async () => {
    const scripts = (pageSize: number) => folderWith({ "there.ts": "", "tidemark.config.ts": MODULE.replace("= 40", `= ${pageSize}`).replace(", target:", ', mapping: { script: "./missing.ts" }, target:').replace("orders: {", 'other: { source: { account: "main", api: "/open/orders/single/query", from: "all" }, mapping: { script: "./there.ts" }, target: { use: "qeasy", baseUrl: env("QEASY_BASE_URL") } }, orders: {') });
    const both = scripts(40);
    const problems = problemsOf(await configErrorOf(() => load(scripts(0))));
    expect(problems).toEqual({
      "pipelines.orders.source.pageSize": expect.anything() as object,
      "pipelines.orders.mapping.script": expect.objectContaining({ value: '"./missing.ts"', expected: expect.stringContaining("is not there") as string }) as object,
    });
    expect(await configErrorOf(() => load(scripts(40)))).toMatchObject({ code: "TM_MAPPING_LOAD", path: "pipelines.orders.mapping.script" });
    rmSync(path.join(both, "there.ts"));
    expect(Object.keys(problemsOf(await configErrorOf(() => load(both))))).toEqual(["pipelines.other.mapping.script", "pipelines.orders.mapping.script"]);
  });

  test("an error in an imported file names that file and line", async () => {
    const folder = folderWith({ "tidemark.config.ts": 'import { x } from "./part.ts";\nexport default x;', "part.ts": "\n\nexport const x: object = JSON.parse('{');" });
    expect((await configErrorOf(() => load(folder))).path).toBe(path.join(folder, "part.ts:3"));
  });

  test("a folder without one says how to make one", async () => {
    expect(await configErrorOf(() => load(folderWith({})))).toMatchObject({ code: "TM_CONFIG_MISSING", fix: expect.stringContaining("tidemark init") });
  });

  test("a file that is not there is named", async () => {
    expect((await configErrorOf(() => load(folderWith({}), { file: "other.ts" }))).message).toMatch(/no config file .*other\.ts/);
  });

  test("two files are both named", async () => {
    const error = await configErrorOf(() => load(folderWith({ "tidemark.config.ts": MODULE, "tidemark.config.yaml": YAML })));
    expect(error.code).toBe("TM_CONFIG_AMBIGUOUS");
    expect(error.message).toContain("tidemark.config.ts, tidemark.config.yaml");
  });
});
