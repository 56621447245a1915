import { readFileSync } from "node:fs";
import { NativeConnection } from "@temporalio/worker";
import type { TidemarkConfig } from "../../src/config/types.ts";
import { openStore } from "../../src/store/db.ts";
import { createLog } from "../../src/log.ts";
import { installRuntime } from "../../src/temporal/runtime.ts";
import { createWorker } from "../../src/temporal/worker.ts";

/** A worker in a process of its own, so that tests can kill it. Argument: a JSON file { config, databaseUrl, address, namespace, key, silentMs }. */
const settings = JSON.parse(readFileSync(process.argv[2]!, "utf8")) as {
  config: TidemarkConfig; databaseUrl: string; address: string; namespace: string; key: string; silentMs?: number;
};
installRuntime(createLog("error"));
const store = openStore(settings.databaseUrl, settings.silentMs === undefined ? {} : { silentMs: settings.silentMs });
const connection = await NativeConnection.connect({ address: settings.address });
const worker = await createWorker({
  connection, namespace: settings.namespace, services: { config: settings.config, store, key: Buffer.from(settings.key, "base64") },
});
process.once("SIGTERM", () => worker.shutdown());
await worker.run();
await connection.close();
await store.close();
