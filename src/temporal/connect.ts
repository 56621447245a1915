import { setTimeout as sleep } from "node:timers/promises";
import { Connection } from "@temporalio/client";
import { type ClientConnectConfig, loadClientConnectConfig } from "@temporalio/envconfig";
import type { NativeConnection } from "@temporalio/worker";
import { ConfigError, TidemarkError } from "../errors.ts";
import type { TemporalPlace } from "../local/environment.ts";

/** A connection and the namespace to use on it. */
export interface Connected<C> {
  connection: C;
  namespace: string;
  /** host:port, for messages and links. */
  address: string;
}

export interface ConnectOptions {
  /** How long to try while the server is coming up (ms), default 10 s. */
  timeoutMs?: number;
}

/** gRPC channel arguments for the local server: a proxy that the environment names (`https_proxy`) cannot reach this machine. */
export const NO_PROXY = { "grpc.enable_http_proxy": 0 };

/** gRPC codes that no further attempt changes: INVALID_ARGUMENT, PERMISSION_DENIED, UNIMPLEMENTED, UNAUTHENTICATED. */
const FINAL_CODES = new Set([3, 7, 12, 16]);

/**
 * Connects a client. Close its connection when done.
 * @throws TidemarkError TM_TEMPORAL_UNREACHABLE, or ConfigError TM_TEMPORAL_CONFIG for a bad profile
 */
export function connectClient(place: TemporalPlace, options: ConnectOptions = {}): Promise<Connected<Connection>> {
  return connect(place, options, (config, leftMs) => Connection.connect({ ...config, connectTimeout: Math.min(3_000, leftMs), ...(place.from === "dev" ? { channelArgs: NO_PROXY } : {}) }));
}

/** Connects a worker, likewise. Close the connection after its workers have ended. */
export async function connectWorker(place: TemporalPlace, options: ConnectOptions = {}): Promise<Connected<NativeConnection>> {
  // Loading the native core takes most of a second, which commands without a worker are spared.
  const worker = await import("@temporalio/worker");
  return await connect(place, options, (config) => worker.NativeConnection.connect(config));
}

type ConnectionOptions = ClientConnectConfig["connectionOptions"];

async function connect<C>(place: TemporalPlace, options: ConnectOptions, attempt: (config: ConnectionOptions, leftMs: number) => Promise<C>): Promise<Connected<C>> {
  const { connectionOptions, namespace = "default" } = settings(place);
  const address = connectionOptions.address ?? "localhost:7233";
  const timeoutMs = options.timeoutMs ?? 10_000;
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    try {
      return { connection: await attempt({ ...connectionOptions, address }, Math.max(deadline - Date.now(), 250)), namespace, address };
    } catch (error) {
      if (Date.now() + 250 < deadline && !isFinal(error)) {
        await sleep(250);
        continue;
      }
      throw unreachable(place, { address, namespace }, error);
    }
  }
}

function settings(place: TemporalPlace): ClientConnectConfig {
  if (place.from === "dev") return { connectionOptions: { address: place.address }, namespace: place.namespace };
  try {
    return loadClientConnectConfig();
  } catch (error) {
    throw new ConfigError("TM_TEMPORAL_CONFIG", `the settings for Temporal cannot be used: ${reason(error)}`, {
      path: process.env["TEMPORAL_CONFIG_FILE"] ?? "temporalio/temporal.toml",
      fix: "Correct the profile, or set TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE and, for Temporal Cloud, TEMPORAL_API_KEY.",
      cause: error,
    });
  }
}

function unreachable(place: TemporalPlace, { address, namespace }: { address: string; namespace: string }, error: unknown): TidemarkError {
  return new TidemarkError("TM_TEMPORAL_UNREACHABLE", `Temporal at ${address} does not answer: ${reason(error)}`, {
    path: place.from === "envconfig" ? "TEMPORAL_ADDRESS" : "dev.json",
    fix:
      place.from === "envconfig"
        ? "Start that server, or correct TEMPORAL_ADDRESS (or the profile). Without either, `tidemark dev` starts a local server."
        : "Look whether `tidemark dev` still runs in this folder, and start it again.",
    details: { address, namespace },
    cause: error,
  });
}

/** The innermost message: the SDK wraps what gRPC said. */
function reason(error: unknown): string {
  let inner = error;
  while (inner instanceof Error && inner.cause instanceof Error) inner = inner.cause;
  const text = inner instanceof Error ? inner.message : String(inner);
  // The native core prints a Rust structure; its last message is what people can read.
  return text.includes("tonic::") ? (/message: "([^"]+)"/.exec(text)?.[1] ?? "no connection") : text;
}

function isFinal(error: unknown): boolean {
  for (let inner: unknown = error; inner instanceof Error; inner = inner.cause) {
    if ("code" in inner && typeof inner.code === "number" && FINAL_CODES.has(inner.code)) return true;
  }
  return false;
}
