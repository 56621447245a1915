import type { Socket } from "node:net";
import { Kysely, Migrator, PostgresDialect, type PostgresPool, sql, type Transaction } from "kysely";
import { Pool } from "pg";
import { StoreError } from "../errors.ts";
import { migrations } from "./migrations/index.ts";

/** The store is spoken to in SQL: set-based statements, typed where their rows are read. */
export type Db = Kysely<unknown>;
export type Tx = Transaction<unknown>;

export interface Store {
  db: Db;
  /** Runs `work` in one transaction; repeated when Postgres chose it as a deadlock's or serialisation's victim. */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

const SCHEMA = "tidemark";
const REPEATABLE = new Set(["40001", "40P01"]);
/** A process that froze, or lost its network, within a transaction keeps its locks no longer (ms). No transaction waits for anything but Postgres. */
const FROZEN_MS = 10_000;
/** A connection over which nothing came for so long leads nowhere (ms): a network that swallows packets gives no error for a quarter of an hour. */
const SILENT_MS = 60_000;

/**
 * Opens a pool on the database; nothing is created. 64-bit integers and numerics arrive as text.
 * @param url a Postgres URL
 * @param options.connections pool size, default 10
 * @param options.frozenMs how long a transaction may be silent before Postgres ends it, default 10 s
 * @param options.silentMs how long a statement may go without an answer before its connection is given up, default 60 s; 0 waits
 */
export function openStore(url: string, options: { connections?: number; name?: string; frozenMs?: number; silentMs?: number } = {}): Store {
  const pool = new Pool({
    connectionString: url,
    max: options.connections ?? 10,
    options: `-c search_path=${SCHEMA} -c timezone=UTC -c idle_in_transaction_session_timeout=${options.frozenMs ?? FROZEN_MS}`,
    application_name: options.name ?? "tidemark",
    connectionTimeoutMillis: 10_000,
    keepAlive: true,
  });
  // A broken connection fails its statements, and the pool replaces it; without listeners it would end the process.
  pool.on("error", () => undefined);
  pool.on("connect", (client) => {
    client.on("error", () => undefined);
    const stream = client.connection.stream as Socket;
    stream.setTimeout(options.silentMs ?? SILENT_MS, () => stream.destroy(new Error("the store did not answer")));
  });
  return storeOn(pool);
}

/** A store on connections that are there already; their search path leads to its schema. */
export function storeOn(pool: PostgresPool): Store {
  const db = new Kysely<unknown>({ dialect: new PostgresDialect({ pool }) });
  return {
    db,
    async transaction(work) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await db.transaction().execute(work);
        } catch (error) {
          if (attempt >= 5 || !REPEATABLE.has(sqlState(error))) throw error;
        }
      }
    },
    close: () => db.destroy(),
  };
}

/**
 * Brings the schema up to date, unless a newer version did; safe when several processes do it at once.
 * @throws StoreError `TM_STORE_UNRELEASED`, `TM_STORE_MIGRATION`
 */
export async function migrate(store: Store): Promise<void> {
  await sql`create schema if not exists ${sql.id(SCHEMA)}`.execute(store.db).catch((error: unknown) => {
    // Two processes creating it at once: one of them meets the other's row.
    if (sqlState(error) !== "23505" && sqlState(error) !== "42P06") throw error;
  });
  // Kysely refuses a store that knows more than this version; tables are only ever extended.
  const done = await migrationsDone(store.db);
  if (Object.keys(migrations).every((name) => done.includes(name))) return;
  const unknown = done.filter((name) => migrations[name] === undefined);
  if (unknown.length > 0) {
    throw new StoreError("TM_STORE_UNRELEASED", `the store was made by an unreleased version of Tidemark (its migrations ${unknown.join(", ")} are none of a release's)`, {
      fix: `Drop what it made, "drop schema ${SCHEMA} cascade" (of tidemark dev: remove .tidemark/postgres), and load again.`,
    });
  }
  const migrator = new Migrator({
    db: store.db,
    provider: { getMigrations: () => Promise.resolve(migrations) },
    migrationTableSchema: SCHEMA,
  });
  const { error } = await migrator.migrateToLatest();
  if (error !== undefined) {
    throw new StoreError("TM_STORE_MIGRATION", `the store's schema could not be brought up to date: ${messageOf(error)}`, {
      cause: error,
      fix: "Look at the message; the database user needs the right to create a schema and tables.",
    });
  }
}

async function migrationsDone(db: Db): Promise<string[]> {
  try {
    const { rows } = await sql<{ name: string }>`select name from ${sql.table(`${SCHEMA}.kysely_migration`)}`.execute(db);
    return rows.map(({ name }) => name);
  } catch (error) {
    if (sqlState(error) === "42P01") return []; // a new store
    throw error;
  }
}

/** The SQLSTATE of a Postgres error, or "". */
export function sqlState(error: unknown): string {
  return typeof error === "object" && error !== null && "code" in error && typeof error.code === "string" ? error.code : "";
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
