import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { Client as PgClient } from "pg";
import { type EmbeddedPostgres, startPostgres } from "../../src/store/embedded.ts";
import { startTemporalServer, type TemporalServer } from "../../src/temporal/server.ts";

/** Servers of the suite's own: they are killed. */
export interface ChaosServers {
  postgres: EmbeddedPostgres;
  temporal: TemporalServer;
  /** A new, empty database. */
  database(name: string): Promise<string>;
  stop(): Promise<void>;
}

export async function startChaosServers(): Promise<ChaosServers> {
  const dir = mkdtempSync(path.join(tmpdir(), "tidemark-chaos-"));
  const [postgres, temporal] = await Promise.all([
    startPostgres({ dir: path.join(dir, "postgres"), port: 0 }), startTemporalServer({ dir: path.join(dir, "temporal"), port: 0, uiPort: 0 }),
  ]);
  return {
    postgres, temporal,
    async database(name) {
      const client = new PgClient({ connectionString: postgres.url });
      await client.connect();
      await client.query(`create database ${client.escapeIdentifier(name)}`);
      await client.end();
      return Object.assign(new URL(postgres.url), { pathname: `/${name}` }).href;
    },
    async stop() {
      await Promise.all([postgres.stop(), temporal.stop()]);
      rmSync(dir, { recursive: true, force: true });
    },
  };
}
