import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { cancelRemap, remapPipeline, type RemapReport } from "../../src/ops/remap.ts";
import { pipelineStatus } from "../../src/ops/status.ts";
import { keepStream } from "../../src/store/streams.ts";
import { mappingOf } from "../mapping/support.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";

let job: Job;
afterEach(() => job.stop());

const source = { from: "all" as const, lookbackMs: 500, sweepEveryMs: 3_600_000, pageSize: 50, sliceRecords: 150, keepRows: "forever" as const };
const pipeline = () => job.config.pipelines[pipelineName(job)]!;
const remap = (range = {}, onNote?: (text: string) => void): Promise<RemapReport> =>
  remapPipeline(job.services, job.temporal, pipelineName(job), range, { wait: true, signal: AbortSignal.timeout(200_000), onNote });
const fields = (form: string) => ({ form: { value: form }, ts: "ts", buyer: "buyer_id" });

async function changeMapping(mapping: ReturnType<typeof mappingOf>): Promise<void> {
  pipeline().mapping = mapping;
  await keepStream(job.store, pipeline(), job.config.accounts["main"]!);
}

/** A worker process that has begun to work. */
async function startWorker(): Promise<ReturnType<Job["startWorker"]>> {
  const known = async () => (await sql<{ id: string }>`select id from worker`.execute(job.store.db)).rows.map(({ id }) => id);
  const before = await known();
  const worker = job.startWorker();
  await until(async () => (await known()).some((id) => !before.includes(id)));
  return worker;
}

async function until(moment: () => Promise<boolean>): Promise<void> {
  for (const end = Date.now() + 60_000; !(await moment()); await new Promise((resolve) => setTimeout(resolve, 5))) {
    if (Date.now() > end) throw new Error("what the test waits for did not happen");
  }
}

async function lines(url: string): Promise<Record<string, string>[]> {
  return (await (await fetch(url)).text()).trim().split("\n").map((line) => JSON.parse(line) as Record<string, string>);
}
const asked = async () => ((await (await fetch(`${job.source.url}/_admin/state`)).json()) as { requests: { total: number } }).requests.total;
const duplicateKeys = async () => ((await (await fetch(`${job.target.url}/_admin/state`)).json()) as { duplicateKeys: number }).duplicateKeys;
const inTarget = async () => {
  const ids = (await lines(`${job.target.url}/_admin/records`)).map(({ id }) => id!);
  const texts = await Promise.all(ids.map(async (id) => [id, await (await fetch(`${job.target.url}/_admin/record?id=${id}`)).text()] as const));
  return new Map(texts);
};

test("a changed mapping reaches every record that is loaded, and those it had refused, without a request to the source; a worker killed in between loses nothing", async () => {
  job = await startJob({ worker: "process", source, runtime: { heartbeatMs: 1_500 }, jushuitan: { orders: 400 }, qeasy: { keepText: true }, target: { batchSize: 20 } });
  const truth = await lines(`${job.source.url}/_admin/truth`);
  await changeMapping(mappingOf({ rest: "drop", fields: { ...fields("a"), state: { from: "status", values: { Sent: "sent", WaitPay: "open", WaitConfirm: "open", Delivering: "going", WaitFConfirm: "open", WaitOuterSent: "open", Merged: "gone", Question: "open", Split: "gone" } } } }));
  const first = await startWorker();
  await job.sync();
  const { quarantined } = await pipelineStatus(job.store, job.config, pipelineName(job));
  expect(quarantined).toBeGreaterThan(0);
  expect((await inTarget()).size).toBe(400 - quarantined);
  await first.stop(5_000);
  const requests = await asked();

  await changeMapping(mappingOf({ rest: "drop", fields: fields("b") }));
  const second = await startWorker();
  expect(await remap()).toMatchObject({ status: "completed", kept: 400, notKept: 0, slices: 3, counts: { read: 400, loaded: 400, quarantined: 0 } });
  expect((await pipelineStatus(job.store, job.config, pipelineName(job))).quarantined).toBe(0);
  const held = await inTarget();
  expect(new Set(held.keys())).toEqual(new Set(truth.map(({ id }) => id)));
  for (const { id, ts } of truth) {
    expect(held.get(id!)).toContain(`"ts":${ts}`);
    expect(held.get(id!)).toContain('"form":"b"');
  }
  await second.stop(5_000);

  await changeMapping(mappingOf({ rest: "drop", fields: fields("c") }));
  await job.configureTarget({ latencyMs: 100 });
  const third = await startWorker();
  const done = remap();
  await until(async () => (await sql`select 1 from batch b join slice s on s.id = b.slice_id where s.purpose = 'remap' and b.state = 'sending'
    and exists (select 1 from batch d where d.slice_id = s.id and d.state = 'done')`.execute(job.store.db)).rows.length > 0);
  await third.kill();
  job.startWorker();
  expect(await done).toMatchObject({ status: "completed", counts: { read: 400, loaded: 400 } });
  expect([...(await inTarget()).values()].filter((text) => text.includes('"form":"c"'))).toHaveLength(400);
  expect(await asked()).toBe(requests);

  // A worker removes rows whose time is over by itself, also where the pipeline does not run.
  await sql`update kept set last_at = clock_timestamp() - interval '40 days' where source_id <> ${truth[0]!.id}`.execute(job.store.db);
  pipeline().source.keepRows = 30 * 86_400_000;
  job.startWorker();
  await until(async () => (await sql`select 1 from kept`.execute(job.store.db)).rows.length === 1);
}, 400_000);

test("workers that still have the mapping of before refuse a remap, and the command says so", async () => {
  job = await startJob({ worker: "process", source, jushuitan: { orders: 60 } });
  await changeMapping(mappingOf({ rest: "drop", fields: fields("a") }));
  await startWorker();
  await job.sync();
  await changeMapping(mappingOf({ rest: "drop", fields: fields("b") }));
  await expect(remap()).rejects.toMatchObject({ code: "TM_PIPELINE_CHANGED" });
}, 120_000);

test("what is not kept is counted, stays as it is, and is remapped once a backfill has read it", async () => {
  job = await startJob({ source: { ...source, from: Date.now() - 4 * 86_400_000, settleMs: 200, cursor: "window" }, jushuitan: { orders: 120, days: 2 }, qeasy: { keepText: true } });
  await job.sync();
  await sql`delete from kept where source_id in (select source_id from kept order by source_id limit 7)`.execute(job.store.db);
  await changeMapping(mappingOf({ rest: "drop", fields: fields("b") }));
  expect(await remap()).toMatchObject({ status: "completed", kept: 113, notKept: 7, counts: { loaded: 113 } });
  const formed = async () => [...(await inTarget()).values()].filter((text) => text.includes('"form":"b"')).length;
  expect(await formed()).toBe(113);
  expect(await job.backfill(Date.now() - 4 * 86_400_000, Date.now())).toMatchObject({ counts: { unchanged: 120 } });
  expect(await remap()).toMatchObject({ kept: 120, notKept: 0, counts: { loaded: 120 } });
  expect(await formed()).toBe(120);
  // The same once more: no request has the key of an earlier one, by which a target might drop it.
  expect(await remap()).toMatchObject({ counts: { loaded: 120 } });
  expect(await duplicateKeys()).toBe(0);
  expect(await remap({ from: Date.now() + 3_600_000 })).toMatchObject({ status: "nothing", kept: 0, notKept: 0 });
}, 180_000);

test("nothing is remapped where nothing is kept, the mapping is not accepted, or gives other ids", async () => {
  job = await startJob({ source, jushuitan: { orders: 60 } });
  await expect(remap()).rejects.toMatchObject({ code: "TM_NOT_LOADED" });
  await job.sync();
  pipeline().source.keepRows = "none";
  await expect(remap()).rejects.toMatchObject({ code: "TM_NOT_KEPT", path: expect.stringContaining("source.keepRows") as string });
  pipeline().source.keepRows = "forever";
  pipeline().mapping = mappingOf({ rest: "drop", fields: fields("b") });
  await expect(remap()).rejects.toMatchObject({ code: "TM_PIPELINE_CHANGED" });
  await changeMapping({ ...pipeline().mapping, id: "so_id" });
  await expect(remap()).rejects.toMatchObject({ code: "TM_REMAP_ID", path: expect.stringContaining("mapping.id") as string });
  expect((await sql`select 1 from remap`.execute(job.store.db)).rows).toEqual([]);
}, 120_000);

test("a remap is cancelled while it goes on, and while it waits for a person: what was taken stays, the backfill ends, and the next one does all", async () => {
  job = await startJob({ source, jushuitan: { orders: 400 }, qeasy: { keepText: true }, target: { batchSize: 20 } });
  const cancel = () => cancelRemap(job.services, pipelineName(job));
  await expect(cancel()).rejects.toMatchObject({ code: "TM_REMAP_NONE" });
  await job.sync();
  const formed = async (form: string) => [...(await inTarget()).values()].filter((text) => text.includes(`"form":"${form}"`)).length;

  await changeMapping(mappingOf({ rest: "drop", fields: fields("b") }));
  await job.configureTarget({ latencyMs: 300 });
  const slow = remap();
  slow.catch(() => undefined);
  await until(async () => (await formed("b")) > 0);
  expect(await cancel()).toMatchObject([{ state: "cancelled", asked: 400 }]);
  await expect(slow).rejects.toMatchObject({ code: "TM_REMAP_CANCELLED" });
  await expect.poll(async () => (await job.temporal.client.workflow.getHandle(`backfill/${pipelineName(job)}`).describe()).status.name, { timeout: 60_000 }).toBe("COMPLETED");
  await job.configureTarget({ latencyMs: 0 });
  expect(await formed("b")).toBeLessThan(400);

  // One that no record passes waits for a person, and holds up what else the backfill has to do.
  await changeMapping(mappingOf({ rest: "drop", fields: { ts: "ts", none: { from: "there_is_no_such_field", missing: "required" } } }));
  await expect(remap()).rejects.toMatchObject({ code: "TM_MAPPING_REFUSES_ALL" });
  expect(await cancel()).toMatchObject([{ state: "cancelled", read: 0 }]);

  await changeMapping(mappingOf({ rest: "drop", fields: fields("c") }));
  expect(await remap()).toMatchObject({ status: "completed", counts: { loaded: 400 } });
  expect(await formed("c")).toBe(400);
  await job.sync();
  const { settled, remaps } = await pipelineStatus(job.store, job.config, pipelineName(job));
  expect({ settled, states: remaps.map(({ state, percent }) => [state, percent === 100]) }).toEqual({ settled: true, states: [["done", true], ["cancelled", false], ["cancelled", false]] });
}, 180_000);
