import type { Socket } from "node:net";
import { Pool, type PoolClient } from "pg";
import type { TableTargetConfig } from "../config/types.ts";
import { TargetError } from "../errors.ts";
import { type Database, mayReplace, type Query, type Row } from "./table/database.ts";
import type { Column } from "./table/values.ts";

const TYPES = {
  key: "text", order: "numeric(30)", text: "text", integer: "bigint", decimal: "numeric", boolean: "boolean", timestamp: "timestamptz", json: "jsonb",
} as const;

/** What Postgres's types hold; all others are left to it. */
const KINDS: Readonly<Record<string, Column["kind"]>> = {
  text: "text", varchar: "text", bpchar: "text", int8: "integer", int4: "integer", int2: "integer", numeric: "decimal",
  bool: "boolean", timestamptz: "timestamp", timestamp: "timestamp", jsonb: "json", json: "json",
};

/** What is there already, when another worker made it first. */
const ALREADY = new Set(["42P07", "42701", "42710", "23505"]);

/** Tables in a Postgres, 12 or later. */
export function createPostgres(config: TableTargetConfig, at: string): Database {
  const pool = new Pool({
    connectionString: config.url, max: config.parallel * 2, application_name: "tidemark", connectionTimeoutMillis: config.timeoutMs, keepAlive: true, allowExitOnIdle: true,
    options: `-c timezone=UTC -c statement_timeout=${config.timeoutMs} -c idle_in_transaction_session_timeout=${config.timeoutMs}`,
  });
  pool.on("error", () => undefined);
  pool.on("connect", (client) => void client.on("error", () => undefined));
  const quote = (name: string) => `"${name.replaceAll('"', '""')}"`;
  const place = (table: string) => (config.schema === null ? quote(table) : `${quote(config.schema)}.${quote(table)}`);

  async function session<T>(signal: AbortSignal, work: (query: Query) => Promise<T>): Promise<T> {
    let client: PoolClient | undefined;
    let stop: (() => void) | undefined;
    try {
      client = await pool.connect();
      const { stream } = (client as unknown as { connection: { stream: Socket } }).connection;
      stop = () => stream.destroy();
      signal.throwIfAborted();
      signal.addEventListener("abort", stop, { once: true });
      const used = client;
      const result = await work(async (text, values) => (await used.query<Row>(text, values as unknown[])).rows);
      client.release();
      return result;
    } catch (error) {
      if (signal.aborted) {
        client?.release(true);
        throw signal.reason;
      }
      // What Postgres refused it has undone; after any other failure nobody knows what state the connection is in.
      if (stateOf(error) !== "") await client?.query("rollback").then(() => client?.release(), () => client?.release(true));
      else client?.release(true);
      throw error instanceof TargetError ? error : asTargetError(error, at);
    } finally {
      if (stop !== undefined) signal.removeEventListener("abort", stop);
    }
  }

  return {
    name: "Postgres", longestName: 63, lengthOf: (name) => Buffer.byteLength(name), mostColumns: 1600, names: /^[^\0\p{Surrogate}]+$/u, fold: (name) => name, replacesByAnyKey: false, types: TYPES,
    foundAs: (type) => type, quote, place, parameter: (n) => `$${n}`,
    among: (column, values) => ({ text: `${quote(column)} = any($1)`, values: [arrayOf(values)] }), instant: (ms) => new Date(ms).toISOString(),
    retype: (column, type) => `alter column ${quote(column)} type ${type} using ${quote(column)}::text::${type}`,
    insert(table, columns, found, rows) {
      // Cast to `character`, a value would be cut to one letter.
      const values = columns.map((name, i) => `v.c${i}${found.columns.get(name)!.kind === "text" ? "" : `::${found.columns.get(name)!.type}`}`);
      const arrays = columns.map((_, i) => `$${i + 1}::text[]`);
      return {
        text: `insert into ${place(table)} as t (${columns.map(quote).join(", ")}) select ${values.join(", ")} from unnest(${arrays.join(", ")}) as v(${columns.map((_, i) => `c${i}`).join(", ")})`,
        values: columns.map((_, i) => arrayOf(rows.map((row) => row[i] ?? null))),
      };
    },
    replace: (columns) => `on conflict (id) do update set ${columns.filter((name) => name !== "id").map((name) => `${quote(name)} = excluded.${quote(name)}`).join(", ")}
      where ${mayReplace((column) => `t.${quote(column)}`, (column) => `excluded.${quote(column)}`, (text) => `strpos(${text}, ':')`)}`,
    async look(query, table) {
      const columns = await query(`
        select a.attname as name, t.typname as kind, format_type(a.atttypid, null) as type, a.atttypmod as modifier, a.attidentity <> '' or a.atthasdef as filled,
          not exists (select from pg_collation c where c.oid = a.attcollation and not c.collisdeterministic) as exact
        from pg_attribute a join pg_type t on t.oid = a.atttypid where a.attrelid = to_regclass($1) and a.attnum > 0 and not a.attisdropped order by a.attnum`, [place(table)]);
      if (columns.length === 0) return null;
      const unique = await query(`
        select array(select a.attname::text from unnest(i.indkey::int[]) k join pg_attribute a on a.attrelid = i.indrelid and a.attnum = k) as columns
        from pg_index i where i.indrelid = to_regclass($1) and i.indisunique and i.indpred is null`, [place(table)]);
      return { columns: new Map(columns.map((row) => [row["name"] as string, columnOf(row)])), unique: unique.map((row) => row["columns"] as string[]) };
    },
    async children(query, table) {
      const rows = await query(`
        with tables as (
          select c.relname as name, a.attname as has from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname in ('_parent', '_version') and not a.attisdropped
          where c.relkind in ('r', 'p') and c.relnamespace = (select relnamespace from pg_class where oid = to_regclass($2))
        )
        select t.name from tables t where t.has = '_parent' and starts_with(t.name, $1 || '_')
          and not exists (select 1 from tables p where p.has = '_version' and starts_with(p.name, $1 || '_') and starts_with(t.name, p.name || '_'))`, [table, place(table)]);
      return rows.map((row) => row["name"] as string);
    },
    async rights(query, table, exists) {
      const [row] = await query("select current_user as user, current_database() as database, current_setting('server_version') as version, coalesce($1, current_schema()) as schema", [config.schema]);
      const where = `Postgres ${String(row!["version"]).split(" ")[0]}, database ${String(row!["database"])}, as ${String(row!["user"])}`;
      const [has] = exists
        ? await query(`select has_table_privilege(c.oid, 'select') as "read", has_table_privilege(c.oid, 'insert') as "insert", has_table_privilege(c.oid, 'update') as "update",
            pg_has_role(c.relowner, 'usage') as "alter (being its owner)" from pg_class c where c.oid = to_regclass($1)`, [place(table)])
        : await query(`select coalesce(has_schema_privilege(to_regnamespace($1), 'create'), false) as "create"`, [quote(String(row!["schema"]))]);
      return { where, missing: Object.entries(has ?? {}).filter(([, may]) => may !== true).map(([right]) => right) };
    },
    session,
    change: (signal, statement) =>
      session(signal, async (query) => {
        await query(`begin; set local statement_timeout = 0; set local lock_timeout = ${config.timeoutMs}; ${statement}; commit`).catch((error: unknown) => {
          if (!ALREADY.has(stateOf(error))) throw error;
          return query("rollback");
        });
      }),
    close: () => pool.end(),
  };
}

/** An array of texts as Postgres reads it; the driver's own way takes three times as long. */
function arrayOf(values: readonly (string | null)[]): string {
  const json = JSON.stringify(values);
  // As long as only quotes and backslashes are escaped, both are written alike.
  if (!/\\[nrtbfu]/.test(json)) return `{${json.slice(1, -1)}}`;
  return `{${values.map((value) => (value === null ? "NULL" : `"${value.replaceAll(/["\\]/g, "\\$&")}"`)).join(",")}}`;
}

function columnOf(row: Row): Column {
  const kind = KINDS[row["kind"] as string] ?? "other";
  // numeric(precision, scale) in one number: https://github.com/postgres/postgres/blob/master/src/backend/utils/adt/numeric.c
  const packed = (row["modifier"] as number) - 4;
  const [precision, fraction] = [packed >> 16, packed & 0x7ff];
  const digits = kind === "decimal" && packed >= 0 ? { whole: precision - fraction, fraction } : null;
  return { kind, type: row["type"] as string, digits, filled: row["filled"] === true, exact: row["exact"] === true };
}

function stateOf(error: unknown): string {
  return error instanceof Error && "code" in error && typeof error.code === "string" && /^[0-9A-Z]{5}$/.test(error.code) ? error.code : "";
}

/** What each SQLSTATE, or the first letters of it, means; the longest that fits. */
const MEANINGS: readonly [RegExp, TargetError["kind"], string][] = [
  [/^(?:42P01|42703|42804)$/, "retry", "TM_TARGET_BUSY"], // the table was changed since it was looked at
  [/^(?:22|23|44|54|P0001)/, "refused", "TM_TARGET_REFUSED"], // a trigger's own words, and limits that one record goes beyond, among them
  [/^(?:0A|28|2B|3D|3F|42)/, "misconfigured", "TM_TARGET_CONFIG"],
];

function asTargetError(error: unknown, at: string): TargetError {
  const state = stateOf(error);
  const said = error instanceof Error ? error.message : String(error);
  const [, kind, code] = MEANINGS.find(([pattern]) => pattern.test(state)) ?? [null, "retry" as const, state === "" ? "TM_TARGET_UNREACHABLE" : "TM_TARGET_BUSY"];
  if (kind === "refused") return new TargetError(kind, code, `Postgres refused with SQLSTATE ${state}`, { path: at, details: { received: said }, fix: "See what Postgres says about the record; it is in quarantine." });
  return new TargetError(kind, code, `Postgres failed${state === "" ? "" : ` with SQLSTATE ${state}`}: ${said}`, {
    path: `${at}.url`,
    fix: kind === "misconfigured" ? "Correct target.url, the table or the user's rights; the records wait, nothing was set aside." : "Tidemark repeats it by itself. If it goes on, look at the database.",
  });
}
