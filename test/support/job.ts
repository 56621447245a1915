import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { Client, Connection } from "@temporalio/client";
import { NativeConnection } from "@temporalio/worker";
import type { TidemarkConfig } from "../../src/config/types.ts";
import type { OpenedTemporal } from "../../src/ops/open.ts";
import { type RunReport, runBackfill, runSync } from "../../src/ops/run.ts";
import { type Comparison, compareSourceAndTarget } from "../../src/simulator/compare.ts";
import { type JushuitanOptions, type JushuitanSimulator, startJushuitan } from "../../src/simulator/jushuitan/server.ts";
import { type QeasyOptions, type QeasySimulator, startQeasy } from "../../src/simulator/qeasy/server.ts";
import { createLog } from "../../src/log.ts";
import { type NodeProcess, spawnNode } from "../../src/local/spawn-node.ts";
import { migrate, openStore, type Store } from "../../src/store/db.ts";
import type { Services } from "../../src/sync/services.ts";
import { installRuntime } from "../../src/temporal/runtime.ts";
import { createWorker } from "../../src/temporal/worker.ts";
import { type ConfigOverrides, migratedDatabase, ORDERS, TEST_KEY, testConfig } from "./pipeline.ts";
import { type SharedServers, sharedServers } from "./servers.ts";

const WORKER = fileURLToPath(new URL("./worker-main.ts", import.meta.url));
const APP = { appKey: "demo-app-key", appSecret: "demo-app-secret" };

/** Everything of a real job on this machine: simulators over HTTP, Postgres, Temporal and a worker. */
export interface Job {
  source: JushuitanSimulator;
  target: QeasySimulator;
  config: TidemarkConfig;
  store: Store;
  services: Services;
  temporal: OpenedTemporal;
  sync(): Promise<RunReport>;
  backfill(from: number, to: number): Promise<RunReport>;
  /** Changes the Jushuitan simulator's switches. */
  configureSource(switches: Record<string, unknown>): Promise<void>;
  configureTarget(switches: Record<string, unknown>): Promise<void>;
  /** No more changes; late commits become visible. */
  freeze(): Promise<void>;
  compare(refused?: string[]): Promise<Comparison>;
  /** Starts a worker process; only with `worker: "process"`. @param through other ways to the servers than the direct ones */
  startWorker(through?: { databaseUrl?: string; address?: string; silentMs?: number }, env?: NodeJS.ProcessEnv): NodeProcess;
  stop(): Promise<void>;
}

export interface JobOptions extends ConfigOverrides {
  jushuitan?: JushuitanOptions;
  qeasy?: QeasyOptions;
  /** `process`: workers are processes that can be killed; `none`: the test starts none. Default: one in this process. */
  worker?: "process" | "none";
  /** Servers of the test's own, to be killed; default: the run's shared ones. */
  servers?: SharedServers;
}

export async function startJob(options: JobOptions = {}): Promise<Job> {
  installRuntime(createLog("error"));
  const servers = options.servers ?? (await sharedServers());
  const source = await startJushuitan({ ...APP, perSecond: null, perMinute: null, ...options.jushuitan });
  const target = await startQeasy(options.qeasy ?? {});
  const config = testConfig({
    ...options,
    account: { ...APP, baseUrl: source.url, ...options.account },
    target: { baseUrl: target.url, ...options.target },
    runtime: { taskQueue: `tidemark-${servers.unique}`, ...options.runtime },
  });
  const databaseUrl = options.servers?.databaseUrl ?? (await migratedDatabase());
  const store = openStore(databaseUrl, { connections: 8 });
  await migrate(store);
  const services: Services = { config, store, key: TEST_KEY };
  const connection = await Connection.connect({ address: servers.temporal.address });
  const temporal: OpenedTemporal = { ...servers.temporal, client: new Client({ connection }), close: () => connection.close() };
  const native = await NativeConnection.connect({ address: servers.temporal.address });
  const worker = options.worker !== undefined ? null : await createWorker({ connection: native, namespace: servers.temporal.namespace, services });
  const running = worker?.run();
  const dir = mkdtempSync(path.join(tmpdir(), "tidemark-job-"));
  const processes: NodeProcess[] = [];
  const run = { wait: true, signal: AbortSignal.timeout(240_000) };
  const name = `orders-${servers.unique}`;
  config.pipelines = { [name]: { ...config.pipelines["orders"]!, name } };
  const admin = async (url: string, path: string, body: unknown = {}) => {
    const answer = await fetch(`${url}/_admin/${path}`, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
    if (!answer.ok) throw new Error(await answer.text());
  };
  return {
    source, target, config, store, services, temporal,
    sync: () => runSync(services, temporal, name, run),
    backfill: (from, to) => runBackfill(services, temporal, name, { from, to }, run),
    configureSource: (switches) => admin(source.url, "configure", switches),
    configureTarget: (switches) => admin(target.url, "configure", switches),
    freeze: () => admin(source.url, "freeze"),
    compare: (refused = []) => compareSourceAndTarget({ jushuitanUrl: source.url, qeasyUrl: target.url, api: ORDERS, refused }),
    startWorker(through = {}, env = {}) {
      const file = path.join(dir, `worker-${processes.length}.json`);
      writeFileSync(file, JSON.stringify({ config, databaseUrl, ...servers.temporal, key: TEST_KEY.toString("base64"), ...through }), { mode: 0o600 });
      const started = spawnNode(WORKER, [file], { env, log: process.env["TIDEMARK_TEST_LOG"] === undefined ? "ignore" : "inherit" });
      processes.push(started);
      return started;
    },
    async stop() {
      await Promise.all(processes.map((started) => started.stop(3_000)));
      rmSync(dir, { recursive: true, force: true });
      worker?.shutdown();
      await running;
      await native.close();
      await connection.close();
      await Promise.all([store.close(), source.close(), target.close()]);
    },
  };
}

/** The one pipeline of the job. */
export function pipelineName(job: Job): string {
  return Object.keys(job.config.pipelines)[0]!;
}
