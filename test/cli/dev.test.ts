import { execFileSync } from "node:child_process";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import path from "node:path";
import { beforeAll, expect, test } from "vitest";
import { startPostgres } from "../../src/store/embedded.ts";
import { end, firstLine, jsonOf, runCli, startCli } from "./cli.ts";
import { real } from "./real.ts";

const { children, cli } = real;
let folder: string;
let env: Record<string, string>;
let name: string;
beforeAll(() => ({ folder, env, name } = real));

test("a worker that cannot start says why and ends, so that whoever runs it notices", async () => {
  const wrong = await Promise.all([{ DATABASE_URL: "" }, { TIDEMARK_KEY: "abc" }, { DATABASE_URL: "postgres://x@127.0.0.1:1/x" }, { DATABASE_URL: "nonsense" }]
    .map((change) => runCli(["worker", "--json"], { cwd: folder, env: { ...env, ...change } })));
  expect(wrong.map((ended) => [ended.code, (jsonOf(ended) as { error: { code: string } }).error.code])).toEqual([[1, "TM_NO_STORE"], [1, "TM_KEY"], [1, "TM_STORE_UNREACHABLE"], [1, "TM_STORE_URL"]]);
});

test("dev says that it runs once its worker takes work, and starts another one when it dies", async () => {
  const dev = startCli(["dev"], { cwd: folder, env });
  children.push(dev);
  const log = () => readFileSync(path.join(folder, ".tidemark", "logs", "worker.log"), "utf8");
  let said = "";
  let polled: boolean | undefined;
  dev.stderr!.on("data", (text) => {
    said += String(text);
    if (said.includes("Running")) polled ??= log().includes("worker polls");
  });
  await expect.poll(() => said, { timeout: 60_000 }).toContain("Running");
  expect(polled).toBe(true);
  expect(jsonOf(await cli("status"))).toMatchObject({ workers: 1, pipelines: [{ schedule: { nextRunAt: expect.stringMatching(/-12-31T16:00:00.000Z$/) as string, paused: false } }] });
  const worker = execFileSync("ps", ["-o", "pid=,args=", "--ppid", String(dev.pid)], { encoding: "utf8" }).split("\n").find((line) => line.includes("worker --config"));
  process.kill(Number.parseInt(worker!, 10), "SIGKILL");
  await expect.poll(() => said, { timeout: 30_000 }).toMatch(/worker ended \(SIGKILL\); another one starts/);
  await expect.poll(() => log().match(/worker polls/g)?.length, { timeout: 60_000 }).toBe(2);
  for (const line of log().trim().split("\n")) JSON.parse(line);
  expect((await end(dev)).code).toBe(0);
}, 200_000);

test("dev waits for a command that uses the folder's Postgres, such as check", async () => {
  chmodSync(folder, 0o755); // Run as root, Postgres has another user.
  const home = path.join(folder, "shared");
  const check = await startPostgres({ dir: path.join(home, "postgres"), port: 0 });
  const dev = startCli(["dev"], { cwd: folder, env: { ...env, DATABASE_URL: "", TIDEMARK_HOME: home } });
  children.push(dev);
  let said = "";
  dev.stderr!.on("data", (text) => (said += String(text)));
  await expect.poll(() => said, { timeout: 60_000 }).toContain("Waiting for another command");
  await check.stop();
  await expect.poll(() => said, { timeout: 60_000 }).toContain("Running");
  const again = await runCli(["dev", "--json"], { cwd: folder, env: { ...env, DATABASE_URL: "", TIDEMARK_HOME: home } });
  expect([again.code, jsonOf(again)]).toMatchObject([1, { error: { code: "TM_ALREADY_RUNNING" } }]);
  expect((await end(dev)).code).toBe(0);

  // With nothing running a changed mapping could not be deployed otherwise.
  writeFileSync(path.join(folder, "changed.ts"), readFileSync(path.join(folder, "tidemark.config.ts"), "utf8").replace("schedule:", 'mapping: { fields: { by: { value: "tidemark" } } },\n    schedule:'));
  const changed = ["dev", "--json", "--config", "changed.ts"];
  const refused = await runCli(changed, { cwd: folder, env: { ...env, DATABASE_URL: "", TIDEMARK_HOME: home } });
  expect([refused.code, jsonOf(refused)]).toMatchObject([1, { error: { code: "TM_PIPELINE_CHANGED", fix: expect.stringContaining("tidemark dev") as string } }]);
  const kept = startCli([...changed, "--keep", name], { cwd: folder, env: { ...env, DATABASE_URL: "", TIDEMARK_HOME: home } });
  children.push(kept);
  expect(JSON.parse(await firstLine(kept))).toMatchObject({ pipelines: [{ name, change: "kept" }] });
  expect((await end(kept)).code).toBe(0);
}, 200_000);

test("dev with worker versioning tells the build once its worker has made it current", async () => {
  const versioned = readFileSync(path.join(folder, "tidemark.config.ts"), "utf8").replaceAll(`"${name}"`, `"${name}-builds"`).replace("runtime: {", "runtime: { versioning: true,");
  writeFileSync(path.join(folder, "versioned.ts"), versioned);
  const dev = startCli(["dev", "--json", "--config", "versioned.ts"], { cwd: folder, env: { ...env, TIDEMARK_HOME: path.join(folder, "versioned") } });
  children.push(dev);
  expect(JSON.parse(await firstLine(dev))).toMatchObject({ build: { change: expect.stringMatching(/^(current|unchanged)$/) as string } });
  expect((await end(dev)).code).toBe(0);
}, 120_000);
