import { setTimeout as sleep } from "node:timers/promises";
import { loseItems, something, startRun, untilMended } from "./actions.ts";
import { expectNothingMissed, settle } from "./oracle.ts";
import type { ChaosServers } from "./servers.ts";
import { startWorld } from "./world.ts";

/** Trouble for a while, then the source is frozen and the oracle compares. What happened is printed when it fails. */
export async function runSeed(seed: number, servers: ChaosServers, troubleMs: number): Promise<void> {
  const world = await startWorld(seed, servers);
  try {
    await startRun(world, "sync");
    for (const until = performance.now() + troubleMs; performance.now() < until; ) {
      await sleep(world.random.between(200, 1_000));
      await something(world);
    }
    await untilMended(world);
    await settle(world);
    if (world.explodes) {
      await loseItems(world);
      await settle(world);
    }
    world.say("settled");
    await expectNothingMissed(world);
  } catch (error) {
    process.stderr.write(`seed ${seed}:\n${world.log.join("\n")}\n`);
    throw error;
  } finally {
    if (process.env["CHAOS_LOG"] !== undefined) process.stderr.write(`seed ${seed}:\n${world.log.join("\n")}\n`);
    await world.stop();
  }
}
