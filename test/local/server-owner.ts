import path from "node:path";
import { fileURLToPath } from "node:url";
import { Client } from "pg";
import { onShutdown } from "../../src/local/shutdown.ts";
import { spawnNode } from "../../src/local/spawn-node.ts";
import { startPostgres } from "../../src/store/embedded.ts";
import { startTemporalServer } from "../../src/temporal/server.ts";

// Starts both servers in the folder given, and a process of ours, and prints their process ids; ends on Ctrl-C, fails on SIGUSR2.
const dir = process.argv[2] ?? "";
const [postgres, temporal] = await Promise.all([
  startPostgres({ dir: path.join(dir, "postgres"), port: 0 }),
  startTemporalServer({ dir: path.join(dir, "temporal"), port: 0, uiPort: 0 }),
]);
const client = new Client({ connectionString: postgres.url });
await client.connect();
await client.query("create table kept as select 1 as n");
await client.end();
const child = spawnNode(fileURLToPath(new URL("./idle.ts", import.meta.url)));
onShutdown(async () => {
  await child.stop();
  await temporal.stop();
  await postgres.stop();
});
process.on("SIGUSR2", () => {
  throw new Error("an error that nobody handles");
});
process.stdout.write(`${JSON.stringify({ postgres: postgres.pid, temporal: temporal.pid, child: child.pid })}\n`);
setInterval(() => undefined, 1_000);
