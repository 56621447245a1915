import { leaseLost, touchLease } from "../src/store/leases.ts";
import { getSlice, type Slice } from "../src/store/slices.ts";
import type { Services } from "../src/sync/services.ts";
import { leaseTtlMs, run, type Running } from "./support.ts";
import type { RunRef } from "./types.ts";

/** Prolongs a run's lease on its lane; false: the lane was lost. */
export function keepLaneOf({ store }: Services, ref: RunRef): () => Promise<boolean> {
  return () => touchLease(store.db, ref.streamId, ref.lane, ref.token, leaseTtlMs());
}

/** Work within a lane that this run still has. */
export function runInLane<T>(services: Services, ref: RunRef, work: (running: Running) => Promise<T>): Promise<T> {
  const keepLane = keepLaneOf(services, ref);
  return run(async (running) => {
    if (!(await keepLane())) throw leaseLost(ref.lane);
    return work(running);
  }, keepLane);
}

/** Work on a slice that this run still owns. */
export function runOnSlice<T>(services: Services, ref: RunRef, sliceId: string, work: (slice: Slice, running: Running) => Promise<T>): Promise<T> {
  return runInLane(services, ref, async (running) => {
    const slice = await getSlice(services.store.db, sliceId);
    if (slice === null || slice.token !== ref.token) throw leaseLost(ref.lane);
    return work(slice, running);
  });
}
