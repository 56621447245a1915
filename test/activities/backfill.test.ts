import { MockActivityEnvironment } from "@temporalio/testing";
import { afterEach, beforeEach, expect, test } from "vitest";
import { createBackfillActivities } from "../../activities/backfill.ts";
import type { RangeChange } from "../../activities/types.ts";
import { type Bench, startBench, TEST_KEY } from "../support/pipeline.ts";

let bench: Bench;
let token: string;
beforeEach(async () => {
  bench = await startBench();
  token = await bench.lane("backfill", "b");
});
afterEach(() => bench.store.close());

/** What the activity answers, and the ranges' states. */
async function changeRanges(messages: RangeChange[], batch: string) {
  const activities = createBackfillActivities({ config: bench.config, store: bench.store, key: TEST_KEY });
  const run = { pipeline: "orders", lane: "backfill", streamId: bench.stream.id, token } as const;
  const { refused, view } = await new MockActivityEnvironment().run(() => activities.changeRanges(run, messages, batch)) as Awaited<ReturnType<typeof activities.changeRanges>>;
  return { refused, states: view.ranges.map(({ requestId, state }) => [requestId, state]) };
}

const add = (requestId: string): RangeChange => ({ do: "add", range: { requestId, from: "2026-01-01T00:00:00+08:00", to: "2026-01-02T00:00:00+08:00" } });

test("messages whose answer was lost are not done twice, and answer as they did the first time", async () => {
  const [batch, other] = ["5f0f8c8e-2f5c-4d5f-9a53-3f3b6a1c0001", "5f0f8c8e-2f5c-4d5f-9a53-3f3b6a1c0002"];
  const messages: RangeChange[] = [{ do: "cancel", requestId: "a" }, add("a"), add("b"), { do: "cancel", requestId: "b" }, { do: "move", requestId: "nobody", to: "first" }];
  const first = await changeRanges(messages, batch);
  expect(first.states).toEqual([["a", "open"], ["b", "cancelled"]]);
  expect(first.refused).toEqual([expect.stringContaining('no range "a" is open'), expect.stringContaining('no range "nobody" is open')]);
  expect(await changeRanges(messages, batch)).toEqual(first);
  // A repeated attempt may hold more that came in meanwhile.
  expect(await changeRanges([...messages, add("c")], batch)).toEqual({ ...first, states: [["a", "open"], ["c", "open"], ["b", "cancelled"]] });
  expect((await changeRanges([add("b"), { do: "cancel", requestId: "c" }], other)).refused).toEqual([expect.stringContaining("was cancelled already")]);
});
