import { readDevState } from "./dev-state.ts";
import { namesTemporalServer } from "./temporal-binary.js";

/** Where Postgres is, and who said so. */
export interface StorePlace {
  url: string;
  from: "DATABASE_URL" | "dev";
}

/** Where Temporal is: by `@temporalio/envconfig` (TEMPORAL_ADDRESS, profiles), or the local server's address. */
export type TemporalPlace = { from: "envconfig" } | { from: "dev"; address: string; namespace: string; uiUrl: string };

/** The services that a command uses; null where nothing is set and no local server runs. */
export interface Services {
  store: StorePlace | null;
  temporal: TemporalPlace | null;
}

/**
 * Where Postgres and Temporal are: the environment (DATABASE_URL; TEMPORAL_ADDRESS or a profile) goes before
 * the servers that `tidemark dev` runs for this home folder.
 * @param home the data folder, `.tidemark` beside the config
 */
export function resolveServices(home: string, env: NodeJS.ProcessEnv = process.env): Services {
  const dev = readDevState(home);
  const url = env["DATABASE_URL"];
  const store: StorePlace | null = url !== undefined && url !== "" ? { url, from: "DATABASE_URL" } : dev === null ? null : { url: dev.databaseUrl, from: "dev" };
  if (namesTemporalServer(env)) return { store, temporal: { from: "envconfig" } };
  const temporal: TemporalPlace | null = dev === null || dev.temporalAddress === "" ? null : { from: "dev", address: dev.temporalAddress, namespace: dev.namespace, uiUrl: dev.uiUrl };
  return { store, temporal };
}
