import { ApplicationFailure } from "@temporalio/common";
import { toFailure } from "../../../activities/support.ts";
import { compareSlice, createAudit } from "../../../src/store/audits.ts";
import { auditCounts, auditRange } from "../../../src/store/audit-report.ts";
import { lookbackAge } from "../../../src/store/clock.ts";
import { type CommitAnswer, commitSlice } from "../../../src/store/commit.ts";
import { clearDoubts } from "../../../src/store/doubts.ts";
import { acquireLease, type Lane, leaseLost, releaseLease, touchLease } from "../../../src/store/leases.ts";
import { planSlice } from "../../../src/store/plan.ts";
import { getSlice, type Slice } from "../../../src/store/slices.ts";
import { ensureStream } from "../../../src/store/streams.ts";
import { countWindows, endAudit, judgeWindows } from "../../../src/sync/audit.ts";
import type { PipelineContext, SliceContext } from "../../../src/sync/context.ts";
import { extractSlice } from "../../../src/sync/extract.ts";
import type { Extraction } from "../../../src/sync/extraction.ts";
import { loadBatches } from "../../../src/sync/load.ts";
import { beginStream } from "../../../src/sync/start.ts";
import { transformSlice } from "../../../src/sync/transform.ts";
import { notRead } from "./check.ts";
import { API } from "./ends.ts";
import type { Process } from "./scheduler.ts";
import type { World } from "./world.ts";

/** How long a lane stays with a run that gives no sign. */
export const TTL_MS = 60_000;

/** A workflow was ended from outside: it gives nothing back, and its activities go on as long as they live. */
export class Terminated extends Error {}

/** A run of a lane as the workflows do it: it outlives the processes that work for it. */
export interface Flow {
  name: string;
  lane: Lane;
  /** null until it has the lane. */
  token: string | null;
  /** Its processes under way; called, the flow waits for them no longer. */
  attempts: Map<Process, (reason: Error) => void>;
  terminated: boolean;
}

/** One activity: tried again, in another process, until it ends or only a person could help. */
async function call<T>(world: World, flow: Flow, name: string, work: (process: Process, attempt: number) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    if (flow.terminated) throw new Terminated();
    const process = world.scheduler.process(`${flow.name} ${name}#${attempt}`);
    const abandoned = new Promise<never>((_, reject) => flow.attempts.set(process, reject));
    const done = work(process, attempt).finally(() => {
      world.scheduler.finish(process);
      flow.attempts.delete(process);
      world.unreported.delete(process);
    });
    try {
      return await Promise.race([done, abandoned]);
    } catch (error) {
      const failure = toFailure(error);
      if (error instanceof Terminated || (failure instanceof ApplicationFailure && failure.nonRetryable === true)) throw error;
    }
  }
}

/** What an activity does on a lane that is still its run's. */
async function onSlice<T>(context: PipelineContext, token: string, streamId: string, sliceId: string, work: (context: SliceContext) => Promise<T>): Promise<T> {
  const { store, lane } = context;
  if (!(await touchLease(store.db, streamId, lane, token, TTL_MS))) throw leaseLost(lane);
  const slice = await getSlice(store.db, sliceId);
  if (slice === null || slice.token !== token) throw leaseLost(lane);
  return work({ ...context, slice });
}

/** Takes the lane, reads slice after slice while the one before is loaded, and gives the lane back. */
export async function runLane(world: World, flow: Flow): Promise<void> {
  const { lane } = flow;
  const before = new Map(world.source.rows);
  const token = await call(world, flow, "begin", async (process) => {
    const context = world.context(process, lane);
    const stream = await ensureStream(context.store, world.pipeline, world.account);
    const lease = await acquireLease(context.store, stream.id, lane, flow.name, TTL_MS);
    if (lease.held) await beginStream(context, stream);
    return lease.held ? lease.token : null;
  });
  if (token === null) return;
  flow.token = token;
  const run = sliceCalls(world, flow, token);
  try {
    if (lane === "audit") await runAudit(world, flow, run.readOn);
    else await run.readOn();
    if (lane === "forward") world.wrong.push(...(await notRead(world, before)).map((what) => `${flow.name} ended without ${what}, which was there before it began`));
  } finally {
    if (!flow.terminated) await call(world, flow, "end", (process) => releaseLease(world.context(process, lane).store.db, world.streamId, lane, token));
  }
}

async function runAudit(world: World, flow: Flow, readOn: () => Promise<void>): Promise<void> {
  const { streamId, pipeline } = world;
  const repair = world.random.next() < 0.7;
  const auditId = await call(world, flow, "audit", async (process) => {
    const { store } = world.context(process, flow.lane);
    const range = await auditRange(store.db, streamId, pipeline.source, { from: new Date(world.now - 600_000).toISOString() });
    return createAudit(store, streamId, { requestId: `${flow.name}/${streamId}`, byIds: true, repair, ...range }, API.windowMs);
  });
  await call(world, flow, "count", (process) => countWindows(world.context(process, flow.lane), auditId));
  const comparing = await call(world, flow, "judge", async (process) => {
    const context = world.context(process, flow.lane);
    await judgeWindows(context, streamId, auditId);
    return (await auditCounts(context.store.db, auditId)).comparing;
  });
  if (comparing > 0) await readOn();
  await call(world, flow, "endAudit", (process) => endAudit(world.context(process, flow.lane), streamId, auditId));
}

function sliceCalls(world: World, flow: Flow, token: string) {
  const { lane } = flow;
  const { streamId, pipeline } = world;
  const { source } = pipeline;
  const on = <T>(name: string, sliceId: string, work: (context: SliceContext, attempt: number) => Promise<T>, as?: (attempt: number) => string) =>
    call(world, flow, `${name} ${sliceId}`, (process, attempt) =>
      onSlice(world.context(process, lane, as?.(attempt)), token, streamId, sliceId, (context) => work(context, attempt)));

  const plan = (headRead: boolean, busy: string | null) => call(world, flow, "plan", async (process) => {
    const { store } = world.context(process, lane);
    await clearDoubts(store.db, streamId);
    return planSlice(store, { streamId, lane, token, source, api: API, headRead, busy });
  });
  const commitNow = async ({ store, slice }: SliceContext): Promise<CommitAnswer> =>
    commitSlice(store, slice, await lookbackAge(store.db, source.account, source.lookbackMs));

  async function finish(slice: Slice, got: Extraction): Promise<boolean> {
    for (;;) {
      const ready = await on("transform", slice.id, async (context) => {
        const ready = await transformSlice(context, got.pass);
        return { ...ready, committed: ready.batches + ready.waiting > 0 ? null : await commitNow(context) };
      });
      const senders = await Promise.allSettled(Array.from({ length: Math.min(2, ready.batches) }, (_, i) => {
        const activityId = `${flow.name}.${slice.id}.${i}.${ready.batches}.${world.random.hex(3)}`;
        return on(`load${i}`, slice.id, (context, attempt) => loadBatches(context, { token, activityId, attempt }), (attempt) => `${token}/${activityId}/${attempt}`);
      }));
      for (const sender of senders) if (sender.status === "rejected") throw sender.reason;
      if (ready.waiting === 0) {
        const { state } = ready.committed ?? (await on("commit", slice.id, commitNow));
        if (state !== "waiting") return state === "committed";
      }
      await world.scheduler.world(`${flow.name} sleeps`, 0.3);
      world.pass(2_000);
    }
  }

  async function readOn(): Promise<void> {
    let headRead = false;
    let loading = null as { sliceId: string; committed: Promise<boolean> } | null;
    const settle = async (): Promise<void> => {
      if (loading !== null && !(await loading.committed)) headRead = false;
      loading = null;
    };
    try {
      for (;;) {
        const slice: Slice | null = await plan(headRead, loading?.sliceId ?? null);
        if (slice === null && loading === null) return;
        if (slice === null) {
          await settle();
          continue;
        }
        const got: Extraction = await on("extract", slice.id, extractSlice);
        await settle();
        if (got.state !== "extracted") continue;
        if (slice.purpose === "audit" && !(await on("compare", slice.id, ({ store, slice }) => compareSlice(store, slice, got.pass)))) continue;
        if (slice.purpose === "forward" && got.reachedEnd) headRead = true;
        const committed = finish(slice, got);
        committed.catch(() => undefined);
        loading = { sliceId: slice.id, committed };
      }
    } finally {
      await (loading as { committed: Promise<boolean> } | null)?.committed.catch(() => undefined);
    }
  }

  return { readOn };
}
