import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import { startBackfill } from "../ops/start.ts";
import { pipelineStatus } from "../ops/status.ts";
import { TidemarkError } from "../errors.ts";
import { endLeftServer } from "../local/managed-process.ts";
import { clearDemo, deployDemo, type Machines, startMachines } from "./machines.ts";
import { holds, type Proof, prove } from "./proof.ts";
import { openScreen, printedProof, type Screen } from "./screen.ts";
import { DAYS, demoLimits, ORDERS, PIPELINE } from "./settings.ts";
import { admin } from "./simulators.ts";

export interface DemoOptions {
  /** End after the proof instead of going on live. */
  once: boolean;
  json: boolean;
  /** 5 requests a second and 100 a minute, as the real platform grants. */
  realLimits: boolean;
  signal: AbortSignal;
}

const DAY_MS = 86_400_000;
const CHECKOUT = fileURLToPath(new URL("../..", import.meta.url));
/** How long the system may take to settle after the source was frozen (ms). */
const SETTLE_MS = 120_000;

/**
 * The main job on this machine: a backfill from a source that changes while it is read, two killed workers, scheduled runs,
 * and at the end the comparison of every order. @returns whether the proof holds
 */
export async function runDemo(options: DemoOptions): Promise<boolean> {
  const began = performance.now();
  const terminal = process.stderr.isTTY && !options.json;
  const screen = openScreen(terminal);
  const dir = path.join(process.env["TIDEMARK_HOME"] ?? path.join(CHECKOUT, ".tidemark"), "demo");
  await endEarlier(dir);
  const machines = await startMachines(dir, { realLimits: options.realLimits, say: screen.say });
  try {
    const proof = await perform(machines, screen, { ...options, began });
    const goesOn = !options.once && process.stdout.isTTY;
    process.stdout.write(options.json ? `${JSON.stringify(proof)}\n` : printedProof(proof, goesOn));
    if (goesOn) await live(machines, screen, options.signal);
    return holds(proof);
  } finally {
    screen.endBars();
    await machines.stop();
  }
}

/** An earlier demo that was killed has left servers and data. */
async function endEarlier(dir: string): Promise<void> {
  for (const part of ["postgres", "temporal"]) await endLeftServer(path.join(dir, part), `the demo's ${part}`);
  clearDemo(dir);
}

async function perform(machines: Machines, screen: Screen, options: DemoOptions & { began: number }): Promise<Proof> {
  const { signal } = options;
  const { perSecond, perMinute } = demoLimits(options.realLimits);
  const { store, temporal } = machines;
  await deployDemo(machines);
  machines.startWorker();
  screen.say(`The simulated source grants ${perSecond} requests a second and ${perMinute} a minute; it changes 2 orders between any two requests.`);
  screen.say(`Temporal's UI: ${temporal.uiUrl ?? ""}`);
  const now = Date.now();
  const { requestId } = await startBackfill(temporal.client, store.services, PIPELINE, { from: now - (DAYS + 1) * DAY_MS, to: now });
  let workersKilled = 0;
  const kill = async (why: string) => {
    await machines.killWorker();
    workersKilled++;
    screen.say(`Killed the worker (SIGKILL) ${why}; starting another.`);
    machines.startWorker();
  };
  const moments = [{ reached: midExtraction, why: "in the middle of reading" }, { reached: midLoading, why: "in the middle of loading" }];
  for (;;) {
    signal.throwIfAborted();
    const view = await progress(machines, requestId);
    screen.show(view.read, view.loaded, ORDERS);
    const moment = moments[0];
    if (moment !== undefined && (await moment.reached(machines, view))) {
      await kill(moment.why);
      moments.shift();
    }
    if (view.done) break;
    await sleep(moment === undefined ? 200 : 25, undefined, { signal });
  }
  screen.say("The backfill is done; scheduled runs catch up.");
  await caughtUp(machines, signal);
  screen.say("The source is frozen now, to compare it with the target.");
  await admin(machines.sourceUrl, "freeze", {});
  await settled(machines, screen, signal);
  screen.show(ORDERS, ORDERS, ORDERS);
  screen.endBars();
  return prove(machines, { workersKilled, began: options.began, signal });
}

interface View {
  /** Distinct orders that the backfill has read, about. */
  read: number;
  loaded: number;
  done: boolean;
}

async function progress({ store }: Machines, requestId: string): Promise<View> {
  const { rows } = await sql<{ read: number; loaded: number; state: string | null }>`
    select (select coalesce(sum(row_count), 0)::int from page) + (select coalesce(sum(read), 0)::int from slice where state = 'committed') as read,
      (select count(*)::int from record where held = 'loaded') as loaded,
      (select state from backfill_request where request_id = ${requestId}) as state
  `.execute(store.services.store.db);
  const row = rows[0]!;
  return { ...row, done: row.state === "done" };
}

async function midExtraction({ store }: Machines, view: View): Promise<boolean> {
  if (view.read < ORDERS * 0.2) return false;
  const { rows } = await sql`select 1 from slice where state = 'open' and pages >= 5`.execute(store.services.store.db);
  return rows.length > 0;
}

async function midLoading({ store }: Machines, view: View): Promise<boolean> {
  if (view.loaded < ORDERS * 0.4) return false;
  const { rows } = await sql`select 1 from batch where state = 'sending' and record_count > 100`.execute(store.services.store.db);
  return rows.length > 0;
}

/** Waits until a scheduled run that began after this call has read the head to its end. */
async function caughtUp({ store }: Machines, signal: AbortSignal): Promise<void> {
  const { db } = store.services.store;
  const { rows: now } = await sql<{ at: string }>`select clock_timestamp()::text as at`.execute(db);
  for (;;) {
    const { rows } = await sql`
      select 1 from slice s join lease l on l.stream_id = s.stream_id and l.lane = s.lane
      where s.purpose = 'forward' and s.state = 'committed' and s.reached_end
        and s.created_at >= l.started_at and l.started_at > ${now[0]!.at}::timestamptz
    `.execute(db);
    if (rows.length > 0) return;
    await sleep(200, undefined, { signal });
  }
}

/** Waits until everything that was written before the freeze has come through: head, sweep, border, nothing doubtful or open. */
async function settled(machines: Machines, screen: Screen, signal: AbortSignal): Promise<void> {
  const { store } = machines.store.services;
  const { rows: frozen } = await sql<{ at: string }>`select clock_timestamp()::text as at`.execute(store.db);
  // A sweep ends where the head was read before it: of a run that began before the freeze it proves too little.
  await caughtUp(machines, signal);
  for (const until = Date.now() + SETTLE_MS; ; ) {
    signal.throwIfAborted();
    const status = await pipelineStatus(store, machines.config, PIPELINE);
    screen.show(ORDERS, status.loaded, ORDERS);
    const { rows } = await sql<{ swept: boolean }>`
      select exists (select 1 from sweep where started_at > ${frozen[0]!.at}::timestamptz and completed_at is not null) as swept
    `.execute(store.db);
    if (status.settled && status.initialLoad.complete && !status.running && rows[0]!.swept) return;
    if (Date.now() > until) {
      throw new TidemarkError("TM_DEMO_UNSETTLED", `the pipeline did not settle within ${SETTLE_MS / 1000} s`, {
        details: { openSlices: status.openSlices, doubtful: status.doubtful, swept: rows[0]!.swept, initialLoad: status.initialLoad.waitingFor },
        fix: "Look into .tidemark/demo/logs/worker.log and at the open workflows in Temporal's UI.",
      });
    }
    await sleep(250, undefined, { signal });
  }
}

/** Goes on with a source that changes, until Ctrl-C. */
async function live(machines: Machines, screen: Screen, signal: AbortSignal): Promise<void> {
  await admin(machines.sourceUrl, "unfreeze", {});
  await admin(machines.sourceUrl, "configure", { changeIntervalMs: 1_000, changesPerInterval: 3, insertsPerInterval: 1, changesPerRequest: 0, insertsPerRequest: 0 });
  screen.say(`Live: orders change every second and a scheduled run follows every 10 s. Ctrl-C ends everything.\n  Temporal's UI  ${machines.temporal.uiUrl ?? ""}\n  source         ${machines.sourceUrl}/_admin/state\n  target         ${machines.targetUrl}/_admin/state`);
  await sleep(2 ** 31 - 1, undefined, { signal }).catch(() => undefined);
}
