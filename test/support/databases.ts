import { createConnection } from "mysql2/promise";
import { Client } from "pg";
import type { TableTargetConfig } from "../../src/config/types.ts";
import { MISSING, type MySqlKind } from "./mysql-servers.ts";
import { freshDatabase, freshMySql } from "./servers.ts";

/** A database of the test's own. */
export interface TestDatabase {
  url: string;
  /** A connection beside those of the target. Everything comes as text. */
  query(statement: string): Promise<Record<string, string | null>[]>;
}

export interface DatabaseKind {
  use: TableTargetConfig["use"];
  name: string;
  skip: boolean;
  open: () => Promise<TestDatabase>;
}

const POSTGRES: DatabaseKind = {
  use: "postgres", name: "Postgres", skip: false,
  async open() {
    const url = await freshDatabase();
    return {
      url,
      async query(statement) {
        const client = new Client({ connectionString: url, types: { getTypeParser: () => (text: string) => text } });
        await client.connect();
        try {
          return (await client.query<Record<string, string | null>>(statement)).rows;
        } finally {
          await client.end();
        }
      },
    };
  },
};

const mySql = (kind: MySqlKind, name: string): DatabaseKind => ({
  use: "mysql", name, skip: MISSING[kind] !== false,
  async open() {
    const url = await freshMySql(kind);
    return {
      url,
      async query(statement) {
        const connection = await createConnection({ uri: url, charset: "utf8mb4", typeCast: (field) => field.string("utf8"), multipleStatements: true });
        try {
          return (await connection.query(statement))[0] as Record<string, string | null>[];
        } finally {
          await connection.end();
        }
      },
    };
  },
});

/** The kinds of database that records go to, each a real one. */
export const DATABASES = [POSTGRES, mySql("mariadb", "MariaDB"), mySql("mysql", "MySQL")];
