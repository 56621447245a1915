import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { loadConfig } from "../config/load.ts";
import type { TidemarkConfig } from "../config/types.ts";
import { removeDevState, writeDevState } from "../local/dev-state.ts";
import { type NodeProcess, spawnNode } from "../local/spawn-node.ts";
import { openServices, type OpenedStore, type OpenedTemporal, openTemporal } from "../ops/open.ts";
import { startPostgres } from "../store/embedded.ts";
import { deploySchedules } from "../temporal/schedules.ts";
import { startTemporalServer } from "../temporal/server.ts";
import { demoConfig, demoSource, PIPELINE } from "./settings.ts";
import { startSimulator } from "./simulators.ts";

/** Everything that the demo runs on this machine, each part a process of its own. */
export interface Machines {
  config: TidemarkConfig;
  store: OpenedStore;
  temporal: OpenedTemporal;
  sourceUrl: string;
  targetUrl: string;
  /** Starts a worker; the demo has one at a time. */
  startWorker(): void;
  /** SIGKILL, as a crash. */
  killWorker(): Promise<void>;
  stop(): Promise<void>;
}

const CLI = fileURLToPath(new URL("../cli/main.ts", import.meta.url));

/**
 * Starts Postgres, Temporal with its UI, both simulators and the schedules, in an empty folder.
 * @param dir the demo's folder; what an earlier demo left in it is removed
 */
export async function startMachines(dir: string, options: { realLimits: boolean; say: (text: string) => void }): Promise<Machines> {
  const home = path.join(dir, ".tidemark");
  const logs = path.join(dir, "logs");
  // Starting a server ends what a killed demo left of it; only then may its folder go.
  const endings: (() => Promise<void>)[] = [];
  const stop = async () => {
    removeDevState(home);
    for (const end of endings.toReversed()) await end().catch(() => undefined);
  };
  try {
    mkdirSync(logs, { recursive: true });
    options.say("starting Postgres, Temporal and the simulators");
    const [postgres, temporalServer, source, target] = await Promise.all([
      started(startPostgres({ dir: path.join(dir, "postgres") })),
      started(startTemporalServer({ dir: path.join(dir, "temporal") })),
      started(startSimulator("jushuitan", demoSource(options.realLimits), path.join(logs, "jushuitan.log"))),
      started(startSimulator("qeasy", {}, path.join(logs, "qeasy.log"))),
    ]);
    const file = path.join(dir, "tidemark.config.json");
    writeFileSync(file, JSON.stringify(demoConfig({ sourceUrl: source.url, targetUrl: target.url, realLimits: options.realLimits }), null, 2));
    writeDevState(home, {
      databaseUrl: postgres.url, temporalAddress: temporalServer.address, uiUrl: temporalServer.uiUrl, namespace: temporalServer.namespace,
      pids: { postgres: postgres.pid, temporal: temporalServer.pid, jushuitan: source.pid, qeasy: target.pid },
    });
    const config = await loadConfig({ file });
    const store = await openServices(config);
    endings.push(() => store.close());
    const temporal = await openTemporal(config);
    endings.push(() => temporal.close());
    let worker: NodeProcess | undefined;
    endings.push(async () => worker?.stop(3_000));
    return {
      config, store, temporal, sourceUrl: source.url, targetUrl: target.url, stop,
      startWorker: () => {
        worker = spawnNode(CLI, ["worker", "--config", file], { log: { file: path.join(logs, "worker.log") } });
      },
      killWorker: async () => worker?.kill(),
    };
  } catch (error) {
    await stop();
    throw error;
  }

  async function started<T extends { stop(): Promise<unknown> }>(starting: Promise<T>): Promise<T> {
    const handle = await starting;
    endings.push(async () => void (await handle.stop()));
    return handle;
  }
}

/** Forgets what an earlier demo held; its servers have ended. */
export function clearDemo(dir: string): void {
  for (const part of ["postgres", "temporal", "logs", ".tidemark"]) rmSync(path.join(dir, part), { recursive: true, force: true });
}

export async function deployDemo(machines: Machines): Promise<void> {
  await deploySchedules(machines.temporal.client, machines.config);
}

export { PIPELINE };
