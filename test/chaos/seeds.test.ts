import { afterAll, beforeAll, test } from "vitest";
import { runSeed } from "./seed.ts";
import { type ChaosServers, startChaosServers } from "./servers.ts";

/** Seeds that ever failed, and are run by default: what each met has a test of its own too. */
const FAILED = [
  18, // Postgres killed twice in a row: sessions of the first had not noticed yet (test/local/lifecycle)
  25, 27, 30, 76, 84, 87, // windows on a source whose clock is slow: a run without an end (test/sync/extract)
  45, // a source's clock that was put back before the first load (test/jobs/runs)
  62, 89, // the oracle compared before a first load that waits for a slow clock was done
];

/** `CHAOS_SEEDS`: `7`, `1-20` or `3,8,21`. */
const seeds = (process.env["CHAOS_SEEDS"] ?? FAILED.join()).split(",").flatMap((part) => {
  const [from = 1, to = from] = part.split("-").map(Number);
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
});

let servers: ChaosServers;
beforeAll(async () => void (servers = await startChaosServers()));
afterAll(() => servers.stop());

test.each(seeds)("seed %i: whatever goes wrong, every order is in the target in its newest version, or in quarantine", async (seed) => {
  await runSeed(seed, servers, 25_000);
});
