import { readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { describe, expect, test } from "vitest";
import { folderWith, jsonOf, runCli } from "./cli.ts";

const COMMANDS = ["init", "import", "import qeasy", "check", "preview", "mapping", "mapping test", "dev", "deploy", "worker", "sync", "backfill", "backfill list", "backfill pause", "backfill resume", "backfill move", "backfill cancel", "remap", "audit", "coverage", "apis", "apis show", "status", "state", "token", "token show", "token refresh", "token set", "token authorize", "quarantine", "quarantine list", "quarantine show", "quarantine replay", "quarantine discard", "simulate", "simulate jushuitan", "simulate qeasy", "demo"];
const CONFIG = `
accounts: { main: { platform: jushuitan, kind: self, appKey: "\${JST_APP_KEY}", appSecret: "\${JST_APP_SECRET}" } }
pipelines:
  orders: { source: { account: main, api: /open/orders/single/query, from: all }, target: { use: qeasy, baseUrl: "\${QEASY_BASE_URL}" } }
`;

interface Failure {
  error: { code: string; message: string; path: string | null; fix: string | null };
}

describe("--help", () => {
  test("lists the commands but the demo", async () => {
    const { code, stdout } = await runCli(["--help"]);
    expect(code).toBe(0);
    for (const name of COMMANDS.filter((name) => !name.includes(" ") && name !== "demo")) expect(stdout).toMatch(new RegExp(`^  ${name}\\b`, "m"));
    expect(stdout).not.toContain("demo");
  });

  test("loads nothing that only commands need, so that it is quick", async () => {
    const NODE_V8_COVERAGE = folderWith();
    await runCli(["--help"], { env: { NODE_V8_COVERAGE } });
    const loaded = readdirSync(NODE_V8_COVERAGE).map((name) => readFileSync(path.join(NODE_V8_COVERAGE, name), "utf8")).join("");
    expect(loaded).toContain("/src/cli/commands/sync.ts");
    for (const part of ["@temporalio", "kysely", "pg", "zod", "axios", "luxon", "@marcbachmann", "cron-parser", "pino", "yaml"]) expect(loaded).not.toContain(`/node_modules/${part}/`);
  });

  test("of every command has examples and the global options", async () => {
    const pages = await Promise.all(COMMANDS.map((name) => runCli([...name.split(" "), "--help"])));
    for (const { code, stdout } of pages) {
      expect(code).toBe(0);
      expect(stdout).toMatch(/Examples:\n  \S/);
      expect(stdout).toContain("--config <file>");
      expect(stdout).toContain("--json");
    }
  });
});

describe("wrong use ends with 2", () => {
  test.each([
    ["an unknown command", ["snyc"], "TM_USAGE", "unknown command 'snyc'", "Did you mean sync?"],
    ["an unknown option", ["sync", "orders", "--wiat"], "TM_USAGE", "--wiat", "Did you mean --wait?"],
    ["a missing argument", ["sync"], "TM_USAGE", "pipeline", "tidemark sync --help"],
    ["a missing option", ["backfill", "orders", "--to", "2026-01-01"], "TM_USAGE", "--from", "tidemark backfill --help"],
    ["no place to move to", ["backfill", "move", "orders", "january"], "TM_USAGE", "--first", "tidemark backfill move --help"],
    ["a range before itself", ["backfill", "move", "orders", "january", "--before", "january"], "TM_USAGE", '--before is "january"', "another open range"],
    ["one argument too many", ["status", "orders", "refunds"], "TM_USAGE", "too many arguments", "tidemark status --help"],
    ["no date", ["backfill", "orders", "--from", "soon", "--to", "2026-01-01"], "TM_DATE", '"soon"', "Asia/Shanghai"],
    ["an empty range", ["backfill", "orders", "--from", "2026-01-01", "--to", "2026-01-01"], "TM_DATE", "--to", "next day"],
    ["a remap of no time", ["remap", "orders", "--from", "2026-01-02", "--to", "2026-01-02"], "TM_DATE", "--to", "next day"],
    ["a remap to be cancelled in part", ["remap", "orders", "--cancel", "--from", "2026-01-02"], "TM_USAGE", "--cancel", "Leave them out"],
    ["a number that is none", ["simulate", "qeasy", "--port", "x"], "TM_USAGE", "--port", "tidemark simulate qeasy --help"],
    ["a switch that is none", ["simulate", "qeasy", "--options", '{"keepTextt":1}'], "TM_USAGE", "keepTextt", "switch"],
    ["an action that is none", ["state", "orders", "put"], "TM_USAGE", "state … put", "get, set, export, import"],
    ["a gap without a reason", ["state", "orders", "set", "--checkpoint", "5", "--accept-gap"], "TM_USAGE", "--because", "Say why"],
    ["a reason without words", ["state", "orders", "set", "--checkpoint", "5", "--accept-gap", "--because", " "], "TM_USAGE", "--because", "Say why"],
    ["a state to set that is not given", ["state", "orders", "set", "--yes"], "TM_USAGE", "--checkpoint", "one of them"],
    ["a state given twice", ["state", "orders", "set", "state.json", "--checkpoint", "5"], "TM_USAGE", "--checkpoint", "one of them"],
    ["a checkpoint that is neither", ["state", "orders", "set", "--checkpoint", "soon"], "TM_DATE", '"soon"', "Asia/Shanghai"],
    ["an option of another action", ["state", "orders", "get", "--yes"], "TM_USAGE", "--yes", "Leave them out"],
    ["a strategy that is not there", ["import", "qeasy", "/nowhere/source.json"], "TM_USAGE", "ENOENT", "standard input"],
    ["a name that no pipeline has", ["import", "qeasy", "/nowhere/source.json", "--name", "a b"], "TM_USAGE", '--name is "a b"', "letters"],
    ["a config of another kind", ["import", "qeasy", "/nowhere/source.json", "--out", "tidemark.config.yaml"], "TM_USAGE", "--out", ".ts"],
    ["a document that is not there", ["state", "orders", "import", "/nowhere/state.json"], "TM_USAGE", "ENOENT", "standard input"],
  ])("%s", async (_, args, code, message, fix) => {
    const [people, programs] = await Promise.all([runCli(args), runCli([...args, "--json"])]);
    expect([people.code, programs.code]).toEqual([2, 2]);
    expect(people.stdout).toBe("");
    expect(people.stderr).toContain(`error ${code}  `);
    expect(people.stderr).toContain(message);
    expect(people.stderr).toContain(fix);
    expect(people.stderr).not.toMatch(/^\s+at .*:\d+:\d+/m);
    const { error } = jsonOf(programs) as Failure;
    expect(error).toMatchObject({ code, message: expect.stringContaining(message), fix: expect.stringContaining(fix) });
    expect(Object.keys(error)).toEqual(expect.arrayContaining(["code", "message", "path", "fix"]));
    expect(programs.stderr).toBe("");
  });

  test("no command at all", async () => {
    const { code, stdout, stderr } = await runCli([]);
    expect([code, stdout]).toEqual([2, ""]);
    expect(stderr).toContain("Commands:");
    const json = await runCli(["--json"]);
    expect(json.code).toBe(2);
    expect((jsonOf(json) as Failure).error.code).toBe("TM_USAGE");
  });

  test("an unknown pipeline, without connecting to anything", async () => {
    const cwd = folderWith({ "tidemark.config.yaml": CONFIG });
    for (const command of [["sync"], ["status"], ["preview"], ["mapping", "test"], ["remap"], ["backfill", "--from", "2026-01-01", "--to", "2026-01-02"]]) {
      const ended = await runCli([...command, "ordres", "--json"], { cwd, env: { JST_APP_KEY: "k", JST_APP_SECRET: "s", QEASY_BASE_URL: "http://127.0.0.1:9" } });
      expect(ended.code).toBe(2);
      expect((jsonOf(ended) as Failure).error).toMatchObject({ code: "TM_PIPELINE_UNKNOWN", path: "pipelines.ordres", fix: expect.stringContaining('Did you mean "orders"?') });
    }
  });
});

describe("a failure ends with 1", () => {
  test("no config file", async () => {
    const ended = await runCli(["status", "--json"], { cwd: folderWith() });
    expect(ended.code).toBe(1);
    expect((jsonOf(ended) as Failure).error).toMatchObject({ code: "TM_CONFIG_MISSING", fix: expect.stringContaining("tidemark init") });
  });

  test.each([["no JSON", "{", "is no JSON"], ["another document", "{}", "kind"], ["half of one", '{"kind":"tidemark.state","schema":2}', "schema"]])("%s as a state", async (_, stdin, message) => {
    const ended = await runCli(["state", "orders", "set", "-", "--json"], { stdin });
    expect(ended.code).toBe(1);
    expect((jsonOf(ended) as Failure).error).toMatchObject({ code: "TM_STATE_DOCUMENT", message: expect.stringContaining(message) });
  });

  test("a wrong config tells all problems, to people and to programs", async () => {
    const file = path.join(folderWith({ "other.yaml": CONFIG.replace("from: all", "from: never, lookback: soon") }), "other.yaml");
    const people = await runCli(["status", "--config", file]);
    expect(people.code).toBe(1);
    expect(people.stderr).toMatch(/pipelines\.orders\.source\.from: "never"[^]*pipelines\.orders\.source\.lookback: "soon"[^]*example: +lookback: "10m"/);
    const programs = jsonOf(await runCli(["--config", file, "status", "--json"])) as Failure & { error: { details: { problems: object[] } } };
    expect(programs.error).toMatchObject({ code: "TM_CONFIG", path: "pipelines.orders.source.from" });
    expect(programs.error.details.problems).toHaveLength(2);
  });

  test("credentials are asked for only by commands that use them", async () => {
    const cwd = folderWith({ "tidemark.config.yaml": CONFIG });
    const [worker, status] = await Promise.all([runCli(["worker", "--json"], { cwd }), runCli(["status", "--json"], { cwd })]);
    expect((jsonOf(worker) as Failure).error).toMatchObject({ code: "TM_CONFIG", path: "accounts.main.appKey" });
    expect((jsonOf(status) as Failure).error.code).toBe("TM_NO_STORE");
  });

  test("TIDEMARK_DEBUG shows where it happened, on standard error", async () => {
    const ended = await runCli(["status", "--json"], { cwd: folderWith(), env: { TIDEMARK_DEBUG: "1" } });
    expect(ended.stderr).toMatch(/at .*find\.ts:\d+/);
    expect((jsonOf(ended) as Failure).error.code).toBe("TM_CONFIG_MISSING");
  });
});
