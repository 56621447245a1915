import type { Connection } from "mysql2";
import { createPool, escape, type PoolConnection } from "mysql2/promise";
import type { TableTargetConfig } from "../config/types.ts";
import { TargetError } from "../errors.ts";
import { type Database, mayReplace, type Query, type Row } from "./table/database.ts";
import type { Column } from "./table/values.ts";

const TYPES = {
  key: "varchar(255) character set utf8mb4 collate utf8mb4_bin", order: "decimal(30)", text: "longtext character set utf8mb4", integer: "bigint", decimal: "decimal(38,10)",
  boolean: "tinyint(1)", timestamp: "datetime(3)", json: "longtext character set utf8mb4", // MySQL's own JSON rounds numbers
} as const;

const KINDS: Readonly<Record<string, Column["kind"]>> = {
  char: "text", varchar: "text", tinytext: "text", text: "text", mediumtext: "text", longtext: "text", tinyint: "integer", smallint: "integer", mediumint: "integer",
  int: "integer", bigint: "integer", decimal: "decimal", datetime: "timestamp", timestamp: "timestamp", json: "json",
};

/** Values are refused, never changed to fit; backslashes escape, as `escape` expects. */
const MODE = "STRICT_ALL_TABLES,NO_ZERO_DATE,NO_ZERO_IN_DATE,ERROR_FOR_DIVISION_BY_ZERO,NO_ENGINE_SUBSTITUTION";

/** Tables in a MySQL 8 or MariaDB 10.5, or later. */
export function createMysql(config: TableTargetConfig, at: string): Database {
  const seconds = Math.max(1, Math.ceil(config.timeoutMs / 1000));
  const pool = createPool({
    uri: config.url, connectionLimit: config.parallel * 2, connectTimeout: config.timeoutMs, charset: "utf8mb4", timezone: "Z", enableKeepAlive: true,
    supportBigNumbers: true, bigNumberStrings: true, dateStrings: true, maxPreparedStatements: 50,
  });
  pool.on("connection", (made) => void (made as unknown as Connection).on("error", () => undefined));
  const settled = new WeakSet<object>();

  /** Without these a server that came with a loose mode would cut values, and one with a character set of its own break them: nothing is sent before they hold. */
  async function settle(connection: PoolConnection): Promise<void> {
    if (settled.has(connection.connection)) return;
    await connection.query("set names utf8mb4");
    await connection.query(`set session sql_mode = '${MODE}', time_zone = '+00:00', innodb_lock_wait_timeout = ${seconds}, lock_wait_timeout = ${seconds}`);
    await connection.query("set session transaction isolation level read committed");
    // MariaDB's; MySQL has none: a process that froze within a transaction keeps its locks no longer.
    await connection.query(`set session idle_transaction_timeout = ${seconds}`).catch(() => undefined);
    settled.add(connection.connection);
  }

  const quote = (name: string) => `\`${name.replaceAll("`", "``")}\``;

  async function session<T>(signal: AbortSignal, work: (query: Query) => Promise<T>): Promise<T> {
    let connection: PoolConnection | undefined;
    let stop: (() => void) | undefined;
    try {
      const used = (connection = await pool.getConnection());
      signal.throwIfAborted();
      // A destroyed connection's queries never end by themselves.
      const aborted = new Promise<never>((_, reject) => signal.addEventListener("abort", (stop = () => reject(signal.reason as Error)), { once: true }));
      const result = await Promise.race([aborted, settle(used).then(() => work(async (text, values) => {
        // Texts without values are not looked through for question marks, and the server finds those of the others.
        const [rows] = values === undefined || values.length === 0 ? await used.query(text) : await used.execute(text, values as string[]);
        return Array.isArray(rows) ? (rows as Row[]) : [];
      }))]);
      connection.release();
      return result;
    } catch (error) {
      if (!signal.aborted && errnoOf(error) !== 0) await connection?.query("rollback").then(() => connection?.release(), () => connection?.destroy());
      else connection?.destroy();
      signal.throwIfAborted();
      throw error instanceof TargetError ? error : asTargetError(error, at);
    } finally {
      if (stop !== undefined) signal.removeEventListener("abort", stop);
    }
  }

  return {
    name: "MySQL", longestName: 64, lengthOf: (name) => name.length, mostColumns: 1017, names: /^[^\0\p{Surrogate}\u{10000}-\u{10ffff}]+$/u, fold: (name) => name.normalize("NFD").replace(/[\u0300-\u036f]/g, "").toLowerCase(), replacesByAnyKey: true, types: TYPES,
    foundAs: (type) => (type === "json" ? "text" : type), quote, place: quote, parameter: () => "?",
    among: (column, values) => ({ text: `${quote(column)} in (${values.map((value) => escape(value)).join(",")})`, values: [] }),
    instant: (ms) => new Date(ms).toISOString().replace("T", " ").replace("Z", ""),
    retype: (column, type) => `modify column ${quote(column)} ${type} null`,
    insert(table, columns, found, rows) {
      const booleans = columns.map((name) => found.columns.get(name)?.kind === "boolean");
      const tuples = rows.map((row) => `(${row.map((value, i) => (booleans[i] === true && value !== null ? (value === "true" ? "1" : "0") : escape(value))).join(",")})`);
      return { text: `insert into ${quote(table)} (${columns.map(quote).join(", ")}) values ${tuples.join(",")}`, values: [] };
    },
    replace(columns) {
      const condition = mayReplace(quote, (column) => `values(${quote(column)})`, (text) => `instr(${text}, ':')`);
      // From left to right, each seeing what those before have set: what is compared comes last.
      const order = [...columns.filter((name) => name !== "id" && name !== "_order" && name !== "_version"), "_order", "_version"];
      return `on duplicate key update ${order.map((name) => `${quote(name)} = if(${condition}, values(${quote(name)}), ${quote(name)})`).join(", ")}`;
    },
    async look(query, table) {
      const columns = await query(`
        select column_name as name, data_type as kind, column_type as type, numeric_precision as whole, numeric_scale as fraction, column_default as value, extra as extra, collation_name as collation
        from information_schema.columns where table_schema = database() and table_name = ? order by ordinal_position`, [table]);
      if (columns.length === 0) return null;
      const indexes = await query(`
        select index_name as name, if(sub_part is null, column_name, concat('the first letters of ', column_name)) as field from information_schema.statistics
        where table_schema = database() and table_name = ? and non_unique = 0 order by index_name, seq_in_index`, [table]);
      const unique = new Map<unknown, string[]>();
      for (const { name, field } of indexes) unique.set(name, [...(unique.get(name) ?? []), field as string]);
      return { columns: new Map(columns.map((row) => [row["name"] as string, columnOf(row)])), unique: [...unique.values()] };
    },
    async children(query, table) {
      const named = (column: string) => `(select table_name as name from information_schema.columns where table_schema = database() and column_name = '${column}')`;
      const begins = (text: string, start: string) => `left(${text}, char_length(${start}) + 1) = concat(${start}, '_')`;
      const rows = await query(`
        select t.name from ${named("_parent")} t where ${begins("t.name", "?")}
          and not exists (select 1 from ${named("_version")} p where ${begins("p.name", "?")} and ${begins("t.name", "p.name")})`, [table, table, table, table]);
      return rows.map((row) => row["name"] as string);
    },
    async rights(query, table, exists) {
      const [row] = await query("select version() as version, current_user() as user, database() as base");
      const grants = (await query("show grants")).map((grant) => grantOf(String(Object.values(grant)[0])));
      const here = grants.filter((grant) => matches(grant.database, String(row!["base"])) && matches(grant.table, table)).flatMap((grant) => grant.rights);
      const wanted = exists ? ["select", "insert", "update", "alter"] : ["select", "insert", "update", "alter", "create"];
      const missing = here.includes("all privileges") ? [] : wanted.filter((right) => !here.includes(right));
      return { where: `${/mariadb/i.test(String(row!["version"])) ? "MariaDB" : "MySQL"} ${String(row!["version"]).split("-")[0]}, database ${String(row!["base"])}, as ${String(row!["user"])}`, missing };
    },
    session,
    change: (signal, statement) =>
      session(signal, async (query) => {
        await query(statement).catch((error: unknown) => {
          if (!ALREADY.has(errnoOf(error))) throw error;
        });
      }),
    close: () => pool.end(),
  };
}

/** The parts of a line of `show grants`; names without quotes, as patterns. */
function grantOf(line: string): { rights: string[]; database: string; table: string } {
  const [, rights = "", database = "", table = ""] = /^GRANT (.+?) ON (?:TABLE )?(\*|`(?:[^`]|``)*`)\.(\*|`(?:[^`]|``)*`) TO /i.exec(line) ?? [];
  const bare = (name: string) => name.replace(/^`|`$/g, "").replaceAll("``", "`");
  return { rights: rights.toLowerCase().split(/,\s*/), database: bare(database), table: bare(table) };
}

/** Whether a grant's name, in which % stands for anything and a backslash before _ and % for themselves, means this one. */
function matches(pattern: string, name: string): boolean {
  if (pattern === "*") return true;
  const source = pattern.replace(/\\[_%]|[%.*+?^${}()|[\]\\]/g, (part) => (part === "%" ? ".*" : part.startsWith("\\") && part.length > 1 ? part[1]! : `\\${part}`));
  return new RegExp(`^${source}$`, "s").test(name);
}

function columnOf(row: Row): Column {
  const type = row["type"] as string;
  const kind = type === "tinyint(1)" ? "boolean" : (KINDS[row["kind"] as string] ?? "other");
  const fraction = Number(row["fraction"] ?? 0);
  return {
    kind, type, digits: kind === "decimal" ? { whole: Number(row["whole"]) - fraction, fraction } : null,
    // MariaDB writes a default of null as a text.
    filled: (row["value"] !== null && row["value"] !== "NULL") || /auto_increment|generated|on update/i.test(String(row["extra"])),
    exact: row["collation"] === null || String(row["collation"]).endsWith("_bin"),
  };
}

/** What is there already, when another worker made it first. */
const ALREADY = new Set([1050, 1060]);

/** Error numbers by what follows; all others: tried again where nothing was said, else a person has to look. */
const MEANINGS: readonly [TargetError["kind"], string, readonly number[]][] = [
  // The table was changed since it was looked at; too many connections, locks and deadlocks, shutting down, full, read only, killed, timed out.
  ["retry", "TM_TARGET_BUSY", [1054, 1146, 1021, 1037, 1040, 1041, 1053, 1079, 1114, 1203, 1205, 1206, 1213, 1226, 1290, 1317, 1613, 1637, 1792, 1836, 1412, 1615, 1927, 1969, 3024, 3058, 3572, 4031]],
  ["too-large", "TM_TARGET_TOO_LARGE", [1153, 1301, 3699]],
  // Values, limits that one record goes beyond (columns, a row's size), triggers and checks.
  ["refused", "TM_TARGET_REFUSED", [1048, 1062, 1118, 1138, 1169, 1264, 1265, 1292, 1300, 1366, 1367, 1406, 1411, 1416, 1452, 1526, 1557, 1644, 1690, 1761, 1762, 3140, 3156, 3819, 4025, 4078]],
];

function errnoOf(error: unknown): number {
  return error instanceof Error && "errno" in error && typeof error.errno === "number" && error.errno > 0 ? error.errno : 0;
}

function asTargetError(error: unknown, at: string): TargetError {
  const errno = errnoOf(error);
  const said = error instanceof Error ? error.message : String(error);
  const state = error instanceof Error && "sqlState" in error ? String(error.sqlState) : "";
  const [kind, code] = MEANINGS.find(([, , numbers]) => numbers.includes(errno))
    ?? (errno === 0 ? ["retry", "TM_TARGET_UNREACHABLE"] as const : /^(?:08|40)/.test(state) ? ["retry", "TM_TARGET_BUSY"] as const : /^2[23]/.test(state) ? ["refused", "TM_TARGET_REFUSED"] as const : ["misconfigured", "TM_TARGET_CONFIG"] as const);
  if (kind === "refused" || kind === "too-large") {
    return new TargetError(kind, code, `MySQL refused with error ${errno}`, { path: at, details: { received: said }, fix: "See what MySQL says about the record; it is in quarantine." });
  }
  return new TargetError(kind, code, `MySQL failed${errno === 0 ? "" : ` with error ${errno}`}: ${said}`, {
    path: `${at}.url`,
    fix: kind === "misconfigured" ? "Correct target.url, the table or the user's rights; the records wait, nothing was set aside." : "Tidemark repeats it by itself. If it goes on, look at the database.",
  });
}
