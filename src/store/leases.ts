import { sql } from "kysely";
import { StoreError } from "../errors.ts";
import type { Db, Store, Tx } from "./db.ts";

/** `forward`: sync runs (head, initial load, sweeps). `backfill`: the backfill workflow. `audit`: comparisons with the source. */
export type Lane = "forward" | "backfill" | "audit";

export type LeaseAnswer =
  | { held: true; token: string }
  | { held: false; owner: string; waitMs: number };

/**
 * Takes the lane for `owner` under a new fencing token, or tells who has it and for how long.
 * The same owner gets its own token back, so a repeated call changes nothing.
 */
export async function acquireLease(store: Store, streamId: string, lane: Lane, owner: string, ttlMs: number): Promise<LeaseAnswer> {
  const { rows } = await sql<{ token: string; owner: string; wait_ms: number }>`
    with head as (select max(version) as version from pair where stream_id = ${streamId}),
    taken as (
      insert into lease as l (stream_id, lane, token, owner, until, started_at, head_version)
      select ${streamId}, ${lane}, nextval('fence'), ${owner}, clock_timestamp() + ${ttlMs} * interval '1 ms',
        clock_timestamp(), head.version from head
      on conflict (stream_id, lane) do update set
        token = case when l.owner = excluded.owner then l.token else excluded.token end,
        started_at = case when l.owner = excluded.owner then l.started_at else excluded.started_at end,
        head_version = case when l.owner = excluded.owner then l.head_version else excluded.head_version end,
        owner = excluded.owner, until = excluded.until
      where l.owner = excluded.owner or l.until < clock_timestamp()
      returning token, owner
    )
    select token::text, owner, 0 as wait_ms from taken
    union all
    select token::text, owner, greatest(ceil(extract(epoch from until - clock_timestamp()) * 1000), 0)::int as wait_ms
    from lease where stream_id = ${streamId} and lane = ${lane} and not exists (select 1 from taken)
  `.execute(store.db);
  const row = rows[0];
  if (row === undefined) return { held: false, owner: "another run", waitMs: 1_000 };
  return row.owner === owner ? { held: true, token: row.token } : { held: false, owner: row.owner, waitMs: row.wait_ms };
}

/** Prolongs the lease. @returns false when another owner has taken the lane, or the stream was replaced: stop at once. */
export async function touchLease(db: Db, streamId: string, lane: Lane, token: string, ttlMs: number): Promise<boolean> {
  const { rows } = await sql`
    update lease l set until = greatest(until, clock_timestamp() + ${ttlMs} * interval '1 ms')
    from stream t
    where l.stream_id = ${streamId} and l.lane = ${lane} and l.token = ${token} and t.id = l.stream_id and t.active returning 1 as ok
  `.execute(db);
  return rows.length === 1;
}

/** Locks the lane's row for the transaction. @throws StoreError `TM_LEASE_LOST` */
export async function requireLease(tx: Tx, streamId: string, lane: Lane, token: string): Promise<void> {
  const { rows } = await sql`
    select 1 as ok from lease l join stream t on t.id = l.stream_id and t.active
    where l.stream_id = ${streamId} and l.lane = ${lane} and l.token = ${token} for update of l
  `.execute(tx);
  if (rows.length === 0) throw leaseLost(lane);
}

/** Lets the next run begin at once instead of after the lease has run out. */
export async function releaseLease(db: Db, streamId: string, lane: Lane, token: string): Promise<void> {
  await sql`
    update lease set until = clock_timestamp(), owner = owner || ' (ended)'
    where stream_id = ${streamId} and lane = ${lane} and token = ${token}
  `.execute(db);
}

export function leaseLost(lane: Lane): StoreError {
  return new StoreError("TM_LEASE_LOST", `another run has taken over the ${lane} lane of this pipeline`, {
    fix: "Nothing to do: the other run goes on from what is stored.",
  });
}
