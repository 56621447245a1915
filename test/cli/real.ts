import { randomBytes } from "node:crypto";
import type { ChildProcess } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { afterAll, beforeAll } from "vitest";
import { sharedServers } from "../support/servers.ts";
import { end, firstLine, runCli, startCli } from "./cli.ts";

/** A folder with a pipeline, its simulators, and each command a process of its own, as people run them; only Temporal and Postgres are the run's. */
export const real = {
  folder: "",
  env: {} as Record<string, string>,
  name: "",
  /** Ended with the tests. */
  children: [] as ChildProcess[],
  cli: (...args: string[]) => runCli([...args, "--json"], { cwd: real.folder, env: real.env }),
};

async function simulator(...args: string[]): Promise<Record<string, string>> {
  const child = startCli(["simulate", ...args, "--json"]);
  real.children.push(child);
  return (JSON.parse(await firstLine(child)) as { env: Record<string, string> }).env;
}

beforeAll(async () => {
  real.folder = mkdtempSync(path.join(os.tmpdir(), "tidemark-run-"));
  const { databaseUrl, temporal, unique } = await sharedServers();
  real.name = `orders-${unique}`;
  const given = await Promise.all([simulator("jushuitan", "--orders", "150", "--no-limits", "--options", '{"days":2}'), simulator("qeasy", "--secret", "s3")]);
  real.env = {
    ...given[0], ...given[1], DATABASE_URL: databaseUrl, TEMPORAL_ADDRESS: temporal.address, TEMPORAL_NAMESPACE: temporal.namespace,
    TIDEMARK_KEY: randomBytes(32).toString("base64"),
  };
  writeFileSync(path.join(real.folder, "tidemark.config.ts"), `import { defineConfig, env } from "tidemark";
export default defineConfig({
  runtime: { taskQueue: "${real.name}", heartbeat: "5s" },
  accounts: { "main-${unique}": { platform: "jushuitan", kind: "self", baseUrl: env("JST_BASE_URL"), appKey: env("JST_APP_KEY"), appSecret: env("JST_APP_SECRET") } },
  pipelines: { "${real.name}": {
    source: { account: "main-${unique}", api: "/open/orders/single/query", cursor: "version", from: "all", settle: "1s" },
    schedule: { cron: "0 0 1 1 *" },
    target: { use: "qeasy", baseUrl: env("QEASY_BASE_URL"), secret: env("QEASY_SECRET") },
  } },
});
`);
});

afterAll(async () => {
  await Promise.all(real.children.map((child) => end(child)));
  rmSync(real.folder, { recursive: true, force: true });
});
