import path from "node:path";
import { Client } from "@temporalio/client";
import type { TidemarkConfig } from "../config/types.ts";
import { ConfigError, TidemarkError } from "../errors.ts";
import { resolveServices, type StorePlace, type TemporalPlace } from "../local/environment.ts";
import { storeKey } from "../local/key.ts";
import { migrate, openStore } from "../store/db.ts";
import { type EmbeddedPostgres, startPostgres } from "../store/embedded.ts";
import type { Services } from "../sync/services.ts";
import { closeTargets } from "../target/open.ts";
import { connectClient } from "../temporal/connect.ts";
import { onceFree } from "./once-free.ts";

/** The store, opened and up to date. */
export interface OpenedStore {
  services: Services;
  close(): Promise<void>;
}

/**
 * Opens the store that the environment names, or the one of the local servers of this folder.
 * @param options.orEmbedded where neither is there, the folder's own Postgres is started for as long as it is open
 * @throws TidemarkError `TM_NO_STORE`, `TM_STORE_URL`, `TM_STORE_UNREACHABLE`, `TM_KEY`
 */
export async function openServices(config: TidemarkConfig, options: { orEmbedded?: boolean } = {}): Promise<OpenedStore> {
  const { place, embedded } = await findStore(config.home, options.orEmbedded === true);
  if (place === null && embedded === null) {
    throw new TidemarkError("TM_NO_STORE", "there is no store: DATABASE_URL is not set and no local servers run for this folder", {
      path: "DATABASE_URL", fix: 'Set DATABASE_URL to a Postgres, or run "tidemark dev" in this folder.',
    });
  }
  if (place !== null && !/^postgres(ql)?:\/\//.test(place.url)) {
    throw new ConfigError("TM_STORE_URL", `${place.from} is no address of a Postgres`, { path: place.from, fix: "Write it as postgres://user:password@host:5432/database." });
  }
  const url = place?.url ?? embedded!.url;
  const store = openStore(url, { name: "tidemark", connections: 20 });
  const close = async () => {
    await closeTargets(config);
    await store.close();
    await embedded?.stop();
  };
  try {
    await migrated(url);
    return { services: { config, store, key: storeKey(config.home, { embedded: place?.from !== "DATABASE_URL" }) }, close };
  } catch (error) {
    await close();
    if (error instanceof TidemarkError) throw error;
    throw new TidemarkError("TM_STORE_UNREACHABLE", `Postgres does not answer: ${error instanceof Error ? error.message : String(error)}`, {
      path: place?.from ?? "embedded", fix: "Look whether it is up and the address, user and password are right.",
    });
  }
}

async function findStore(home: string, orEmbedded: boolean): Promise<{ place: StorePlace | null; embedded: EmbeddedPostgres | null }> {
  const place = resolveServices(home).store;
  if (place !== null || !orEmbedded) return { place, embedded: null };
  try {
    return { place, embedded: await onceFree(home, () => startPostgres({ dir: path.join(home, "postgres") })) };
  } catch (error) {
    // A `tidemark dev` that was starting has it now.
    const dev = resolveServices(home).store;
    if (dev === null) throw error;
    return { place: dev, embedded: null };
  }
}

/** Over a connection of its own: on a big table a migration may take its time. */
async function migrated(url: string): Promise<void> {
  const patient = openStore(url, { connections: 2, silentMs: 0 });
  try {
    await migrate(patient);
  } finally {
    await patient.close();
  }
}

/** A client of the Temporal server. */
export interface OpenedTemporal {
  client: Client;
  namespace: string;
  address: string;
  /** The UI's address, where it is known. */
  uiUrl: string | null;
  close(): Promise<void>;
}

/** Where Temporal is. @throws TidemarkError `TM_NO_TEMPORAL` */
export function temporalPlace(config: TidemarkConfig): TemporalPlace {
  const place = resolveServices(config.home).temporal;
  if (place !== null) return place;
  throw new TidemarkError("TM_NO_TEMPORAL", "there is no Temporal server: TEMPORAL_ADDRESS is not set and no local one runs for this folder", {
    path: "TEMPORAL_ADDRESS", fix: 'Set TEMPORAL_ADDRESS (or a profile), or run "tidemark dev" in this folder.',
  });
}

/** @throws TidemarkError `TM_NO_TEMPORAL`, `TM_TEMPORAL_UNREACHABLE` */
export async function openTemporal(config: TidemarkConfig): Promise<OpenedTemporal> {
  const place = temporalPlace(config);
  const { connection, namespace, address } = await connectClient(place);
  return {
    client: new Client({ connection, namespace }), namespace, address,
    uiUrl: place.from === "dev" ? place.uiUrl : (process.env["TEMPORAL_UI_URL"] ?? null),
    close: () => connection.close(),
  };
}

/** A link to a run in Temporal's UI, or null where the UI's address is not known. */
export function runLink(temporal: Pick<OpenedTemporal, "uiUrl" | "namespace">, workflowId: string, runId: string): string | null {
  if (temporal.uiUrl === null) return null;
  return `${temporal.uiUrl}/namespaces/${temporal.namespace}/workflows/${encodeURIComponent(workflowId)}/${runId}/history`;
}
