import { TidemarkError } from "../../../src/errors.ts";
import type { Store } from "../../../src/store/db.ts";
import type { Lane } from "../../../src/store/leases.ts";
import { addRange } from "../../../src/store/ranges.ts";
import { planReplay } from "../../../src/store/replay.ts";
import { rowsFromTexts } from "../../../src/source/jushuitan/index.ts";
import { stagedRows } from "../../../src/sync/staged.ts";
import { API, change } from "./ends.ts";
import { BEGIN_MS } from "./database.ts";
import { Killed, type Decision, type Process } from "./scheduler.ts";
import { type Flow, runLane, Terminated } from "./workflows.ts";
import { LEASE_MS, LOOKBACK_MS, type World, ZOMBIE_MS } from "./world.ts";

export const IDS = 8;

/** How much goes wrong in a run; drawn once, so that runs differ. */
export interface Mood {
  faults: number;
  changes: number;
  frozen: number;
  lanes: Lane[];
}

/** What befalls the steps of processes while things go wrong. */
export function misfortune(world: World, mood: Mood): (process: Process | null, what: string) => Decision {
  return (process, what) => {
    const luck = world.random.next() / mood.faults;
    if (process === null) return what.startsWith("request") && luck < 0.06 ? "drop" : "go";
    const often = what === "commit" || what.startsWith("waits") || what.startsWith("writes") ? 0.02 : 0.006;
    return (["kill", "kill-after", "drop", "drop-after"] as const)[Math.floor(luck / often)] ?? "go";
  };
}

export interface Play {
  world: World;
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
export async function event(play: Play, mood: Mood): Promise<void> {
  const { world } = play;
  const { random, source, target, scheduler } = world;
  const chance = random.next();
  if (chance < mood.changes) {
    const late = random.next() < 0.15;
    change(source, String(1 + random.below(IDS)), world.now, { bad: random.next() < 0.15, ...(late ? { visibleAt: world.now + random.below(LOOKBACK_MS) } : {}) });
  } else if (chance < 0.65) {
    const lane = mood.lanes[random.below(mood.lanes.length)]!;
    if (![...play.flows].some((flow) => flow.lane === lane && !flow.terminated)) startFlow(play, lane);
  } else if (chance < 0.72) {
    const settled = Math.floor((world.now - 1_000) / 1000) * 1000;
    if (settled <= BEGIN_MS) return;
    const from = BEGIN_MS + 1000 * random.below((settled - BEGIN_MS) / 1000);
    command(play, "addRange", (store) => addRange(store.db, { streamId: world.streamId, purpose: "backfill", fromAt: from, toAt: settled }));
  } else if (chance < 0.72 + mood.frozen) {
    const flows = [...play.flows].filter((flow) => flow.attempts.size > 0);
    const flow = flows[random.below(flows.length)];
    if (flow === undefined) return;
    const [process, abandon] = [...flow.attempts][random.below(flow.attempts.size)]!;
    scheduler.trail.push(`-- ${process.name} freezes`);
    process.weight = random.next() < 0.5 ? 0.05 : 0.3;
    flow.attempts.delete(process);
    abandon(new Error("heartbeat timeout"));
  } else if (chance < 0.86) {
    const flow = [...play.flows][random.below(play.flows.size)];
    if (flow === undefined || flow.terminated || random.next() < 0.6) return;
    scheduler.trail.push(`-- ${flow.name} is terminated`);
    await terminate(world, flow);
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
    else process.weight = 0.1;
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
