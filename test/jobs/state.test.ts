import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { runAudit } from "../../src/ops/audit.ts";
import { coverage } from "../../src/ops/coverage.ts";
import { exportState, importInto, planChange, type StateWish } from "../../src/ops/state.ts";
import { pipelineStatus } from "../../src/ops/status.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";

let job: Job;
afterEach(() => job.stop());

const perfect = { missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 };
const source = { from: "all" as const, lookbackMs: 500, sweepEveryMs: 1, sliceRecords: 200, pageSize: 50, settleMs: 200 };
const set = async (wish: StateWish, because: string | null = null) => (await planChange(job.services, pipelineName(job), wish)).apply(because);
const gaps = async () => (await pipelineStatus(job.store, job.config, pipelineName(job))).gaps;
const states = async () => new Set((await coverage(job.services, pipelineName(job))).days.map(({ state }) => state));
const audit = () => runAudit(job.services, job.temporal, pipelineName(job), { byIds: false, repair: false }, { wait: true, signal: AbortSignal.timeout(120_000), onCost: () => undefined });

/** The version of a record in the middle, and the highest. */
async function versions(middle: number): Promise<{ version: string; head: string }> {
  const { rows } = await sql<{ version: string; head: string }>`
    select version::text, (select max(version)::text from record) as head from record order by version offset ${middle} limit 1`.execute(job.store.db);
  return rows[0]!;
}

/** Takes what lies above a version from the index and the target, as if it had never been read. @returns how many */
async function forget(version: string): Promise<number> {
  const { rows } = await sql<{ id: string }>`delete from record where version > ${version}::numeric returning id`.execute(job.store.db);
  await fetch(`${job.target.url}/_admin/delete`, { method: "POST", body: JSON.stringify({ ids: rows.map(({ id }) => id) }) });
  return rows.length;
}

test("a checkpoint set back is read again; one set forward skips what it says, shows it, and a backfill closes the gap", async () => {
  job = await startJob({ source, jushuitan: { orders: 600, days: 10 } });
  await job.sync();
  const { version, head } = await versions(300);
  await set({ checkpoint: version });
  const lost = await forget(version);
  expect((await job.compare()).missing).toBe(lost);
  expect(await job.sync()).toMatchObject({ counts: { loaded: lost } });
  expect(await job.compare()).toMatchObject(perfect);

  await set({ checkpoint: version });
  await expect(set({ checkpoint: head })).rejects.toMatchObject({ code: "TM_STATE_GAP" });
  await set({ checkpoint: head }, "a bulk change");
  const skipped = await forget(version);
  // The walk begins with the row at its checkpoint; sweeps take place as well.
  for (let i = 0; i < 2; i++) await job.sync();
  expect((await job.compare()).missing).toBe(skipped - 1);
  expect(await states()).toContain("gap");
  expect(await audit()).toMatchObject({ verdict: "incomplete", gaps: [{ because: "a bulk change" }] });

  const [gap] = await gaps();
  const closable = Date.parse(gap!.to) + 3_000; // settled, and past the lookback
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, closable - Date.now())));
  await job.backfill(Date.parse(gap!.from), Date.now());
  expect(await job.compare()).toMatchObject(perfect);
  expect([await gaps(), (await states()).has("gap")]).toEqual([[], false]);
  expect(await audit()).toMatchObject({ verdict: "complete", gaps: [] });
}, 180_000);

test("an audit alone closes a gap where nothing was missing", async () => {
  job = await startJob({ source, jushuitan: { orders: 200, days: 3 } });
  await job.sync();
  const { version, head } = await versions(100);
  await set({ checkpoint: version });
  await set({ checkpoint: head }, "a slip: it had been read");
  const [gap] = await gaps();
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, Date.parse(gap!.to) + 3_000 - Date.now())));
  expect(await audit()).toMatchObject({ verdict: "complete", gaps: [] });
  expect(await gaps()).toEqual([]);
}, 180_000);

test("a pipeline whose store was lost goes on from an export; what is read again is loaded again", async () => {
  job = await startJob({ source: { ...source, sweepEveryMs: 3_600_000 }, jushuitan: { orders: 300, days: 3 } });
  await job.sync();
  const exported = await exportState(job.services, pipelineName(job));
  // As a new store would be: nothing of this pipeline in it.
  await sql`update stream set active = false`.execute(job.store.db);
  await importInto(job.services, pipelineName(job), exported);
  const synced = await job.sync();
  expect(synced.checkpoint).toBe(exported.checkpoint.version);
  const backfilled = await job.backfill(Date.now() - 10 * 86_400_000, Date.now());
  expect(synced.counts!.loaded + backfilled.counts!.loaded).toBe(300);
  expect(await job.compare()).toMatchObject({ missing: 0, stale: 0, wrongContent: 0, unknown: 0 });
}, 120_000);
