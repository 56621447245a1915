import { afterAll, beforeAll, test } from "vitest";
import { runSeed } from "./seed.ts";
import { type ChaosServers, startChaosServers } from "./servers.ts";

/** `CHAOS_SEEDS`: `7`, `1-20` or `3,8,21`. */
const seeds = (process.env["CHAOS_SEEDS"] ?? "1").split(",").flatMap((part) => {
  const [from = 1, to = from] = part.split("-").map(Number);
  return Array.from({ length: to - from + 1 }, (_, i) => from + i);
});

let servers: ChaosServers;
beforeAll(async () => void (servers = await startChaosServers()));
afterAll(() => servers.stop());

test.each(seeds)("seed %i: whatever goes wrong, every order is in the target in its newest version, or in quarantine", async (seed) => {
  await runSeed(seed, servers, 25_000);
});
