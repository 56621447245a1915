import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import type { Store } from "../store/db.ts";

/** Who asks: forward runs go before backfills and audits. */
export type Priority = "forward" | "backfill" | "audit";

export interface Limits {
  perSecond: number;
  perMinute: number;
}

/** A granted request. */
export interface Grant {
  /** The order of reading: a number that grows with each grant, over all workers. */
  readNo: string;
}

/**
 * What is added to each window (ms), since requests reach the source with a delay that varies: five requests that were
 * granted a second apart may arrive closer together.
 */
const MARGIN = { second: 150, minute: 400 };
/** A forward run that asked keeps backfills waiting this long (ms), so that it does not share each slot with them. */
const FORWARD_HOLD_MS = 1_500;
/** The longest sleep between two looks at the budget (ms). */
const LONGEST_NAP_MS = 1_000;

/**
 * Returns when a request may be sent, at most `perSecond` a second and `perMinute` a minute over all workers of the store:
 * strict sliding windows, reserved in one transaction. Waiting is no failure and uses no attempt.
 * @throws whatever the signal carries, once it aborts
 */
export async function acquireRequest(store: Store, account: string, limits: Limits, priority: Priority, signal: AbortSignal): Promise<Grant> {
  for (;;) {
    signal.throwIfAborted();
    const slot = await reserve(store, account, limits, priority);
    if (slot.granted) {
      if (slot.waitMs > 0) await sleep(slot.waitMs, undefined, { signal });
      return { readNo: slot.readNo };
    }
    await sleep(Math.min(Math.max(slot.waitMs, 20), LONGEST_NAP_MS), undefined, { signal });
  }
}

interface Slot {
  granted: boolean;
  waitMs: number;
  readNo: string;
}

/** A forward run reserves the next free slot even if it lies ahead; the others take only one that is free now. */
async function reserve(store: Store, account: string, limits: Limits, priority: Priority): Promise<Slot> {
  return store.transaction(async (tx) => {
    await sql`insert into account (name) values (${account}) on conflict do nothing`.execute(tx);
    await sql`select 1 from account where name = ${account} for update`.execute(tx);
    const { rows } = await sql<{ waitMs: number; held: boolean; readNo: string }>`
      with base as (select clock_timestamp() as now, paused_until, forward_until from account where name = ${account}),
      newest as (select at, row_number() over (order by at desc) as rank from (
        select at from request_grant where account = ${account} order by at desc limit ${Math.max(limits.perSecond, limits.perMinute)}) g)
      select nextval('read_number')::text as "readNo",
        ceil(extract(epoch from greatest(base.now, base.paused_until, (select max(at) from newest),
          (select at from newest where rank = ${limits.perSecond}) + ${1_000 + MARGIN.second} * interval '1 ms',
          (select at from newest where rank = ${limits.perMinute}) + ${60_000 + MARGIN.minute} * interval '1 ms') - base.now) * 1000)::int as "waitMs",
        coalesce(base.forward_until > base.now, false) as held
      from base
    `.execute(tx);
    const { waitMs, held, readNo } = rows[0]!;
    if (priority !== "forward" && (held || waitMs > 0)) return { granted: false, waitMs: Math.max(waitMs, held ? 100 : 0), readNo };
    // A slot far ahead is not reserved: its owner might be gone by then.
    const granted = waitMs <= LONGEST_NAP_MS;
    if (granted) {
      await sql`insert into request_grant (account, at) values (${account}, clock_timestamp() + ${waitMs} * interval '1 ms')`.execute(tx);
      await sql`delete from request_grant where account = ${account} and at < clock_timestamp() - interval '3 minutes'`.execute(tx);
    }
    if (priority === "forward") {
      await sql`
        update account set forward_until = clock_timestamp() + ${Math.min(waitMs, LONGEST_NAP_MS) + FORWARD_HOLD_MS} * interval '1 ms'
        where name = ${account}
      `.execute(tx);
    }
    return { granted, waitMs, readNo };
  });
}

/** A forward run needs no more requests for now: backfills go on at once. */
export async function releaseForward(store: Store, account: string): Promise<void> {
  await sql`update account set forward_until = null where name = ${account}`.execute(store.db);
}

/** The source refused for its rate: nobody asks for `ms`. */
export async function pauseRequests(store: Store, account: string, ms: number): Promise<void> {
  await sql`
    update account set paused_until = greatest(paused_until, clock_timestamp() + ${ms} * interval '1 ms') where name = ${account}
  `.execute(store.db);
}
