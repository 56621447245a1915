import { mkdirSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import type { TidemarkConfig } from "../config/types.ts";
import { TidemarkError } from "../errors.ts";
import { resolveServices } from "../local/environment.ts";
import { removeDevState, writeDevState } from "../local/dev-state.ts";
import { endLeftServer } from "../local/managed-process.ts";
import { type NodeProcess, spawnNode } from "../local/spawn-node.ts";
import { startPostgres } from "../store/embedded.ts";
import { startTemporalServer } from "../temporal/server.ts";
import { switchBuild } from "../temporal/current-build.ts";
import { deploy, type DeployOptions, type DeployReport } from "./deploy.ts";
import { onceFree } from "./once-free.ts";
import { openServices, openTemporal, type OpenedTemporal } from "./open.ts";
import { PATIENCE_MS, pollersOf } from "./workers.ts";

/** What `tidemark dev` runs. */
export interface DevServers {
  uiUrl: string;
  databaseUrl: string;
  deployed: DeployReport;
  logs: string;
  stop(): Promise<void>;
}

const CLI = fileURLToPath(new URL("../cli/main.ts", import.meta.url));

/**
 * Starts Temporal and Postgres on this machine (what the environment names instead is used as it is), a worker in a process
 * of its own and the schedules, and returns once that worker takes work. Other commands in the same folder find them by themselves.
 * @param changed pipelines whose source, target or mapping is another than the one their records were loaded under
 * @throws StoreError `TM_PIPELINE_CHANGED`; TidemarkError `TM_ALREADY_RUNNING`, `TM_NO_WORKER` when the worker does not come up
 */
export async function startDev(config: TidemarkConfig, changed: DeployOptions, { say, signal }: { say: (text: string) => void; signal: AbortSignal }): Promise<DevServers> {
  const { home } = config;
  const logs = path.join(home, "logs");
  mkdirSync(logs, { recursive: true });
  const endings: (() => Promise<unknown>)[] = [];
  const stop = async () => {
    removeDevState(home);
    for (const end of endings.toReversed()) await end();
  };
  try {
    const free = { signal, onWait: () => say("Waiting for another command that uses this folder's Postgres…") };
    // What a killed program left keeps the usual ports.
    for (const part of ["postgres", "temporal"]) await onceFree(home, () => endLeftServer(path.join(home, part), `the ${part} server`), free);
    const given = resolveServices(home);
    const postgres = given.store === null || given.store.from === "dev" ? await onceFree(home, () => startPostgres({ dir: path.join(home, "postgres") }), free) : null;
    if (postgres !== null) endings.push(() => postgres.stop());
    const temporalServer = given.temporal === null || given.temporal.from === "dev" ? await startTemporalServer({ dir: path.join(home, "temporal") }) : null;
    if (temporalServer !== null) endings.push(() => temporalServer.stop());
    const databaseUrl = postgres?.url ?? given.store!.url;
    const uiUrl = temporalServer?.uiUrl ?? process.env["TEMPORAL_UI_URL"] ?? "";
    writeDevState(home, {
      databaseUrl, temporalAddress: temporalServer?.address ?? "", uiUrl, namespace: temporalServer?.namespace ?? "default",
      pids: { ...(postgres === null ? {} : { postgres: postgres.pid }), ...(temporalServer === null ? {} : { temporal: temporalServer.pid }) },
    });
    const opened = await openServices(config);
    const temporal = await openTemporal(config);
    endings.push(() => opened.close(), () => temporal.close());
    const deployed = await deploy(opened.services, temporal, changed);
    const worker = keepWorker(() => spawnNode(CLI, ["worker", "--config", config.file], { log: { file: path.join(logs, "worker.log") } }), say);
    endings.push(() => worker.stop());
    await untilPolls(config, temporal, worker, { log: path.join(logs, "worker.log"), signal });
    let { build } = deployed;
    // The worker was not there to be made current when the schedules were deployed.
    for (const until = performance.now() + PATIENCE_MS; build?.change === "no-worker" && performance.now() < until; await sleep(500)) {
      build = await switchBuild(opened.services, temporal);
    }
    return { uiUrl, databaseUrl, deployed: { ...deployed, build }, logs, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

const FIRST_PAUSE_MS = 1_000;
const LONGEST_PAUSE_MS = 30_000;
/** A worker bundles the workflows first (ms). */
const LONGEST_START_MS = 120_000;

interface KeptWorker {
  /** Of the process that runs now. */
  pid(): number;
  /** Ends it for good. */
  stop(): Promise<void>;
}

/** Starts a worker, and another one when it ends. */
function keepWorker(start: () => NodeProcess, say: (text: string) => void): KeptWorker {
  const done = new AbortController();
  let worker = start();
  const watch = async () => {
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs = Math.min(pauseMs * 2, LONGEST_PAUSE_MS)) {
      const began = performance.now();
      const { code, signal } = await worker.exited;
      if (done.signal.aborted) return;
      if (performance.now() - began > LONGEST_PAUSE_MS) pauseMs = FIRST_PAUSE_MS;
      say(`The worker ended (${signal ?? `code ${code}`}); another one starts in ${pauseMs / 1000} s.`);
      await sleep(pauseMs, undefined, { signal: done.signal });
      worker = start();
    }
  };
  watch().catch(() => undefined);
  return {
    pid: () => worker.pid,
    stop: () => {
      done.abort();
      return worker.stop(4_000);
    },
  };
}

/** From then on a run that is started has a worker. */
async function untilPolls(config: TidemarkConfig, temporal: OpenedTemporal, worker: KeptWorker, { log, signal }: { log: string; signal: AbortSignal }): Promise<void> {
  const until = performance.now() + LONGEST_START_MS;
  // The SDK names a worker so.
  while (!(await pollersOf(config, temporal)).includes(`${worker.pid()}@${hostname()}`)) {
    if (performance.now() > until) {
      throw new TidemarkError("TM_NO_WORKER", `the worker does not take work from Temporal after ${LONGEST_START_MS / 1000} s`, { path: log, fix: "Read the end of its log, in the file named here." });
    }
    await sleep(200);
    signal.throwIfAborted();
  }
}
