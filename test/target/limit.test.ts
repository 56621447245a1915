import { getEventListeners } from "node:events";
import { setImmediate as next } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { expect, test } from "vitest";
import { limited } from "../../src/target/limit.ts";

setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;
const other = { name: "the target", place: "target" };
const guardOf = (signal: AbortSignal) => ({ signal, beforeWrite: () => undefined });

test("nothing of a request is held once it is over, however long its activity goes on", async () => {
  const activity = new AbortController();
  const send = async () => {
    const body = Buffer.alloc(1_000);
    await limited(guardOf(activity.signal), 60_000, other, async ({ signal }) => {
      signal.addEventListener("abort", () => body.fill(0), { once: true });
      await next();
    });
    return new WeakRef(body);
  };
  const bodies = [await send(), await send(), await send()];
  for (let i = 0; i < 5; i++) {
    await next();
    collect();
  }
  expect(bodies.map((body) => body.deref())).toEqual([undefined, undefined, undefined]);
  expect(getEventListeners(activity.signal, "abort")).toEqual([]);
});

test("the end of an activity ends its requests, with its reason", async () => {
  const activity = new AbortController();
  const never = limited(guardOf(activity.signal), 60_000, other, () => new Promise(() => undefined));
  activity.abort(new Error("the worker shuts down"));
  await expect(never).rejects.toThrow("the worker shuts down");
  await expect(limited(guardOf(activity.signal), 60_000, other, () => Promise.resolve())).rejects.toThrow("the worker shuts down");
});
