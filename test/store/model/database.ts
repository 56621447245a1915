import { Pool, type PoolClient } from "pg";
import { migrate, type Store, storeOn } from "../../../src/store/db.ts";
import { freshDatabase } from "../../support/servers.ts";
import type { Process, Scheduler } from "./scheduler.ts";

/** Where the clock begins. */
export const BEGIN_MS = Date.UTC(2026, 0, 10);

/**
 * A store whose clock is the test's: `clock_timestamp()` is found in a schema before Postgres's own, so that no run depends on
 * the machine's speed.
 */
export async function modelDatabase(): Promise<Pool> {
  const pool = new Pool({
    connectionString: await freshDatabase(), max: 80, idleTimeoutMillis: 0,
    options: "-c search_path=tidemark,model,pg_catalog -c timezone=UTC -c deadlock_timeout=20ms",
  });
  pool.on("error", () => undefined);
  pool.on("connect", (client) => client.on("error", () => undefined));
  await pool.query(`
    create schema model;
    create table model.clock (now timestamptz not null);
    insert into model.clock values (to_timestamp(${BEGIN_MS / 1000}));
    create function model.clock_timestamp() returns timestamptz language sql volatile as 'select now from model.clock'`);
  await migrate(storeOn(pool));
  return pool;
}

export async function setClock(pool: Pool, ms: number): Promise<void> {
  await pool.query("update model.clock set now = to_timestamp($1::float8 / 1000)", [ms]);
}

/** What the scheduler has to know of Postgres's backends. */
export function backendsOf(pool: Pool) {
  return {
    async blocked(pids: number[]): Promise<number> {
      const { rows } = await pool.query<{ n: number }>("select count(*)::int as n from unnest($1::int[]) pid where cardinality(pg_blocking_pids(pid)) > 0", [pids]);
      return rows[0]!.n;
    },
    async end(pids: number[]): Promise<void> {
      if (pids.length > 0) await pool.query("select pg_terminate_backend(pid, 5000) from unnest($1::int[]) pid", [pids]);
    },
  };
}

/**
 * The store as one process sees it: before each statement, `begin` and `commit` included, it waits for the scheduler, which may
 * let it go on, end its connection or kill the process, before or after the statement takes effect.
 * @param changed hears of what may have been committed
 */
export function processStore(pool: Pool, scheduler: Scheduler, process: Process, changed: () => void): Store {
  return storeOn({
    async connect() {
      const client = await pool.connect();
      const pid = (client as PoolClient & { processID: number }).processID;
      process.held.add(pid);
      let lost = false;
      let open = false;
      const end = async () => {
        lost = true;
        await backendsOf(pool).end([pid]);
      };
      const query = async (text: string, values: readonly unknown[]) => {
        const decision = await scheduler.pass(process, text.trim().replace(/\s+/g, " ").slice(0, 70));
        if (decision === "drop") await end();
        const run = client.query(text, [...values]);
        process.running.add(pid);
        const result = await run.finally(() => process.running.delete(pid));
        if (text === "begin") open = true;
        else if (text === "commit" || text === "rollback") open = false;
        if (!open) changed();
        if (decision === "kill-after") await scheduler.kill(process);
        if (decision === "drop-after") await end();
        if (decision !== "go") throw new Error("the connection was lost");
        return result;
      };
      return {
        query: query as never,
        release() {
          process.held.delete(pid);
          client.release(lost || process.dead || open);
        },
      };
    },
    end: () => Promise.resolve(),
  });
}
