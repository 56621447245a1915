import { randomUUID } from "node:crypto";
import { sql } from "kysely";
import { StoreError, TidemarkError } from "../errors.ts";
import { effectiveLookback, readEarlierNow } from "../store/clock.ts";
import type { Db, Tx } from "../store/db.ts";
import { acquireLease, type Lane, releaseLease, requireLease } from "../store/leases.ts";
import type { Gap } from "../store/gaps.ts";
import { floorSecond } from "../store/plan.ts";
import { applyChange, changesIn, type StateChange } from "../store/state-change.ts";
import { canonical, revisionOf, type StateDocument } from "../store/state-document.ts";
import { effectOf, type StateEffect, versionBefore } from "../store/state-effect.ts";
import { importState } from "../store/state-import.ts";
import { type ReadState, readState } from "../store/state-read.ts";
import { ensureStream, findStream, fingerprints, refuseChanged, type Stream } from "../store/streams.ts";
import { countOf, formatInstant } from "../sync/labels.ts";
import { accountOf, pipelineOf, type Services } from "../sync/services.ts";
import { pipelineGaps } from "./gaps.ts";

/** How a state is to be changed: by a document, or by the checkpoint alone (a version, or ms UTC). */
export type StateWish = { document: StateDocument } | { checkpoint: string | number };

/** A change that was looked at and not made yet. */
export interface PlannedChange {
  effect: StateEffect;
  /** false: the state is as wished already. */
  changes: boolean;
  /**
   * Makes it, unless the state moved since.
   * @param because why what is skipped may be; null: nothing may be skipped
   * @throws StoreError `TM_STATE_GAP`, `TM_STATE_MOVED`, `TM_STATE_BUSY`, `TM_STATE_BOUNDS`
   */
  apply: (because: string | null) => Promise<void>;
}

/** How long a lane is held at most for a change (ms). */
const LANE_MS = 60_000;

/** A pipeline's state. @throws TidemarkError `TM_NOT_LOADED`, `TM_PIPELINE_CHANGED` */
export async function pipelineState(services: Services, name: string): Promise<StateDocument> {
  return (await stateAt(services, services.store.db, await startedStream(services, name))).state;
}

/** What of the gaps of a pipeline's state is neither read nor verified since. */
export async function stillUnread({ config, store }: Services, name: string): Promise<Gap[]> {
  const stream = await findStream(store.db, name);
  return stream === null ? [] : pipelineGaps(store.db, config, stream);
}

/** A pipeline's state to be imported elsewhere. @throws TidemarkError `TM_NOT_LOADED`, `TM_PIPELINE_CHANGED`, `TM_STATE_UNSETTLED` */
export async function exportState(services: Services, name: string): Promise<StateDocument> {
  const { state, unsettled } = await stateAt(services, services.store.db, await startedStream(services, name));
  if (unsettled === 0) return state;
  throw new StoreError("TM_STATE_UNSETTLED", `${countOf(unsettled, "record")} of ${name} ${unsettled === 1 ? "is" : "are"} being sent or doubtful; without the index nobody would send their newest version again`, {
    path: `pipelines.${name}`, fix: 'Pause the schedule, wait until "tidemark status" says that nothing is doubtful, and export then. What is doubtful in an accepted gap: load it by "tidemark audit --ids --repair".',
  });
}

/**
 * What a change would mean. Nothing is changed.
 * @throws TidemarkError `TM_NOT_LOADED`, `TM_PIPELINE_CHANGED`, `TM_STATE_OTHER`, `TM_STATE_MOVED`, `TM_STATE_READONLY`, `TM_STATE_BOUNDS`
 */
export async function planChange(services: Services, name: string, wish: StateWish): Promise<PlannedChange> {
  const { store } = services;
  const stream = await startedStream(services, name);
  const { state } = await stateAt(services, store.db, stream);
  const change = await changeOf(services, stream, state, wish);
  const effect = await effectNow(services, store.db, stream, state, change);
  const changes = effect.checkpoint !== null || effect.pairs > 0 || effect.sweepAnew || effect.cancelled.length > 0;
  return {
    effect, changes,
    apply: async (because) => {
      requireAccepted(effect, because);
      await inLanes(services, stream, effect.cancelled.some(({ purpose }) => purpose === "backfill") ? ["forward", "backfill"] : ["forward"], async (tx) => {
        await sql`select 1 from stream where id = ${stream.id} for no key update`.execute(tx);
        const { state: now } = await stateAt(services, tx, stream);
        const same = "document" in wish ? now.revision === state.revision : canonical(now.checkpoint) === canonical(state.checkpoint);
        if (!same) throw moved(name);
        const meant = await effectNow(services, tx, stream, now, change);
        requireAccepted(meant, because);
        await applyChange(tx, stream.id, change, meant, { because: because ?? "", zombieAfterMs: pipelineOf(services.config, name).target.zombieAfterMs });
      });
    },
  };
}

/**
 * Gives a pipeline that has not begun here the state that it had elsewhere.
 * @throws TidemarkError `TM_STATE_OTHER`, `TM_STATE_DOCUMENT`, `TM_STATE_BOUNDS`, `TM_STATE_STARTED`, `TM_STATE_BUSY`, `TM_PIPELINE_CHANGED`
 */
export async function importInto(services: Services, name: string, document: StateDocument): Promise<void> {
  const pipeline = pipelineOf(services.config, name);
  const account = accountOf(services.config, pipeline.source.account);
  const { cursor } = pipeline.source;
  requireSame(document, { ...identity(services, name), cursor: cursor === "auto" ? document.cursor : cursor, fingerprints: fingerprints(pipeline, account) });
  if (revisionOf(document) !== document.revision) {
    throw new StoreError("TM_STATE_DOCUMENT", "the document was changed since it was exported, so nobody knows whether what it calls read was read", {
      path: "revision", fix: `Import it as it was exported, and change it with "tidemark state ${name} set".`,
    });
  }
  const now = await readEarlierNow(services.store.db, account.name);
  for (const [path, time] of [["checkpoint.at", document.checkpoint.at], ["provenAt", document.provenAt]] as const) {
    const at = time === null ? now : Date.parse(time);
    if (at > now) throw inFuture(path, at, now);
  }
  const stream = await ensureStream(services.store, pipeline, account);
  await inLanes(services, stream, ["forward"], (tx) => importState(tx, stream.id, document));
}

async function startedStream({ config, store }: Services, name: string): Promise<Stream> {
  const pipeline = pipelineOf(config, name);
  const stream = await findStream(store.db, name);
  if (stream === null || stream.startedAt === null) {
    throw new TidemarkError("TM_NOT_LOADED", `pipeline ${name} has not loaded anything yet`, { path: `pipelines.${name}`, fix: `Run "tidemark sync ${name} --wait" first, or import a state.` });
  }
  refuseChanged(pipeline, stream, fingerprints(pipeline, accountOf(config, pipeline.source.account)));
  return stream;
}

function identity({ config }: Services, name: string): { pipeline: string; account: string; api: string } {
  const { account, api } = pipelineOf(config, name).source;
  return { pipeline: name, account, api };
}

function stateAt(services: Services, db: Db | Tx, stream: Stream): Promise<ReadState> {
  return readState(db, stream.id, identity(services, stream.pipeline));
}

async function changeOf(services: Services, stream: Stream, state: StateDocument, wish: StateWish): Promise<StateChange> {
  if ("document" in wish) {
    requireSame(wish.document, state);
    if (wish.document.revision !== state.revision) throw moved(stream.pipeline);
    return changesIn(state, wish.document);
  }
  const { checkpoint } = wish;
  const only = { dropPairs: [], dropSweep: false, cancel: [] };
  if (state.cursor === "snapshot") {
    throw new StoreError("TM_STATE_BOUNDS", `pipeline ${stream.pipeline} is read whole each time and has no checkpoint to set`, { path: "--checkpoint", fix: `Run "tidemark sync ${stream.pipeline} --wait": it reads all of it.` });
  }
  if (state.cursor === "window") {
    if (typeof checkpoint === "number") return { ...only, checkpoint: floorSecond(checkpoint) };
    throw new StoreError("TM_STATE_BOUNDS", `pipeline ${stream.pipeline} is read by modified time and has no version`, { path: "--checkpoint", fix: "Give a time." });
  }
  if (typeof checkpoint === "string") return { ...only, checkpoint };
  const { lookbackMs, now } = await limitsOf(services, services.store.db, stream);
  if (checkpoint > now) throw inFuture("--checkpoint", checkpoint, now);
  return { ...only, checkpoint: await versionBefore(services.store.db, stream.id, state, checkpoint, lookbackMs) };
}

async function effectNow(services: Services, db: Db | Tx, stream: Stream, state: StateDocument, change: StateChange): Promise<StateEffect> {
  return effectOf(db, stream.id, state, change, await limitsOf(services, db, stream));
}

async function limitsOf({ config }: Services, db: Db | Tx, stream: Stream) {
  const { account, lookbackMs, settleMs, from, pageSize } = pipelineOf(config, stream.pipeline).source;
  const now = await readEarlierNow(db, account);
  return { lookbackMs: await effectiveLookback(db, account, lookbackMs), now, settled: floorSecond(now - settleMs), from, pageSize };
}

/** @throws StoreError `TM_STATE_GAP` where something would be skipped and no reason is given */
export function requireAccepted({ gaps, checkpoint }: Pick<StateEffect, "gaps" | "checkpoint">, because: string | null): void {
  if (gaps.length === 0 || because !== null) return;
  const told = gaps.map(({ from, to }) => ({ from: formatInstant(from), to: formatInstant(to) }));
  throw new StoreError("TM_STATE_GAP", `this skips time that was not read: modified ${told.map(({ from, to }) => `${from} to ${to}`).join(", ")}`, {
    path: checkpoint === null ? "ranges" : "checkpoint", details: { gaps: told },
    fix: 'Leave it where it is; or give --accept-gap and --because, and read the gap later with "tidemark backfill".',
  });
}

function inFuture(path: string, at: number, now: number): StoreError {
  return new StoreError("TM_STATE_BOUNDS", `${formatInstant(at)} lies in the future: what is modified until then would count as read`, { path, fix: `Give a time up to ${formatInstant(now)}.` });
}

function requireSame(document: StateDocument, own: Pick<StateDocument, "pipeline" | "account" | "api" | "cursor" | "fingerprints">): void {
  const facts = (from: typeof own) => ({
    pipeline: from.pipeline, account: from.account, api: from.api, cursor: from.cursor,
    "fingerprint of the source": from.fingerprints.source, "fingerprint of the target": from.fingerprints.target,
  });
  const there = facts(document);
  const wrong = Object.entries(facts(own)).filter(([what, value]) => there[what as keyof typeof there] !== value);
  if (wrong.length === 0) return;
  throw new StoreError("TM_STATE_OTHER", `the document is the state of something else: ${wrong.map(([what, value]) => `${what} is ${there[what as keyof typeof there]}, not ${value}`).join("; ")}`, {
    path: wrong[0]![0], fix: "Take the document of this pipeline; source, target and mapping have to be those under which it was exported.",
  });
}

function moved(name: string): StoreError {
  return new StoreError("TM_STATE_MOVED", `the state of ${name} moved since it was read`, {
    path: `pipelines.${name}`, fix: "Pause the pipeline's schedule, wait for its run to end, get the state again and change that.",
  });
}

/** Work in a transaction, with lanes that no run has meanwhile. @throws StoreError `TM_STATE_BUSY` */
async function inLanes({ store }: Services, stream: Stream, lanes: readonly Lane[], work: (tx: Tx) => Promise<void>): Promise<void> {
  const held: { lane: Lane; token: string }[] = [];
  try {
    for (const lane of lanes) {
      const lease = await acquireLease(store, stream.id, lane, `state ${randomUUID()}`, LANE_MS);
      if (!lease.held) {
        throw new StoreError("TM_STATE_BUSY", `a run has the ${lane} lane of ${stream.pipeline}: ${lease.owner}`, {
          path: `pipelines.${stream.pipeline}`, fix: lane === "forward" ? "Pause the schedule and wait until its run has ended." : `End it with "tidemark backfill cancel", or wait until it has ended.`,
        });
      }
      held.push({ lane, token: lease.token });
    }
    await store.transaction(async (tx) => {
      for (const { lane, token } of held) await requireLease(tx, stream.id, lane, token);
      await work(tx);
    });
  } finally {
    for (const { lane, token } of held) await releaseLease(store.db, stream.id, lane, token);
  }
}
