import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { expect } from "vitest";
import { pipelineStatus } from "../../src/ops/status.ts";
import { historiesOf } from "../support/histories.ts";
import { pipelineName } from "../support/job.ts";
import { leaksIn } from "../support/leaks.ts";
import { startRun } from "./actions.ts";
import { compareDocuments } from "./documents.ts";
import type { World } from "./world.ts";

const SETTLE_MS = 120_000;

/** The source stands still and nothing fails any more: runs until nothing is doubtful or open and everything was looked at again. */
export async function settle(world: World): Promise<void> {
  const { job } = world;
  await job.freeze();
  await job.configureSource({ faults: null });
  await job.configureTarget({ faults: null });
  // A minute of patience that a false code 200 asked for is spared.
  await sql`update account set paused_until = null`.execute(job.store.db);
  const since = (await sql<{ at: string }>`select clock_timestamp()::text as at`.execute(job.store.db)).rows[0]!.at;
  // Where windows are read, a clock that is ten minutes slow makes the last of them wait for as long: delay, no loss. Time is made to pass.
  const { rows: byVersion } = await sql`
    select 1 from stream where cursor = 'version' and started_at is not null and not exists (
      select 1 from load_range where purpose in ('initial', 'reread') and state = 'open')`.execute(job.store.db);
  if (byVersion.length === 0) await job.configureSource({ clockOffsetMs: 0 });
  world.say("settle");
  for (const until = performance.now() + SETTLE_MS; ; await sleep(500)) {
    await sql`
      update load_range set not_before = least(not_before, clock_timestamp()),
        to_at = case when to_at > clock_timestamp() and next_at < date_trunc('second', clock_timestamp()) then date_trunc('second', clock_timestamp()) else to_at end
      where purpose = 'reread' and state = 'open'`.execute(job.store.db);
    const status = await pipelineStatus(job.store, job.config, pipelineName(job));
    const { rows } = await sql<{ swept: boolean; loaded: boolean }>`
      select not exists (select 1 from load_range where purpose in ('initial', 'reread') and state = 'open' and next_at < ${since}::timestamptz) as loaded, case cursor when 'version' then exists (
          select 1 from slice h join lease l on l.stream_id = h.stream_id and l.lane = h.lane join sweep w on w.stream_id = h.stream_id
          where h.purpose = 'forward' and h.state = 'committed' and h.reached_end and h.created_at >= l.started_at
            and l.started_at > ${since}::timestamptz + interval '4 seconds' and w.started_at > l.started_at and w.completed_at is not null)
        else proven_at > ${since}::timestamptz + interval '4 seconds' end as swept from stream`.execute(job.store.db);
    const running = await openRuns(world);
    if (status.settled && rows[0]?.swept === true && rows[0].loaded && running === 0) return;
    if (running === 0) await startRun(world, "sync");
    if (performance.now() > until) throw new Error(`not settled: ${JSON.stringify({ ...status, ...rows[0], running, ...(await leftOpen(world)) })}`);
  }
}

/** For whoever looks why. */
async function leftOpen({ job }: World): Promise<object> {
  const { rows } = await sql<object>`
    select to_jsonb(t) as stream, (select json_agg(s) from slice s where state in ('open', 'extracted', 'classified')) as slices,
      (select json_agg(r) from load_range r where state in ('open', 'planned')) as ranges, (select json_agg(a) from account a) as accounts from stream t`.execute(job.store.db);
  return rows[0] ?? {};
}

async function openRuns({ job }: World): Promise<number> {
  return (await job.temporal.client.workflow.count(`TaskQueue = "${job.config.runtime.taskQueue}" AND ExecutionStatus = "Running"`)).count;
}

/** Source and target agree, quarantine holds what was refused, nothing is left over, nothing sensitive is in any history. */
export async function expectNothingMissed(world: World): Promise<void> {
  const { job, refused, explodes, leftOut } = world;
  const filtered = (await idsAt(`${job.source.url}/_admin/truth`)).filter(leftOut);
  const { rows: held } = await sql<{ id: string }>`select id from record where held = 'filtered' order by id`.execute(job.store.db);
  expect(held.map(({ id }) => id)).toEqual(filtered.toSorted());
  if (explodes) {
    const compared = compareDocuments(world);
    world.say(JSON.stringify(compared));
    expect(compared).toEqual({ missing: 0, stale: 0, wrongContent: 0, neverExisted: 0, leftOver: expect.any(Number) as number });
    expect(compared.leftOver).toBeGreaterThan(0);
  } else {
    expect((await idsAt(`${job.target.url}/_admin/records`)).filter(leftOut)).toEqual([]);
    expect(await job.compare([...refused, ...filtered])).toMatchObject({ missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 });
  }
  const { rows: aside } = await sql<{ id: string }>`select source_id as id from quarantine where state = 'open' order by 1`.execute(job.store.db);
  expect(aside.map((entry) => entry.id)).toEqual(refused.toSorted());
  const { rows: left } = await sql`
    select (select count(*)::int from record where batch_id is not null) as claims, (select count(*)::int from page) as pages, (select count(*)::int from item) as items,
      (select count(*)::int from batch) as batches, (select count(*)::int from doubt) as doubts, (select count(*)::int from lease where until > clock_timestamp()) as leases,
      (select count(*)::int from slice where state = 'committed' and read <> duplicate + unchanged + superseded + quarantined + filtered + loaded) as unbalanced,
      (select count(*)::int from pg_locks where locktype = 'advisory' and database = (select oid from pg_database where datname = current_database())) as locks`.execute(job.store.db);
  expect(left).toEqual([{ claims: 0, pages: 0, items: 0, batches: 0, doubts: 0, leases: 0, unbalanced: 0, locks: 0 }]);
  await expectSilentHistories(world);
}

async function idsAt(url: string): Promise<string[]> {
  return (await (await fetch(url)).text()).trim().split("\n").map((line) => (JSON.parse(line) as { id: string }).id);
}

async function expectSilentHistories({ job }: World): Promise<void> {
  const histories = await historiesOf(job.temporal.client, `TaskQueue = "${job.config.runtime.taskQueue}"`);
  expect(histories.length).toBeGreaterThan(0);
  expect(await leaksIn(job, histories.map(({ history }) => history))).toEqual([]);
}
