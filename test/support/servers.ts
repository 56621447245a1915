import { randomBytes } from "node:crypto";
import { inject } from "vitest";
import type { MySqlKind } from "./mysql-servers.ts";

export interface SharedTemporal {
  /** host:port. */
  address: string;
  uiUrl: string;
  namespace: string;
}

export interface SharedServers {
  /** A new, empty database: no other test uses it. */
  databaseUrl: string;
  temporal: SharedTemporal;
  /** For task queues and workflow ids, which share one namespace: different for each call. */
  unique: string;
}

/** A new, empty database in the run's Postgres, which starts when first asked for. */
export async function freshDatabase(): Promise<string> {
  return (await ask<{ url: string }>(`/database?name=test_${randomBytes(6).toString("hex")}`)).url;
}

/** A new, empty database in the run's MariaDB or MySQL, which starts when first asked for; see `MISSING`. */
export async function freshMySql(kind: MySqlKind): Promise<string> {
  return (await ask<{ url: string }>(`/${kind}?name=test_${randomBytes(6).toString("hex")}`)).url;
}

/** The run's Temporal server, which starts when first asked for. */
export function sharedTemporal(): Promise<SharedTemporal> {
  return ask<SharedTemporal>("/temporal");
}

/** Both servers of the run, with a database of the caller's own. Ended after the run. */
export async function sharedServers(): Promise<SharedServers> {
  const [databaseUrl, temporal] = await Promise.all([freshDatabase(), sharedTemporal()]);
  return { databaseUrl, temporal, unique: randomBytes(4).toString("hex") };
}

async function ask<T>(what: string): Promise<T> {
  const answer = await fetch(inject("serverHost") + what, { method: "POST" });
  const body = await answer.text();
  if (!answer.ok) throw new Error(body);
  return JSON.parse(body) as T;
}
