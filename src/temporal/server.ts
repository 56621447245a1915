import path from "node:path";
import { Connection } from "@temporalio/client";
import { TidemarkError } from "../errors.ts";
import { type ServerHandle, startServer } from "../local/managed-process.ts";
import { onFreePorts, type PickPort } from "../local/ports.ts";
import { findTemporalBinary } from "../local/temporal-binary.js";
import { NO_PROXY } from "./connect.ts";

/** The types that `temporal server start-dev --search-attribute` knows. */
export type SearchAttributeKind = "Bool" | "Datetime" | "Double" | "Int" | "Keyword" | "KeywordList" | "Text";

/** What every Tidemark workflow carries, registered at start. */
export const SEARCH_ATTRIBUTES: Record<string, SearchAttributeKind> = { TidemarkPipeline: "Keyword", TidemarkKind: "Keyword" };

export interface TemporalServerOptions {
  /** Holds the database file, the log and the server's record; the histories stay there. */
  dir: string;
  /** gRPC port; another is taken when something listens there. 0: any. Default 7233. */
  port?: number;
  /** The UI's port, likewise. Default 8233. */
  uiPort?: number;
  /** Default `default`. */
  namespace?: string;
  /** The server's dynamic configuration, such as `limit.historyCount.suggestContinueAsNew`. */
  dynamicConfig?: Record<string, boolean | number | string>;
  /** Default: SEARCH_ATTRIBUTES. */
  searchAttributes?: Record<string, SearchAttributeKind>;
}

export interface TemporalServer extends ServerHandle {
  /** host:port of the gRPC frontend. */
  address: string;
  uiUrl: string;
  namespace: string;
}

/**
 * Starts Temporal's development server on the loopback address, with a file database and the UI, and waits
 * until it serves. It ends with this process.
 * @throws TidemarkError TM_TEMPORAL_BINARY when there is no binary, TM_TEMPORAL_START with its last log lines
 */
export function startTemporalServer(options: TemporalServerOptions): Promise<TemporalServer> {
  return onFreePorts("temporal", options.port !== 0 || options.uiPort !== 0, (pick) => start(options, pick));
}

async function start(options: TemporalServerOptions, pick: PickPort): Promise<TemporalServer> {
  const binary = temporalBinary();
  const namespace = options.namespace ?? "default";
  const attributes = options.searchAttributes ?? SEARCH_ATTRIBUTES;
  const port = await pick(options.port ?? 7233);
  const uiPort = await pick(options.uiPort ?? 8233);
  const address = `127.0.0.1:${port}`;
  const dir = path.resolve(options.dir);
  const handle = await startServer({
    name: "the Temporal server",
    errorCode: "TM_TEMPORAL_START",
    dir,
    command: binary,
    args: [
      "server",
      "start-dev",
      "--ip=127.0.0.1",
      `--port=${port}`,
      `--ui-port=${uiPort}`,
      `--db-filename=${path.join(dir, "temporal.db")}`,
      `--namespace=${namespace}`,
      "--log-level=warn",
      "--log-format=json",
      ...Object.entries(attributes).map(([name, kind]) => `--search-attribute=${name}=${kind}`),
      ...Object.entries(options.dynamicConfig ?? {}).map(([key, value]) => `--dynamic-config-value=${key}=${JSON.stringify(value)}`),
    ],
    stopSignal: "SIGTERM",
    ready: () => serves(address, namespace, Object.keys(attributes)),
  });
  return Object.defineProperties(handle as TemporalServer, {
    address: { value: address, enumerable: true },
    uiUrl: { value: `http://127.0.0.1:${uiPort}`, enumerable: true },
    namespace: { value: namespace, enumerable: true },
  });
}

function temporalBinary(): string {
  const found = findTemporalBinary();
  if (found !== null) return found.path;
  throw new TidemarkError("TM_TEMPORAL_BINARY", "there is no Temporal server on this machine", {
    fix: "Run `node scripts/prepare.js` in Tidemark's folder, put `temporal` on PATH, name it by TIDEMARK_TEMPORAL_CLI, or name a running server by TEMPORAL_ADDRESS.",
  });
}

/** Throws until the frontend answers for the namespace and knows the search attributes. */
async function serves(address: string, namespace: string, attributes: string[]): Promise<void> {
  const connection = await Connection.connect({ address, connectTimeout: 1_000, channelArgs: NO_PROXY });
  try {
    await connection.withDeadline(Date.now() + 5_000, async () => {
      await connection.workflowService.describeNamespace({ namespace });
      const { customAttributes } = await connection.operatorService.listSearchAttributes({ namespace });
      const missing = attributes.filter((name) => !(name in (customAttributes ?? {})));
      if (missing.length > 0) throw new Error(`search attributes not registered yet: ${missing.join(", ")}`);
    });
  } finally {
    await connection.close();
  }
}
