import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync, readFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import os from "node:os";
import path from "node:path";
import { Client } from "pg";
import { processIdentity } from "../../src/local/process-identity.js";
import { endProcess } from "../../src/local/processes.ts";
import { type EmbeddedPostgres, startPostgres } from "../../src/store/embedded.ts";
import { type MySqlServer, startMySql } from "./mysql-servers.ts";
import { startTemporalServer, type TemporalServer, type TemporalServerOptions } from "../../src/temporal/server.ts";

const PREFIX = "tidemark-test-";

/**
 * Starts Postgres, Temporal, MariaDB and MySQL at most once for a test run, when first asked over HTTP on the loopback address:
 * `/temporal`, `/database?name=…`, `/mariadb?name=…`, `/mysql?name=…`. Runs side by side have folders and ports of their own.
 */
export async function startServerHost(options: Pick<TemporalServerOptions, "dynamicConfig"> = {}): Promise<{ url: string; stop: () => Promise<void> }> {
  await endLeftRuns();
  const dir = mkdtempSync(path.join(os.tmpdir(), PREFIX));
  chmodSync(dir, 0o755); // Run as root, Postgres has another user.
  writeFileSync(path.join(dir, "owner.json"), JSON.stringify({ pid: process.pid, identity: processIdentity(process.pid) }));
  let postgres: Promise<EmbeddedPostgres> | undefined;
  let temporal: Promise<TemporalServer> | undefined;
  const mySqls: { mariadb?: Promise<MySqlServer>; mysql?: Promise<MySqlServer> } = {};
  const answer = async (request: URL): Promise<object> => {
    if (request.pathname === "/database") {
      postgres ??= startPostgres({ dir: path.join(dir, "postgres"), port: 0, durable: false });
      return { url: await createDatabase((await postgres).url, request.searchParams.get("name") ?? "") };
    }
    const kind = request.pathname.slice(1);
    if (kind === "mariadb" || kind === "mysql") {
      mySqls[kind] ??= startMySql(kind, path.join(dir, kind));
      return { url: await (await mySqls[kind]).database(request.searchParams.get("name") ?? "") };
    }
    temporal ??= startTemporalServer({ dir: path.join(dir, "temporal"), port: 0, uiPort: 0, ...options });
    const { address, uiUrl, namespace } = await temporal;
    return { address, uiUrl, namespace };
  };
  const server = createServer((request, response) => {
    answer(new URL(request.url ?? "/", "http://localhost")).then(
      (body) => response.end(JSON.stringify(body)),
      (error: unknown) => response.writeHead(500).end(error instanceof Error ? error.message : String(error)),
    );
  });
  server.keepAliveTimeout = 0; // A connection that ends by itself just when it is used again would fail its test.
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    stop: async () => {
      server.closeAllConnections();
      server.close();
      await Promise.allSettled([postgres, temporal, mySqls.mariadb, mySqls.mysql].map(async (started) => (await started)?.stop()));
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function createDatabase(url: string, name: string): Promise<string> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`create database ${client.escapeIdentifier(name)}`);
  } finally {
    await client.end();
  }
  return Object.assign(new URL(url), { pathname: `/${name}` }).href;
}

/** Ends the servers of runs that were killed, and removes their folders. */
async function endLeftRuns(): Promise<void> {
  for (const name of readdirSync(os.tmpdir()).filter((entry) => entry.startsWith(PREFIX))) {
    const dir = path.join(os.tmpdir(), name);
    const owner = readRecord(path.join(dir, "owner.json"));
    if (owner === null || processIdentity(owner.pid) === owner.identity) continue;
    for (const server of ["postgres", "temporal", "mariadb", "mysql"]) {
      const left = readRecord(path.join(dir, server, "server.json"));
      if (left !== null && processIdentity(left.pid) === left.identity) await endProcess(left.pid, { signal: "SIGINT", graceMs: 5_000 });
    }
    rmSync(dir, { recursive: true, force: true });
  }
}

function readRecord(file: string): { pid: number; identity: string } | null {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as { pid: number; identity: string };
  } catch {
    return null;
  }
}
