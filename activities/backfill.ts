import { sql } from "kysely";
import { TidemarkError } from "../src/errors.ts";
import { getApi } from "../src/source/jushuitan/index.ts";
import { readEarlierNow } from "../src/store/clock.ts";
import { floorSecond } from "../src/store/plan.ts";
import { addRange } from "../src/store/ranges.ts";
import { pipelineOf, type Services } from "../src/sync/services.ts";
import { run } from "./support.ts";
import type { BackfillActivities, RangeRequest } from "./types.ts";

/** Ranges that people ask for; rows in the store, so that no signal is needed twice. */
export function createBackfillActivities(services: Services): BackfillActivities {
  const { store, config } = services;
  return {
    addRange: (ref, range) =>
      run(async () => {
        const { source } = pipelineOf(config, ref.pipeline);
        const { from, to } = validRange(range);
        // What is newer than the settle delay comes by the forward runs.
        const settled = floorSecond((await readEarlierNow(store.db, source.account)) - source.settleMs);
        const fromAt = Math.min(floorSecond(from), settled);
        await addRange(store.db, {
          streamId: ref.streamId, purpose: "backfill", requestId: range.requestId, fromAt,
          toAt: Math.max(fromAt, Math.min(Math.ceil(to / 1000) * 1000, settled)), archiveToo: getApi(source.api).archive,
        });
      }),
    cancelRange: (ref, requestId) =>
      run(async () => {
        await sql`
          update load_range set state = 'cancelled', done_at = clock_timestamp()
          where stream_id = ${ref.streamId} and state in ('open', 'planned')
            and (request_id = ${requestId} or archive_of = (select id from load_range where request_id = ${requestId}))
        `.execute(store.db);
      }),
    openRanges: (ref) =>
      run(async () => {
        const { rows } = await sql<{ open: number }>`
          select count(*)::int as open from load_range where stream_id = ${ref.streamId} and purpose = 'backfill' and state = 'open'
        `.execute(store.db);
        return rows[0]!.open;
      }),
  };
}

/** Signals come from people too, by Temporal's own tools. @throws TidemarkError `TM_RANGE_INVALID` */
function validRange(range: Partial<RangeRequest> | null): { from: number; to: number } {
  const from = Date.parse(range?.from ?? "");
  const to = Date.parse(range?.to ?? "");
  if (Number.isFinite(from) && Number.isFinite(to) && from < to && typeof range?.requestId === "string" && range.requestId !== "") return { from, to };
  throw new TidemarkError("TM_RANGE_INVALID", "a range needs from (inclusive) and to (exclusive, later) as ISO 8601 times, and a requestId", {
    path: "addRange", fix: 'For example {"from":"2026-01-01T00:00:00+08:00","to":"2026-02-01T00:00:00+08:00","requestId":"january"}.',
  });
}
