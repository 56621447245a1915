import { TidemarkError } from "../../../src/errors.ts";
import type { Random } from "../../../src/simulator/random.ts";
import type { Store } from "../../../src/store/db.ts";
import type { Lane } from "../../../src/store/leases.ts";
import { addRange } from "../../../src/store/ranges.ts";
import { planReplay } from "../../../src/store/replay.ts";
import { rowsFromTexts } from "../../../src/source/jushuitan/index.ts";
import { stagedRows } from "../../../src/sync/staged.ts";
import { API, change } from "./ends.ts";
import { BEGIN_MS } from "./database.ts";
import { type Choice, Killed, type Process } from "./scheduler.ts";
import { type Flow, runLane, Terminated, TTL_MS } from "./workflows.ts";
import { LEASE_MS, LOOKBACK_MS, type World, ZOMBIE_MS } from "./world.ts";

export const IDS = 4;

/** How much goes wrong in a run; drawn once, so that runs differ. */
export interface Mood {
  faults: number;
  changes: number;
  lanes: Lane[];
}

/** Runs differ. */
export function moodOf(random: Random): Mood {
  return {
    faults: random.next() * 2, changes: 0.2 + random.next() * 0.3,
    lanes: random.next() < 0.3 ? ["forward"] : random.next() < 0.7 ? ["forward", "backfill"] : ["forward", "forward", "backfill", "audit"],
  };
}

/** What befalls the steps of processes while things go wrong. */
export function misfortune(play: Play): (process: Process | null, what: string) => Choice {
  const { world, mood } = play;
  return (process, what) => {
    if (process?.weight === 1 && world.random.next() < (world.danger.test(what) ? 0.4 : 0.003)) {
      freeze(play, process);
      return "freeze";
    }
    const luck = world.random.next() / mood.faults;
    if (process === null) return what.startsWith("request") && luck < 0.06 ? "drop" : "go";
    const often = what === "commit" || what.startsWith("waits") || what.startsWith("writes") ? 0.02 : 0.006;
    return (["kill", "kill-after", "drop", "drop-after"] as const)[Math.floor(luck / often)] ?? "go";
  };
}

/**
 * A process freezes, and its workflow may take it for dead and try again: both meet where it froze. Meanwhile the source may come
 * to answer differently, leases may run out, and another lane may come to the same ids.
 */
function freeze(play: Play, process: Process): void {
  const { world, flows } = play;
  const { random, scheduler, source } = world;
  scheduler.trail.push(`-- ${process.name} freezes`);
  process.frozen = random.between(5, 100);
  process.weight = [0.2, 0.6, 2][random.below(3)]!;
  if (random.next() < 0.6) change(source, String(1 + random.below(IDS)), world.now, { bad: false });
  const unnoticed = random.next() < (world.danger.test("waits") ? 0.5 : 0.1);
  if (unnoticed) {
    addWork(play, BEGIN_MS);
    startLane(play, "backfill");
    world.pass(LEASE_MS);
    return;
  }
  for (const { attempts } of flows) {
    const abandon = attempts.get(process);
    attempts.delete(process);
    abandon?.(new Error("heartbeat timeout"));
  }
}

export interface Play {
  world: World;
  mood: Mood;
  flows: Set<Flow>;
  started: number;
  /** What a run ended with that it must not end with. */
  failures: unknown[];
}

/** Starts a run of a lane; another may have it still. */
export function startFlow(play: Play, lane: Lane): void {
  const flow: Flow = { name: `${lane}${++play.started}`, lane, token: null, attempts: new Map(), terminated: false };
  play.flows.add(flow);
  runLane(play.world, flow).catch(async (error: unknown) => {
    if (!(error instanceof Terminated) && !(await mayEnd(play.world, flow, error))) play.failures.push(error);
  }).finally(() => {
    play.flows.delete(flow);
  });
}

/** Errors that a run may end with. One that lost its lane, or a slice of it, must have lost it to another. */
async function mayEnd({ pool, streamId }: World, { lane, token }: Flow, error: unknown): Promise<boolean> {
  if (!(error instanceof TidemarkError)) return false;
  if (error.code !== "TM_LEASE_LOST") return ["TM_WINDOW_UNPROVEN", "TM_AUDIT_EMPTY"].includes(error.code);
  const { rows } = await pool.query("select 1 from lease where stream_id = $1 and lane = $2 and token = $3", [streamId, lane, token]);
  return rows.length === 0;
}

function startLane(play: Play, lane: Lane): void {
  if (![...play.flows].some((flow) => flow.lane === lane && !flow.terminated)) startFlow(play, lane);
}

/** A range for the backfill lane. */
function addWork(play: Play, fromMs: number): void {
  const { streamId, now } = play.world;
  const [fromAt, toAt] = [Math.floor(fromMs / 1000) * 1000, Math.floor(now / 1000) * 1000 - 1_000];
  if (fromAt < toAt) command(play, "addRange", (store) => addRange(store.db, { streamId, purpose: "backfill", fromAt, toAt }));
}

/** A command of a person: a process that is not tried again. */
function command(play: Play, name: string, work: (store: Store) => Promise<unknown>): void {
  const { world } = play;
  const process = world.scheduler.process(name);
  work(world.context(process, "backfill").store).catch((error: unknown) => {
    if (!(error instanceof Killed) && (error as Error).message !== "the connection was lost" && !/terminat|queryable/i.test(String(error))) play.failures.push(error);
  }).finally(() => {
    world.scheduler.finish(process);
  });
}

export function replayQuarantine(play: Play): void {
  const { streamId, pipeline } = play.world;
  command(play, "replay", (store) => planReplay(store, {
    streamId, source: pipeline.source, archive: false, filter: {}, read: (texts) => stagedRows("o_id", "o_id", rowsFromTexts(texts, API)),
  }));
}

/** Something happens at either end, to a process, to a workflow, or to time. */
export async function event(play: Play): Promise<void> {
  const { world, mood } = play;
  const { random, source, target, scheduler } = world;
  const chance = random.next();
  if (chance < mood.changes) {
    const late = random.next() < 0.15;
    change(source, String(1 + random.below(IDS)), world.now, { bad: random.next() < 0.15, skip: random.next() < 0.25, ...(late ? { visibleAt: world.now + random.below(LOOKBACK_MS) } : {}) });
  } else if (chance < 0.65) {
    startLane(play, mood.lanes[random.below(mood.lanes.length)]!);
  } else if (chance < 0.72) {
    addWork(play, BEGIN_MS + random.below(Math.max(1, world.now - BEGIN_MS)));
  } else if (chance < 0.79) {
    const flow = [...play.flows][random.below(play.flows.size)];
    if (flow === undefined || flow.terminated) return;
    scheduler.trail.push(`-- ${flow.name} is terminated`);
    await terminate(world, flow);
    if (random.next() < 0.4) return;
    // The next run takes over while what the last one began still goes on.
    world.pass(TTL_MS + 5_000);
    startFlow(play, flow.lane);
  } else if (chance < 0.84) {
    scheduler.trail.push("-- batch leases run out");
    world.pass(LEASE_MS);
  } else if (chance < 0.9) {
    scheduler.trail.push("-- leases run out");
    world.pass(random.next() < 0.5 ? LEASE_MS : 65_000);
  } else if (chance < 0.93) {
    await zombiesGiveUp(world);
  } else if (chance < 0.96) replayQuarantine(play);
  else if (chance < 0.97) target.lenient = true;
}

/** A workflow ends from outside; its processes die, or go on without it. */
export async function terminate(world: World, flow: Flow): Promise<void> {
  flow.terminated = true;
  for (const [process, abandon] of flow.attempts) {
    if (!process.overdue && world.random.next() < 0.5) await world.scheduler.kill(process);
    else process.weight = world.random.next() < 0.5 ? 0.1 : 1;
    abandon(new Terminated());
  }
}

/**
 * More time passes than any request may be under way without its sender: what has no sender any more arrives now, or never.
 * One whose sender lives on may arrive even later, and is reported then.
 */
export async function zombiesGiveUp(world: World): Promise<void> {
  const { target, scheduler } = world;
  for (const flight of target.flights) {
    if (flight.process.dead || flight.process.finished || flight.left) await scheduler.open(flight.what, world.random.next() < 0.7 ? "go" : "drop");
    else flight.overdue = flight.process.overdue = true;
  }
  scheduler.trail.push("-- zombies give up");
  world.pass(ZOMBIE_MS + LEASE_MS);
}
