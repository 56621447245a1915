import type { Pool } from "pg";
import type { Lane } from "../../../src/store/leases.ts";
import { check, checkEnd, leftOf, type Memory, noMemory } from "./check.ts";
import { readState } from "./state.ts";
import { change } from "./ends.ts";
import { event, IDS, misfortune, moodOf, type Play, replayQuarantine, startFlow, terminate, zombiesGiveUp } from "./steps.ts";
import { createWorld, LOOKBACK_MS, type World, ZOMBIE_MS } from "./world.ts";
import { TTL_MS } from "./workflows.ts";

/** What a run came to. */
export interface RunResult {
  steps: number;
  wrong: string[];
  trail: string[];
}

const MOST_ROUNDS = 12;
/** For runs of lanes that do not end (ms). */
const PATIENCE_MS = 30_000;

/** One run: some hundred steps with misfortunes, then everything to its end without. The same seed makes the same choices. */
export async function playSeed(pool: Pool, seed: number): Promise<RunResult> {
  const world = await createWorld(pool, seed);
  const { random, scheduler } = world;
  const play: Play = { world, mood: moodOf(random), flows: new Set(), started: 0, failures: [] };
  const memory = noMemory();
  for (let id = 1; id <= IDS; id++) if (random.next() < 0.7) change(world.source, String(id), world.now, { bad: random.next() < 0.15, skip: random.next() < 0.25 });
  startFlow(play, "forward");
  const wrong: string[] = [];
  let steps = 0;

  for (const end = random.between(80, 250); steps < end && wrong.length === 0; steps++) {
    if (random.next() < 0.12) await event(play);
    await world.step(misfortune(play));
    wrong.push(...(await look(world, memory)), ...world.wrong, ...play.failures.map(textOf));
  }
  if (wrong.length === 0) {
    await settle(play).catch((error: unknown) => play.failures.push(error));
    wrong.push(...(await check(world, memory)), ...world.wrong, ...play.failures.map(textOf), ...(await checkEnd(world)));
  }
  await abandon(play);
  return { steps, wrong, trail: scheduler.trail };
}

async function look(world: World, memory: Memory): Promise<string[]> {
  if (!world.dirty) return [];
  world.dirty = false;
  return check(world, memory);
}

/** Nothing goes wrong any more, and nothing changes at the source: run after run, until nothing is left. */
async function settle(play: Play): Promise<void> {
  const { world } = play;
  await zombiesGiveUp(world);
  world.scheduler.release();
  await ended(play);
  if (world.target.lenient) replayQuarantine(play);
  for (let round = 1; round <= MOST_ROUNDS; round++) {
    // What came late can be seen by now; leases, doubts and the next sweep are due.
    world.pass(LOOKBACK_MS + 2 * TTL_MS + (round % 2 === 1 ? ZOMBIE_MS : 0));
    const state = await readState(world.pool, world.streamId);
    const lanes: Lane[] = ["forward", "backfill"];
    if ([...state.slices, ...state.ranges].some(({ purpose, state }) => purpose === "audit" && ["open", "extracted", "classified", "planned"].includes(state))) lanes.push("audit");
    for (const lane of lanes) {
      startFlow(play, lane);
      await ended(play);
    }
    if (round >= 2 && leftOf(await readState(world.pool, world.streamId)).length === 0) return;
  }
}

async function ended({ world, flows }: Play): Promise<void> {
  for (const until = Date.now() + PATIENCE_MS; Date.now() < until; ) {
    await world.tick();
    await new Promise((resolve) => setTimeout(resolve, 2));
    if (flows.size === 0 && [...world.scheduler.processes].every((process) => process.finished)) return;
  }
  throw new Error(`${[...flows].map((flow) => flow.name).join(", ")} did not come to an end, though nothing goes wrong any more`);
}

function textOf(error: unknown): string {
  return error instanceof Error ? (error.stack ?? error.message) : String(error);
}

/** Lets go of everything, also where the run was ended by a finding. */
async function abandon({ world, flows }: Play): Promise<void> {
  for (const flow of flows) await terminate(world, flow);
  for (const process of world.scheduler.processes) if (!process.finished) await world.scheduler.kill(process);
}
