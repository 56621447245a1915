import type { Source, WindowQuery } from "../source/contract.ts";
import { readNewest, windowPages } from "../source/pages.ts";
import { effectiveLookback, readEarlierNow, sourceOffset } from "../store/clock.ts";
import { beginArchiveWalk, startStream } from "../store/commit.ts";
import { floorSecond } from "../store/plan.ts";
import { addRange } from "../store/ranges.ts";
import type { Stream } from "../store/streams.ts";
import type { PipelineContext } from "./context.ts";

/** Windows tried for the first version, each twice as wide as the one before: from a minute to the API's widest. */
const FIRST_WINDOW_MS = 60_000;
const MOST_WINDOWS = 24;

/**
 * Lays out a stream's first load, once. No API turns a date into a version: at T0 the highest version of the newest closed
 * window that holds anything (V0) becomes the forward cursor, or a lower one that carries a time after T0: a source's clock
 * that was put back leaves such; [from, T0] is loaded by windows; [T0 − 2·lookback, T0 + lookback] is read once more when
 * nothing can enter it any longer. `from: "all"` begins at version 1, and walks once
 * over the archive.
 */
export async function beginStream(context: PipelineContext, stream: Stream): Promise<void> {
  if (stream.startedAt !== null) return;
  const { store, pipeline, account } = context;
  const { from, settleMs } = pipeline.source;
  if (context.api.call === true) {
    const at = await readEarlierNow(store.db, account.name);
    await startStream(store.db, stream.id, { startedAt: at, firstVersion: null, windowsFrom: null, provenAt: null });
    return;
  }
  const { source } = context.source();
  await learnClock(context, source);
  const now = await readEarlierNow(store.db, account.name);
  const lookbackMs = await effectiveLookback(store.db, account.name, pipeline.source.lookbackMs);
  const t0 = floorSecond(now - settleMs);
  if (stream.cursor === "snapshot") {
    await startStream(store.db, stream.id, { startedAt: t0, firstVersion: null, windowsFrom: null, provenAt: null });
    return;
  }
  if (from === "all") {
    await store.transaction(async (tx) => {
      const started = await startStream(tx, stream.id, { startedAt: t0, firstVersion: "1", windowsFrom: null, provenAt: null });
      if (started && source.api.archive) await beginArchiveWalk(tx, stream.id);
    });
    return;
  }
  const begin = floorSecond(from);
  const byVersion = stream.cursor === "version";
  const first = byVersion ? await firstVersion(context, source, t0, Math.min(begin, t0)) : null;
  await store.transaction(async (tx) => {
    const border = t0 - 2 * lookbackMs;
    const start = { startedAt: t0, firstVersion: first, windowsFrom: byVersion ? null : t0, provenAt: byVersion ? null : border };
    if (!(await startStream(tx, stream.id, start))) return;
    const range = { streamId: stream.id, archiveToo: source.api.archive };
    if (begin < t0) await addRange(tx, { ...range, purpose: "initial", fromAt: begin, toAt: t0 });
    // By windows, the sweep reads the border once more.
    if (byVersion) await addRange(tx, { ...range, purpose: "reread", fromAt: border, toAt: t0 + lookbackMs, notBefore: now + Math.max(0, -(await sourceOffset(tx, account.name))) + lookbackMs + settleMs });
  });
}

/** T0 is a moment of the source's clock as well, which only an answer tells. */
async function learnClock({ pipeline, signal }: PipelineContext, source: Source): Promise<void> {
  const to = floorSecond(Date.now());
  await readNewest(source, { from: to - FIRST_WINDOW_MS, to, pageSize: source.api.pageSize.min, params: pipeline.source.params }, signal);
}

/** Below everything that windows up to `t0` do not read. */
async function firstVersion(context: PipelineContext, source: Source, t0: number, begin: number): Promise<string> {
  const { pageSize, params } = context.pipeline.source;
  const closed = await highestVersion(context, source, t0, begin);
  const later = await versionsOfWindow(context, source, { from: t0, to: t0 + source.api.windowMs, pageSize, params, archive: false });
  return later !== null && later.lowest <= closed ? `${later.lowest > 1n ? later.lowest - 1n : 1n}` : `${closed}`;
}

/** The highest version in the newest closed window that holds anything; 1 when none does. */
async function highestVersion(context: PipelineContext, source: Source, t0: number, begin: number): Promise<bigint> {
  const { pageSize, params } = context.pipeline.source;
  let to = t0;
  let width = FIRST_WINDOW_MS;
  for (let tries = 0; tries < MOST_WINDOWS; tries++) {
    const from = to - Math.min(width, source.api.windowMs);
    const versions = await versionsOfWindow(context, source, { from, to, pageSize, params, archive: false });
    if (versions !== null) return versions.highest;
    if (from <= begin && tries > 12) break;
    to = from;
    width *= 2;
  }
  return 1n;
}

async function versionsOfWindow(context: PipelineContext, source: Source, query: Omit<WindowQuery, "page">): Promise<{ lowest: bigint; highest: bigint } | null> {
  let versions: { lowest: bigint; highest: bigint } | null = null;
  for await (const answer of windowPages(source, query, context.signal)) {
    context.progress(1);
    for (const row of answer.rows) {
      if (row.version === null) continue;
      const version = BigInt(row.version);
      versions ??= { lowest: version, highest: version };
      if (version < versions.lowest) versions.lowest = version;
      if (version > versions.highest) versions.highest = version;
    }
  }
  return versions;
}
