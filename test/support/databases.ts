import { createConnection } from "mysql2/promise";
import { Client } from "pg";
import type { TableTargetConfig } from "../../src/config/types.ts";
import { noMariaDb } from "./mariadb.ts";
import { freshDatabase, freshMariaDb } from "./servers.ts";

/** A database of the test's own. */
export interface TestDatabase {
  url: string;
  /** A connection beside those of the target. Everything comes as text. */
  query(statement: string): Promise<Record<string, string | null>[]>;
}

/** The kinds of database that records go to, each a real one. */
export const DATABASES: { use: TableTargetConfig["use"]; name: string; skip: boolean; open: () => Promise<TestDatabase> }[] = [
  {
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
  },
  {
    use: "mysql", name: "MariaDB", skip: noMariaDb !== false,
    async open() {
      const url = await freshMariaDb();
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
  },
];
