import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { type AuditAnswer, runAudit } from "../../src/ops/audit.ts";
import { coverage } from "../../src/ops/coverage.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";

let job: Job;
afterEach(() => job.stop());

const perfect = { missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 };
const source = { from: "all" as const, lookbackMs: 500, sweepEveryMs: 3_600_000, sliceRecords: 2_000, pageSize: 50, settleMs: 200 };

const audit = (asked: { byIds?: boolean; repair?: boolean } = {}): Promise<AuditAnswer> =>
  runAudit(job.services, job.temporal, pipelineName(job), { byIds: false, repair: false, ...asked }, { wait: true, signal: AbortSignal.timeout(120_000), onCost: () => undefined });
const sum = (answer: AuditAnswer, what: "missing" | "stale" | "extra" | "repaired") => answer.windows!.reduce((total, window) => total + window[what], 0);
/** The states of the days, without repeats, today's last. */
const states = async () => (await coverage(job.services, pipelineName(job))).days.map((day) => day.state).filter((state, i, all) => state !== all[i - 1]);
const methods = (answer: AuditAnswer) => [...new Set(answer.windows!.map((window) => window.method))];

test("an audit of what is complete counts, and says so with few requests", async () => {
  job = await startJob({ source, jushuitan: { orders: 1_500, days: 20, archived: 0.3, changesPerRequest: 1, insertsPerRequest: 1 } });
  await job.backfill(Date.now() - 30 * 86_400_000, Date.now());
  await job.freeze();
  await job.sync();
  expect(await states()).toEqual(["loaded"]);
  const answer = await audit();
  expect((await states()).slice(0, -1)).toEqual(["count"]);
  expect(answer).toMatchObject({ verdict: "complete", quarantined: 0, cost: { windows: answer.windows!.length } });
  expect(methods(answer)).toEqual(["count"]);
  expect(answer.requests).toBe(answer.windows!.length * 4);
  expect(answer.neverReturns.join()).toContain("淘系");
}, 180_000);

test("rows taken from the index and the target behind Tidemark's back are found, and loaded again where that is wanted", async () => {
  job = await startJob({ source, jushuitan: { orders: 1_000, days: 20 } });
  await job.sync();
  const { rows } = await sql<{ id: string }>`delete from record where id in (select id from record order by id offset 300 limit 7) returning id`.execute(job.store.db);
  await fetch(`${job.target.url}/_admin/delete`, { method: "POST", body: JSON.stringify({ ids: rows.map((row) => row.id) }) });
  expect((await job.compare()).missing).toBe(7);
  const found = await audit();
  expect(found.verdict).toBe("incomplete");
  expect([sum(found, "missing"), sum(found, "repaired")]).toEqual([7, 0]);
  expect((await job.compare()).missing).toBe(7);
  expect(await states()).toContain("missing");
  const repaired = await audit({ repair: true });
  expect(repaired.verdict).toBe("complete");
  expect([sum(repaired, "missing"), sum(repaired, "repaired")]).toEqual([7, 7]);
  expect(await job.compare()).toMatchObject(perfect);
  expect((await states())).toEqual(expect.arrayContaining(["ids", "count"]));
  expect(methods(await audit())).toEqual(["count"]);
}, 180_000);

test("a pair that cancels out in the counts is found by ids", async () => {
  job = await startJob({ source, jushuitan: { orders: 300, days: 3 } });
  await job.sync();
  await sql`
    with gone as (delete from record where id = (select min(id) from record) returning *)
    insert into record (stream_id, id, source_id, held, version, modified) select stream_id, 'x1', 'x1', 'loaded', 1, modified from gone`.execute(job.store.db);
  await sql`alter table record disable trigger record_keeps`.execute(job.store.db);
  await sql`update record set version = 7 where id = (select max(id) from record where id <> 'x1')`.execute(job.store.db);
  expect((await audit()).verdict).toBe("complete");
  const logged = async (since = 0) => (await (await fetch(`${job.source.url}/_admin/requests?since=${since}`)).json()) as { last: number; requests: { biz: string }[] };
  const { last } = await logged();
  const byIds = await audit({ byIds: true });
  expect(byIds.verdict).toBe("incomplete");
  // Forward runs ask by version here. One look is for the row that the source did not report.
  expect((await logged(last)).requests.filter(({ biz }) => biz.includes("modified_begin")).length).toBe(byIds.requests);
  expect([sum(byIds, "missing"), sum(byIds, "stale"), sum(byIds, "extra")]).toEqual([1, 1, 1]);
}, 180_000);

test("an audit by ids costs about what it told before, however unevenly the records lie", async () => {
  job = await startJob({ source: { ...source, pageSize: 20, sliceRecords: 40 }, jushuitan: { orders: 300, days: 10 } });
  await job.sync();
  await fetch(`${job.source.url}/_admin/change`, { method: "POST", body: JSON.stringify({ count: 200 }) });
  await job.sync();
  expect((await audit({ byIds: true, repair: true })).verdict).toBe("complete");
  const answer = await audit({ byIds: true });
  expect(answer.verdict).toBe("complete");
  expect(answer.requests).toBeLessThan((answer.cost.requests + answer.cost.idRequests) * 1.3);
}, 180_000);

test("what commits late by more than the lookback is missed by every run, and found by the audit", async () => {
  job = await startJob({ source, jushuitan: { orders: 200 } });
  await job.sync();
  const insert = (body: object) => fetch(`${job.source.url}/_admin/insert`, { method: "POST", body: JSON.stringify(body) });
  await insert({ count: 4, lateMs: 3_600_000 });
  await insert({ count: 1, lateMs: 0 });
  job.config.pipelines[pipelineName(job)]!.source.sweepEveryMs = 1;
  for (let run = 0; run < 2; run++) await job.sync();
  await job.freeze();
  job.config.pipelines[pipelineName(job)]!.source.sweepEveryMs = 3_600_000;
  await job.sync();
  expect((await job.compare()).missing).toBe(4);
  const answer = await audit({ repair: true });
  expect([answer.verdict, sum(answer, "missing"), sum(answer, "repaired")]).toEqual(["complete", 4, 4]);
  expect(await job.compare()).toMatchObject(perfect);
}, 180_000);

test("rows that move to a later time while the audit goes on are no difference", async () => {
  job = await startJob({ source, jushuitan: { orders: 800, days: 10, changesPerRequest: 3, insertsPerRequest: 1 } });
  await job.sync();
  const answer = await audit({ byIds: true });
  expect([answer.verdict, sum(answer, "missing"), sum(answer, "extra")]).toEqual(["complete", 0, 0]);
}, 180_000);

test("an audit whose catch-up cannot write says why, with the code and the fix of a sync", async () => {
  job = await startJob({ source, jushuitan: { orders: 100, days: 3 } });
  await job.sync();
  await job.configureTarget({ status: 401 });
  await fetch(`${job.source.url}/_admin/insert`, { method: "POST", body: JSON.stringify({ count: 1 }) });
  await expect(audit()).rejects.toMatchObject({ code: "TM_TARGET_CONFIG", fix: expect.any(String) as string });
}, 180_000);
