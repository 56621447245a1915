import { randomUUID } from "node:crypto";
import { TidemarkError } from "../src/errors.ts";
import { getApi } from "../src/source/jushuitan/index.ts";
import { ceilToSecond, floorToSecond, parseShanghai } from "../src/source/time.ts";
import { lookbackAge, readEarlierNow } from "../src/store/clock.ts";
import type { Tx } from "../src/store/db.ts";
import { changeOnce } from "../src/store/messages.ts";
import { addRequest, cancelRequest, moveRequest } from "../src/store/requests.ts";
import { backfillLeft, backfillStatus } from "../src/sync/requests.ts";
import { pipelineOf, type Services } from "../src/sync/services.ts";
import { run } from "./support.ts";
import type { BackfillActivities, RangeChange, RangeRequest, RangesView, RunRef } from "./types.ts";

/** Ranges that people ask for; rows in the store, so that no signal is needed twice. */
export function createBackfillActivities(services: Services): BackfillActivities {
  const { store, config } = services;

  async function add(tx: Tx, ref: RunRef, range: RangeRequest): Promise<void> {
    const { source } = pipelineOf(config, ref.pipeline);
    await addRequest(tx, ref.streamId, {
      requestId: range.requestId, asked: askedOf(range), force: range.force ?? false, archiveToo: getApi(source.api, config.apis).archive,
      // What is newer than the settle delay comes by the forward runs.
      settled: floorToSecond((await readEarlierNow(tx, source.account)) - source.settleMs),
      verifiedAgeMs: (await lookbackAge(tx, source.account, source.lookbackMs)) + source.settleMs,
    });
  }

  /** @throws TidemarkError `TM_RANGE_INVALID`, `TM_RANGE_UNKNOWN` */
  async function change(tx: Tx, ref: RunRef, message: RangeChange): Promise<void> {
    if (message.do === "add") return add(tx, ref, message.range);
    if (message.do === "move" && typeof message.to === "object" && message.to.before === message.requestId) {
      throw new TidemarkError("TM_RANGE_INVALID", `moveRange ${JSON.stringify(message.requestId)}: before names the range itself; name another open one`, { path: "moveRange" });
    }
    const known = message.do === "cancel" ? await cancelRequest(tx, ref.streamId, message.requestId) : await moveRequest(tx, ref.streamId, message.requestId, message.to);
    if (known) return;
    const other = message.do === "move" && typeof message.to === "object" ? `, or none ${JSON.stringify(message.to.before)} to go before,` : "";
    throw new TidemarkError("TM_RANGE_UNKNOWN", `${message.do}Range: no range ${JSON.stringify(message.requestId)}${other} is open`, { path: "requestId" });
  }

  const view = async (ref: RunRef): Promise<RangesView> => ({ ranges: await backfillStatus(store.db, ref.streamId), ...(await backfillLeft(store.db, ref.streamId)) });

  return {
    changeRanges: (ref, messages, batch = randomUUID()) =>
      run(async (running) => {
        const refused: string[] = [];
        for (const [i, message] of messages.entries()) {
          // A wrong message must not hold up the others.
          const why = await changeOnce(store, ref, { batch, number: i }, (tx) => change(tx, ref, message));
          if (why !== null) refused.push(why);
          running.progress(i + 1);
        }
        return { refused, view: await view(ref) };
      }),
    viewRanges: (ref) => run(() => view(ref)),
  };
}

/** Signals come from people too, by Temporal's own tools. @throws TidemarkError `TM_RANGE_INVALID` */
function askedOf({ from, to, requestId }: RangeRequest): { from: number; to: number } {
  const [begin, end] = [parseShanghai(from), parseShanghai(to)];
  if (begin !== null && end !== null && begin < end && begin < Date.now()) return { from: floorToSecond(begin), to: ceilToSecond(end) };
  const wrong = begin === null ? "from is no time" : end === null ? "to is no time" : begin < end ? `from (${from}) lies in the future, where nothing was modified yet` : "to does not come after from";
  throw new TidemarkError("TM_RANGE_INVALID", `addRange ${JSON.stringify(requestId)}: ${wrong}; write times as 2026-01-31T00:00:00+08:00`, { path: "addRange" });
}
