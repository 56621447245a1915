import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { tsxArguments } from "../../src/local/tsx.js";
import { folderWith } from "./cli.ts";

const LOG = new URL("../../src/log.ts", import.meta.url).href;
const ERRORS = fileURLToPath(new URL("../../src/errors.ts", import.meta.url));

function logging(code: string, env: Record<string, string> = {}): { stdout: string; stderr: string; lines: Record<string, unknown>[] } {
  const cwd = folderWith({ "log.mts": `import { createLog } from ${JSON.stringify(LOG)};\nimport { TidemarkError } from ${JSON.stringify(ERRORS)};\n${code}` });
  const { stdout, stderr } = spawnSync(process.execPath, [...tsxArguments(), "log.mts"], { cwd, encoding: "utf8", env: { ...process.env, ...env } });
  return { stdout, stderr, lines: stderr.trimEnd().split("\n").filter((line) => line.startsWith("{")).map((line) => JSON.parse(line) as Record<string, unknown>) };
}

test("the log goes to standard error only, from its usual level or that of TIDEMARK_LOG", () => {
  const code = 'const log = createLog("warn"); log.info("quiet"); log.warn({ slice: 7 }, "loud");';
  const usual = logging(code);
  expect(usual.stdout).toBe("");
  expect(usual.lines).toEqual([expect.objectContaining({ level: "warn", slice: 7, msg: "loud" })]);
  expect(logging(code, { TIDEMARK_LOG: "info" }).lines.map(({ msg }) => msg)).toEqual(["quiet", "loud"]);
  expect(logging(code, { TIDEMARK_LOG: "chatty" }).stderr).toContain("TM_LOG_LEVEL");
});

test("secrets are not written, nor what errors carry beside their message", () => {
  const { stderr, lines } = logging(`
    const log = createLog("info");
    log.info({ accessToken: "hush", account: { appSecret: "hush", name: "main" }, config: { target: { headers: { Authorization: "Bearer hush" } } } }, "one");
    log.error(Object.assign(new Error("HTTP 500"), { config: { data: "hush" }, code: "ERR_BAD" }), "two");
    log.error({ err: new TidemarkError("TM_X", "it failed", { path: "a.b", fix: "mend it", details: { row: "hush" } }) }, "three");
  `);
  expect(stderr).not.toContain("hush");
  expect(lines).toMatchObject([{ account: { name: "main" } }, { err: { message: "HTTP 500", code: "ERR_BAD" } }, { err: { code: "TM_X", path: "a.b", fix: "mend it" } }]);
});
