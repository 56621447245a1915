import { execFile, spawn } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import getPort from "get-port";
import { afterEach, expect, test } from "vitest";
import { parse } from "yaml";
import { endProcess } from "../../src/local/processes.ts";
import { sharedServers } from "../support/servers.ts";

interface Service {
  entrypoint: string[];
  command: string[];
  environment: Record<string, string>;
  healthcheck?: { test: string[] };
}

const CHECKOUT = fileURLToPath(new URL("../..", import.meta.url));
const read = (file: string) => readFileSync(path.join(CHECKOUT, file), "utf8");
const compose = parse(read("docker-compose.yml"), { merge: true }) as { services: Record<string, Service> };
const run = promisify(execFile);

let dir: string;
const running: number[] = [];
afterEach(async () => {
  await Promise.all(running.splice(0).map((pid) => endProcess(pid, { signal: "SIGTERM", graceMs: 15_000 })));
  rmSync(dir, { recursive: true, force: true });
});

/** The image's content, as the Dockerfile says: nothing of the checkout but what it copies, no development packages. */
async function buildImage(): Promise<{ app: string; env: Record<string, string> }> {
  const app = path.join(dir, "app");
  mkdirSync(app);
  const env: Record<string, string> = {};
  for (const line of read("Dockerfile").split("\n")) {
    const [word, ...rest] = line.split(/\s+/);
    if (word === "ENV") Object.assign(env, Object.fromEntries(rest.map((pair) => pair.split("="))));
    if (word === "COPY") for (const file of rest.slice(0, -1)) cpSync(path.join(CHECKOUT, file), path.join(app, file), { recursive: true });
    const install = /^RUN (npm ci [^&]*)/.exec(line);
    if (install !== null) await run("npm", install[1]!.trim().split(" ").slice(1), { cwd: app });
  }
  return { app, env: { ...env, TIDEMARK_HOME: path.join(dir, "home") } };
}

test("the image's content is enough for the commands of docker-compose.yml and their health checks", async () => {
  dir = mkdtempSync(path.join(tmpdir(), "tidemark-compose-"));
  const servers = await sharedServers();
  const database = new URL(servers.databaseUrl);
  const ports = { jushuitan: await getPort({ host: "127.0.0.1" }), qeasy: await getPort({ host: "127.0.0.1" }) };
  const image = await buildImage();
  const dotEnv: Record<string, string> = {
    POSTGRES_PASSWORD: database.password, TIDEMARK_KEY: Buffer.alloc(32, 7).toString("base64"),
    JST_BASE_URL: `http://127.0.0.1:${ports.jushuitan}`, JST_APP_KEY: "a1b2c3d4e5f60718293a4b5c6d7e8f90",
    JST_APP_SECRET: "0f1e2d3c4b5a69788796a5b4c3d2e1f0", QEASY_BASE_URL: `http://127.0.0.1:${ports.qeasy}`,
  };
  // What compose's own network and files do: names of services, variables of .env, the mounted config.
  const here = (text: string) => text
    .replace(/\$\{([A-Z_]+)(?::[-?][^}]*)?\}/g, (_all, name: string) => dotEnv[name] ?? "")
    .replace("tidemark@postgres:5432/tidemark", `tidemark@${database.host}${database.pathname}`).replace("temporal:7233", servers.temporal.address)
    .replace("0.0.0.0", "127.0.0.1").replace("7301", String(ports.jushuitan)).replace("7302", String(ports.qeasy)).replace("/app/", `${image.app}/`);
  const config = path.join(dir, "config");
  mkdirSync(config);
  writeFileSync(path.join(config, "tidemark.config.ts"), read("examples/tidemark.config.ts")
    .replace('from: "2026-01-01"', `from: "${new Date(Date.now() - 2 * 86_400_000).toISOString()}"`)
    .replace(/\}\);\s*$/, `  runtime: { taskQueue: "tidemark-${servers.unique}" },\n});\n`).replaceAll("orders: {", `"orders-${servers.unique}": {`));

  const options = (service: Service) => ({
    cwd: config, env: { PATH: process.env["PATH"], ...image.env, ...Object.fromEntries(Object.entries(service.environment).map(([name, value]) => [name, here(value)])) },
  });
  const start = (name: string) => {
    const service = compose.services[name]!;
    const [command, ...args] = [...service.entrypoint, ...service.command].map(here);
    const child = spawn(command!, args, { ...options(service), stdio: ["ignore", "ignore", "inherit"] });
    running.push(child.pid!);
    return new Promise<number | null>((resolve) => child.once("exit", resolve));
  };
  const tidemark = async (...args: string[]) => {
    const service = compose.services["deploy"]!;
    const [command, ...first] = service.entrypoint.map(here);
    return JSON.parse((await run(command!, [...first, ...args, "--json"], options(service))).stdout) as Record<string, unknown>;
  };
  const healthy = (name: string) => expect.poll(async () => {
    const [command, ...args] = compose.services[name]!.healthcheck!.test.slice(1).map(here);
    return await run(command!, args, options(compose.services[name]!)).then(() => "healthy", (error: Error) => error.message);
  }, { timeout: 60_000, interval: 500 }).toBe("healthy");

  void start("jushuitan");
  void start("qeasy");
  await Promise.all([healthy("jushuitan"), healthy("qeasy")]);
  expect(await start("deploy")).toBe(0);
  expect(await start("deploy")).toBe(0);
  const workers = [start("worker"), start("worker")];
  await healthy("worker");
  expect(await tidemark("sync", `orders-${servers.unique}`, "--wait")).toMatchObject({ status: "completed" });
  // The schedule may have fired before: what counts is what the target holds now.
  const { held } = (await (await fetch(`${dotEnv["QEASY_BASE_URL"]!}/_admin/state`)).json()) as { held: number };
  expect(held).toBeGreaterThan(100);
  for (const pid of running.slice(-2)) process.kill(pid, "SIGTERM");
  expect(await Promise.all(workers)).toEqual([0, 0]);
}, 300_000);
