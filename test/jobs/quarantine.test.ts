import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { runAudit } from "../../src/ops/audit.ts";
import { replayQuarantine, type ReplayReport } from "../../src/ops/quarantine.ts";
import { pipelineStatus } from "../../src/ops/status.ts";
import { discardEntries, type EntryFilter, listEntries, showEntry } from "../../src/store/quarantine-entries.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";

let job: Job;
afterEach(() => job.stop());

const perfect = { missing: 0, stale: 0, wrongContent: 0, unknown: 0, duplicated: 0 };
const source = { from: "all" as const, lookbackMs: 500, sweepEveryMs: 3_600_000, sliceRecords: 600, pageSize: 50 };

const replay = (filter: EntryFilter = {}): Promise<ReplayReport> =>
  replayQuarantine(job.services, job.temporal, pipelineName(job), filter, { wait: true, signal: AbortSignal.timeout(60_000) });
const open = async () => (await listEntries(job.store.db, { state: "open" }, 100)).entries;
const writesOf = async (id: string) => {
  const lines = (await (await fetch(`${job.target.url}/_admin/records`)).text()).trim().split("\n").map((line) => JSON.parse(line) as { id: string; writes: number });
  return lines.find((one) => one.id === id)?.writes ?? 0;
};

/** A job of 200 orders of which three are in quarantine; @returns their ids */
async function withRefused(): Promise<string[]> {
  job = await startJob({ source, jushuitan: { orders: 200 }, target: { batchSize: 100 } });
  const truth = (await (await fetch(`${job.source.url}/_admin/truth`)).text()).trim().split("\n").map((line) => (JSON.parse(line) as { id: string }).id);
  const refused = [truth[7]!, truth[50]!, truth[150]!].toSorted();
  await job.configureTarget({ refuseIds: refused });
  await job.sync();
  expect((await open()).map((entry) => entry.id).toSorted()).toEqual(refused);
  return refused;
}

test("what is replayed goes the ordinary way: refused again it stays, taken it is resolved, and the ledger has both", async () => {
  const refused = await withRefused();
  expect(await replay()).toMatchObject({ status: "completed", replayed: 3, counts: { loaded: 0, quarantined: 3 } });
  expect((await open()).map((entry) => entry.attempts)).toEqual([2, 2, 2]);
  await job.configureTarget({ refuseIds: refused.slice(0, 1) });
  expect(await replay({ ids: refused.slice(0, 2) })).toMatchObject({ replayed: 2, counts: { loaded: 1, quarantined: 1 } });
  await job.configureTarget({ refuseIds: [] });
  expect(await replay()).toMatchObject({ replayed: 2, counts: { loaded: 2 } });
  expect(await open()).toEqual([]);
  expect(await job.compare()).toMatchObject(perfect);
  expect(await replay()).toMatchObject({ status: "nothing", replayed: 0 });
  await job.sync();
  expect(await Promise.all(refused.map(writesOf))).toEqual([1, 1, 1]);
}, 120_000);

test("an entry of which a newer version was loaded is resolved without being sent", async () => {
  const [id] = await withRefused();
  const [entry] = (await listEntries(job.store.db, { ids: [id!] }, 1)).entries;
  await job.configureTarget({ refuseIds: [] });
  await fetch(`${job.source.url}/_admin/change`, { method: "POST", body: JSON.stringify({ ids: [id] }) });
  await job.sync();
  expect(await showEntry(job.store.db, entry!.entry)).toMatchObject({ state: "resolved" });
  // As if the newer version had come between the look and the replay.
  await sql`update quarantine set state = 'open' where id = ${entry!.entry}`.execute(job.store.db);
  expect(await replay({ ids: [id!] })).toMatchObject({ status: "nothing", newer: 1, replayed: 0 });
  expect(await writesOf(id!)).toBe(1);
  expect(await showEntry(job.store.db, entry!.entry)).toMatchObject({ state: "resolved" });
}, 120_000);

test("an entry without its text is read from the source again", async () => {
  const refused = await withRefused();
  await sql`update quarantine set raw = null`.execute(job.store.db);
  await job.configureTarget({ refuseIds: [] });
  expect(await replay({ ids: refused.slice(0, 2) })).toMatchObject({ status: "nothing", reread: 2, replayed: 0 });
  await job.sync();
  expect((await open()).map((entry) => entry.id)).toEqual(refused.slice(2));
  expect(await job.compare(refused.slice(2))).toMatchObject(perfect);
}, 120_000);

test("what is discarded is not tried again, keeps its reason, and a newer version is tried", async () => {
  const refused = await withRefused();
  expect(await discardEntries(job.store, { ids: refused.slice(0, 2) }, "test orders", "li@desk")).toBe(2);
  await expect(sql`update quarantine set state = 'discarded' where state = 'open'`.execute(job.store.db)).rejects.toThrow("quarantine_discard_has_reason");
  expect((await listEntries(job.store.db, { state: "discarded" }, 10)).entries.map((entry) => entry.note)).toEqual(["test orders", "test orders"]);
  await job.configureTarget({ refuseIds: [] });
  expect(await replay()).toMatchObject({ replayed: 1, counts: { loaded: 1 } });
  await fetch(`${job.source.url}/_admin/change`, { method: "POST", body: JSON.stringify({ ids: refused.slice(0, 1) }) });
  await job.sync();
  expect(await job.compare(refused.slice(1, 2))).toMatchObject(perfect);
}, 120_000);

test("what was discarded is replayed when it is named, by the ordinary way; who gave it up, why and when stays on record", async () => {
  const refused = await withRefused();
  const [again, newer, left] = refused as [string, string, string];
  const entryOf = async (id: string) => (await listEntries(job.store.db, { ids: [id] }, 1)).entries[0]!;
  const status = async () => {
    const { quarantined, discarded } = await pipelineStatus(job.store, job.config, pipelineName(job));
    return { quarantined, discarded };
  };
  const state = ["open", "discarded"] as const;
  expect(await discardEntries(job.store, {}, "test orders", "li@desk")).toBe(3);
  expect(await status()).toEqual({ quarantined: 0, discarded: 3 });
  const told = { note: "test orders", discardedBy: "li@desk", discardedAt: expect.any(Number) as number };
  expect(await entryOf(again)).toMatchObject({ state: "discarded", ...told });

  // All of a pipeline, or a code, means open ones.
  await job.configureTarget({ refuseIds: [again] });
  expect(await replay()).toMatchObject({ status: "nothing", replayed: 0 });
  // Refused once more it is open again, with one entry.
  expect(await replay({ ids: [again], state })).toMatchObject({ replayed: 1, counts: { loaded: 0, quarantined: 1 } });
  expect((await listEntries(job.store.db, { ids: [again] }, 5)).entries).toMatchObject([{ state: "open", attempts: 2, ...told }]);
  await discardEntries(job.store, { ids: [again] }, "test orders", "li@desk");

  await job.configureTarget({ refuseIds: [] });
  expect(await replay({ ids: [again], state })).toMatchObject({ replayed: 1, counts: { loaded: 1, quarantined: 0 } });
  expect(await entryOf(again)).toMatchObject({ state: "resolved", ...told });
  expect(await status()).toEqual({ quarantined: 0, discarded: 2 });
  const audited = () => runAudit(job.services, job.temporal, pipelineName(job), { byIds: true, repair: false }, { wait: true, signal: AbortSignal.timeout(60_000), onCost: () => undefined });
  expect(await audited()).toMatchObject({ verdict: "complete", discarded: 2 });

  // Of which a newer version was loaded since, it is not sent: by the load itself, or by the replay.
  await fetch(`${job.source.url}/_admin/change`, { method: "POST", body: JSON.stringify({ ids: [newer] }) });
  await job.sync();
  expect(await entryOf(newer)).toMatchObject({ state: "resolved", ...told });
  await sql`update quarantine set state = 'discarded' where source_id = ${newer}`.execute(job.store.db);
  expect(await replay({ ids: [newer], state })).toMatchObject({ status: "nothing", newer: 1, replayed: 0 });
  expect(await status()).toEqual({ quarantined: 0, discarded: 1 });
  expect(await Promise.all(refused.map(writesOf))).toEqual([1, 1, 0]);
  expect(await job.compare([left])).toMatchObject(perfect);
}, 120_000);

test("a discarded version behind a newer one in quarantine stays as it is: the newer one is replayed", async () => {
  const [id] = await withRefused();
  await discardEntries(job.store, { ids: [id!] }, "test orders", "li@desk");
  await fetch(`${job.source.url}/_admin/change`, { method: "POST", body: JSON.stringify({ ids: [id] }) });
  await job.sync();
  const states = async () => (await listEntries(job.store.db, { ids: [id!] }, 5)).entries.map(({ state }) => state);
  expect(await states()).toEqual(["discarded", "open"]);
  await job.configureTarget({ refuseIds: [] });
  expect(await replay({ ids: [id!], state: ["open", "discarded"] })).toMatchObject({ replayed: 1, counts: { loaded: 1 } });
  expect(await states()).toEqual(["resolved", "resolved"]);
  expect(await writesOf(id!)).toBe(1);
}, 120_000);

test("an id without an entry is told, and nothing is replayed", async () => {
  const [id] = await withRefused();
  await expect(replay({ ids: [id!, "nope"] })).rejects.toMatchObject({ code: "TM_ENTRY_UNKNOWN", path: "--id", message: expect.stringContaining('"nope"') as string });
  expect((await open()).map(({ attempts }) => attempts)).toEqual([1, 1, 1]);
}, 120_000);
