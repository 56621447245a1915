import { afterAll, beforeAll, test } from "vitest";
import { runSeed } from "./seed.ts";
import { type ChaosServers, startChaosServers } from "./servers.ts";

let servers: ChaosServers;
beforeAll(async () => void (servers = await startChaosServers()));
afterAll(() => servers.stop());

/** Twenty-five seconds of it, and many seeds: `npm run chaos`. */
test("a few seconds of kills, freezes, cuts and faults at once: every order is in the target in its newest version, or in quarantine", async () => {
  await runSeed(7, servers, 8_000);
}, 240_000);
