import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync } from "node:fs";
import path from "node:path";
import { createConnection } from "mysql2/promise";
import { startServer } from "../../src/local/managed-process.ts";
import { onFreePorts } from "../../src/local/ports.ts";

const FOLDERS = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/local/bin", "/opt/homebrew/bin", "/usr/local/mysql/bin"];
const USER = "root";

/**
 * Why tests with MariaDB are skipped; false: they run. In CI they always run, and fail where there is none: `.ci/run` installs
 * it. Elsewhere: Debian's packages mariadb-server-core and mariadb-client-core.
 */
export const noMariaDb: string | false = program("mariadbd") !== null || process.env["CI"] === "true" ? false : "SKIPPED: there is no mariadbd on this machine (Debian: apt-get install mariadb-server-core mariadb-client-core)";
if (noMariaDb !== false) process.stderr.write(`\n!! ${noMariaDb}\n\n`);

export interface MariaDb {
  /** Makes a database. @returns its URL */
  database(name: string): Promise<string>;
  stop(): Promise<void>;
}

/** A MariaDB on a free port of the loopback address with its data under `dir`; its user is root, without a password. */
export function startMariaDb(dir: string): Promise<MariaDb> {
  return onFreePorts("mariadb", false, async (pick) => {
    const [server, install] = [program("mariadbd"), program("mariadb-install-db")];
    if (server === null || install === null) throw new Error("there is no mariadbd: apt-get install mariadb-server-core mariadb-client-core, as .ci/run does");
    const port = await pick(0);
    const data = path.join(dir, "data");
    const asRoot = process.getuid?.() === 0 ? ["--user=root"] : [];
    mkdirSync(dir, { recursive: true });
    if (!existsSync(data)) execFileSync(install, ["--no-defaults", `--datadir=${data}`, "--auth-root-authentication-method=normal", "--skip-test-db", ...asRoot], { stdio: "pipe" });
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
      name: "MariaDB", errorCode: "TM_TEST_MARIADB", dir, command: server, stopSignal: "SIGTERM", ready: () => run("select 1"),
      args: ["--no-defaults", `--datadir=${data}`, `--port=${port}`, "--bind-address=127.0.0.1", `--socket=${path.join(dir, "s")}`, `--pid-file=${path.join(dir, "pid")}`,
        "--skip-name-resolve", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=64M", "--max-connections=400", ...asRoot],
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

function program(name: string): string | null {
  const folders = [...(process.env["PATH"] ?? "").split(path.delimiter), ...FOLDERS];
  return folders.map((folder) => path.join(folder, name)).find((file) => existsSync(file)) ?? null;
}
