import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { afterEach, beforeEach, expect, test } from "vitest";
import { processIdentity } from "../../src/local/process-identity.js";
import { endProcess } from "../../src/local/processes.ts";
import { type NodeProcess, spawnNode } from "../../src/local/spawn-node.ts";
import { startPostgres } from "../../src/store/embedded.ts";
import { startTemporalServer } from "../../src/temporal/server.ts";

const owner = fileURLToPath(new URL("./server-owner.ts", import.meta.url));
let dir: string;
const left: number[] = [];

beforeEach(() => {
  dir = mkdtempSync(path.join(os.tmpdir(), "tidemark-lifecycle-"));
  chmodSync(dir, 0o755); // Run as root, Postgres has another user.
});
// What a failed test left running is ended by its id.
afterEach(async () => {
  for (const pid of left.splice(0)) await endProcess(pid, { signal: "SIGKILL", graceMs: 5_000 });
  rmSync(dir, { recursive: true, force: true });
});

/** Another process that starts both servers in `dir` and a Node process, and their ids. */
async function startOwner(): Promise<{ process: NodeProcess; servers: number[]; child: number }> {
  const log = path.join(dir, "owner.log");
  const process = spawnNode(owner, [dir], { log: { file: log } });
  for (;;) {
    const line = /^\{.*\}$/m.exec(readQuietly(log))?.[0];
    if (line !== undefined) {
      const { child, ...servers } = JSON.parse(line) as { child: number; postgres: number; temporal: number };
      left.push(process.pid, child, ...Object.values(servers));
      return { process, servers: Object.values(servers), child };
    }
    if (processIdentity(process.pid) === null) throw new Error(readQuietly(log));
    await sleep(50);
  }
}

function readQuietly(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

async function allGone(pids: number[], withinMs: number): Promise<boolean> {
  const deadline = Date.now() + withinMs;
  while (pids.some((pid) => processIdentity(pid) !== null)) {
    if (Date.now() > deadline) return false;
    await sleep(50);
  }
  return true;
}

test("Ctrl-C in the terminal ends the owner and its servers within 5 s", async () => {
  const { process: started, servers, child } = await startOwner();
  process.kill(-started.pid, "SIGINT"); // The whole foreground group, as a terminal does.
  expect(await allGone([started.pid, child, ...servers], 5_000)).toBe(true);
  expect((await started.exited).code).toBe(0);
});

test("an owner that fails takes its servers along", async () => {
  const { process: started, servers, child } = await startOwner();
  process.kill(started.pid, "SIGUSR2"); // server-owner.ts throws on it
  expect(await allGone([started.pid, child, ...servers], 5_000)).toBe(true);
});

test("what a killed owner left is ended at the next start, and the data is there", async () => {
  const { process: started, servers, child } = await startOwner();
  await started.kill();
  expect(await allGone([child], 5_000)).toBe(true); // A Node process of ours notices by itself.
  expect(servers.every((pid) => processIdentity(pid) !== null)).toBe(true);
  const [postgres, temporal] = await Promise.all([
    startPostgres({ dir: path.join(dir, "postgres"), port: 0 }),
    startTemporalServer({ dir: path.join(dir, "temporal"), port: 0, uiPort: 0 }),
  ]);
  expect(await allGone(servers, 0)).toBe(true);
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  expect((await client.query("select n from kept")).rows).toEqual([{ n: 1 }]);
  await client.end();
  await Promise.all([postgres.stop(), temporal.stop()]);
});

test("the same folder twice is refused while the first owner lives", async () => {
  const postgres = await startPostgres({ dir: path.join(dir, "postgres"), port: 0, durable: false });
  await expect(startPostgres({ dir: path.join(dir, "postgres"), port: 0 })).rejects.toMatchObject({ code: "TM_ALREADY_RUNNING" });
  await postgres.stop();
});

test("kill and restart keep port and data; a postmaster.pid with another's process id is no obstacle", async () => {
  const folder = path.join(dir, "postgres");
  const postgres = await startPostgres({ dir: folder, port: 0 });
  const before = postgres.pid;
  await postgres.kill();
  const pidFile = path.join(folder, "data", "postmaster.pid");
  writeFileSync(pidFile, readFileSync(pidFile, "utf8").replace(/^\d+/, String(process.pid)));
  await postgres.restart();
  expect(postgres.pid).not.toBe(before);
  const client = new Client({ connectionString: postgres.url });
  await client.connect();
  expect((await client.query("select current_setting('fsync') as fsync, current_setting('max_connections') as n")).rows).toEqual([{ fsync: "on", n: "200" }]);
  await client.end();
  await postgres.stop();
});

test("a server that dies at its start says why", async () => {
  const folder = path.join(dir, "postgres");
  const postgres = await startPostgres({ dir: folder, port: 0, durable: false });
  await postgres.stop();
  writeFileSync(path.join(folder, "data", "PG_VERSION"), "9.6\n");
  await expect(startPostgres({ dir: folder, port: 0 })).rejects.toMatchObject({ code: "TM_POSTGRES_START", message: expect.stringMatching(/9\.6/) as string });
});

test("Postgres starts again after it was killed, also while one of its sessions has not noticed yet", async () => {
  const postgres = await startPostgres({ dir, port: 0, durable: false });
  const client = new Client({ connectionString: postgres.url });
  client.on("error", () => undefined);
  await client.connect();
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  left.push(rows[0]!.pid);
  process.kill(rows[0]!.pid, "SIGSTOP");
  await postgres.kill();
  const started = postgres.restart();
  setTimeout(() => process.kill(rows[0]!.pid, "SIGCONT"), 1_500);
  await started;
  const again = new Client({ connectionString: postgres.url });
  await again.connect();
  await again.end();
  await client.end().catch(() => undefined);
  await postgres.stop();
}, 60_000);
