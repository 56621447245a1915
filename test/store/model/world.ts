import type { Pool } from "pg";
import type { AccountConfig, PipelineConfig } from "../../../src/config/types.ts";
import { Random } from "../../../src/simulator/random.ts";
import { storeOn } from "../../../src/store/db.ts";
import type { Lane } from "../../../src/store/leases.ts";
import { ensureStream } from "../../../src/store/streams.ts";
import type { PipelineContext } from "../../../src/sync/context.ts";
import { testConfig } from "../../support/pipeline.ts";
import { backendsOf, BEGIN_MS, processStore, setClock } from "./database.ts";
import { emptySource, sourceFor, type SourceModel, surface, targetFor, type TargetModel } from "./ends.ts";
import { type Choice, createScheduler, type Process, type Scheduler } from "./scheduler.ts";

export const LEASE_MS = 20_000;
export const ZOMBIE_MS = 3_600_000;
export const LOOKBACK_MS = 30_000;
const STEP_MS = 200;
/** The store's clock moves by so much at least: an update for each step would cost more than the step. */
const GRAIN_MS = 1_000;

/** Between what a process has seen and what it makes of it: an answer, its page and the end of a walk; a request and its outcome; a batch or a transaction. */
const DANGERS = [/^(hears|with (owner|done))/, /^(writes|waits)/, /^(select b.id|update batch|begin|commit)/];

/** Everything that one run of the model consists of: both ends, the store's stream, the clock, and who is at work. */
export interface World {
  random: Random;
  /** The steps at which processes freeze in this run. */
  danger: RegExp;
  scheduler: Scheduler;
  pool: Pool;
  source: SourceModel;
  target: TargetModel;
  pipeline: PipelineConfig;
  account: AccountConfig;
  streamId: string;
  /** Something may have been committed, or have reached the target, since the last look. */
  dirty: boolean;
  /** What was seen to be wrong at the moment when it was. */
  wrong: string[];
  /** ms UTC. */
  now: number;
  /** What the store's clock says. */
  shown: number;
  /** Processes whose requests arrived when nobody waited for them any more, until they have reported. */
  unreported: Map<Process, Set<string>>;
  changed: () => void;
  context(process: Process, lane: Lane, owner?: string): PipelineContext;
  /** Time passes. */
  pass(ms: number): void;
  /** Has the store see the time. */
  tick(): Promise<void>;
  /** One step of somebody. @returns false when nobody waits for anything */
  step(choose: (process: Process | null, what: string) => Choice): Promise<boolean>;
}

export async function createWorld(pool: Pool, seed: number): Promise<World> {
  const random = new Random(seed);
  const danger = DANGERS[random.below(DANGERS.length)]!;
  const config = testConfig({
    source: { pageSize: random.between(2, 3), sliceRecords: random.between(2, 5), lookbackMs: LOOKBACK_MS, sweepEveryMs: 60_000, settleMs: 1_000 },
    target: { batchSize: random.between(1, 3), leaseMs: LEASE_MS, timeoutMs: 1_000, zombieAfterMs: ZOMBIE_MS, maxRefused: 1_000, idCheck: random.next() < 0.6 },
  });
  const pipeline: PipelineConfig = { ...config.pipelines["orders"]!, mapping: { id: "o_id", filter: "!record.skip" }, name: `orders-${seed}-${Date.now()}` };
  const account = config.accounts["main"]!;
  await setClock(pool, BEGIN_MS);
  const stream = await ensureStream(storeOn(pool), pipeline, account);
  const scheduler = createScheduler(random, backendsOf(pool), danger);
  const world: World = {
    random, danger, scheduler, pool, pipeline, account, streamId: stream.id, dirty: false, wrong: [], now: BEGIN_MS, shown: BEGIN_MS,
    source: emptySource(), target: { held: new Map(), flights: new Set(), written: 0, lenient: false }, unreported: new Map(),
    changed: () => void (world.dirty = true),
    context(process, lane, owner = "") {
      const store = processStore(pool, scheduler, process, world.changed);
      const source = sourceFor(world.source, scheduler, process);
      return {
        store, pipeline, account, api: source.source.api, lane, source: () => source, call: () => { throw new Error("no call"); }, target: () => targetFor(world, process, owner),
        strategy: () => Promise.resolve({}), signal: new AbortController().signal, progress: () => undefined,
      };
    },
    pass: (ms) => void (world.now += ms),
    async tick() {
      surface(world.source, world.now);
      if (world.now - world.shown < GRAIN_MS) return;
      world.shown = world.now;
      await setClock(pool, world.shown);
    },
    async step(choose) {
      world.pass(STEP_MS);
      await world.tick();
      return scheduler.step(choose);
    },
  };
  return world;
}
