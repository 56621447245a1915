import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { createConnection } from "mysql2/promise";
import { startServer } from "../../src/local/managed-process.ts";
import { onFreePorts } from "../../src/local/ports.ts";

const FOLDERS = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin", "/usr/local/mysql/bin"];
/** Where get-mysql.sh puts it. */
const FETCHED = fileURLToPath(new URL("../../.tidemark/mysql/mysqld", import.meta.url));
const USER = "root";

export type MySqlKind = "mariadb" | "mysql";

const PROGRAMS: Record<MySqlKind, string | null> = { mariadb: program("mariadbd"), mysql: existsSync(FETCHED) ? FETCHED : ownMySql() };

/**
 * Why tests with a server are skipped; false: they run. In CI those with MariaDB always run, and fail where there is none:
 * `.ci/run` installs it. MySQL is not among the packages of Debian's releases: `.ci/run` fetches it from its unstable branch.
 */
export const MISSING: Record<MySqlKind, string | false> = {
  mariadb: PROGRAMS.mariadb !== null || process.env["CI"] === "true" ? false : "SKIPPED: there is no mariadbd on this machine (Debian: apt-get install mariadb-server-core mariadb-client-core)",
  mysql: PROGRAMS.mysql !== null ? false : "SKIPPED: there is no MySQL on this machine (Debian: bash test/support/get-mysql.sh)",
};
for (const why of Object.values(MISSING)) if (why !== false) process.stderr.write(`\n!! ${why}\n\n`);

export interface MySqlServer {
  /** Makes a database. @returns its URL */
  database(name: string): Promise<string>;
  stop(): Promise<void>;
}

/** A server on a free port of the loopback address with its data under `dir`; its user is root, without a password. */
export function startMySql(kind: MySqlKind, dir: string): Promise<MySqlServer> {
  return onFreePorts(kind, false, async (pick) => {
    const server = PROGRAMS[kind];
    if (server === null) throw new Error(`there is no ${kind}: "bash .ci/run" installs it`);
    const port = await pick(0);
    const data = path.join(dir, "data");
    const asRoot = process.getuid?.() === 0 ? ["--user=root"] : [];
    mkdirSync(dir, { recursive: true });
    const init = path.join(dir, "init.sql");
    writeFileSync(init, `create user if not exists '${USER}'@'127.0.0.1'; grant all on *.* to '${USER}'@'127.0.0.1' with grant option;`);
    if (!existsSync(data)) makeData(kind, server, [`--datadir=${data}`, ...asRoot]);
    const connect = { host: "127.0.0.1", port, user: USER };
    const run = async (statement: string) => {
      const connection = await createConnection(connect);
      try {
        await connection.query(statement);
      } finally {
        await connection.end();
      }
    };
    const handle = await startServer({
      name: kind, errorCode: "TM_TEST_MYSQL", dir, command: server, stopSignal: "SIGTERM", ready: () => run("select 1"),
      args: ["--no-defaults", `--datadir=${data}`, `--port=${port}`, "--bind-address=127.0.0.1", `--socket=${path.join(dir, "s")}`, `--pid-file=${path.join(dir, "pid")}`,
        "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", "--max-connections=400", ...(kind === "mysql" ? ["--mysqlx=OFF", "--skip-log-bin", "--secure-file-priv=NULL", `--init-file=${init}`] : []), ...asRoot],
    });
    return {
      async database(name) {
        await run(`create database \`${name}\` character set latin1`); // as unfit as a database can be: what is made has to say what it needs
        return `mysql://${USER}@127.0.0.1:${port}/${name}`;
      },
      stop: () => handle.stop(),
    };
  });
}

function makeData(kind: MySqlKind, server: string, args: string[]): void {
  const [command, first] = kind === "mysql" ? [server, ["--no-defaults", "--initialize-insecure", "--secure-file-priv=NULL"]] : [program("mariadb-install-db"), ["--no-defaults", "--auth-root-authentication-method=normal", "--skip-test-db"]];
  if (command === null || command === undefined) throw new Error("there is no mariadb-install-db: apt-get install mariadb-server-core mariadb-client-core, as .ci/run does");
  execFileSync(command, [...first, ...args], { stdio: "pipe" });
}

/** On a machine with MariaDB, `mysqld` may be another name of it. */
function ownMySql(): string | null {
  const found = program("mysqld");
  return found === null || /mariadb/i.test(execFileSync(found, ["--version"], { encoding: "utf8" })) ? null : found;
}

function program(name: string): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(path.delimiter), ...FOLDERS];
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file)) ?? null;
}
