import { afterEach, expect, test } from "vitest";
import { type AuditAnswer, runAudit } from "../../src/ops/audit.ts";
import { getApi } from "../../src/source/jushuitan/index.ts";
import { DATABASES } from "../support/databases.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";
import { qeasyOf, SENDING, tableTarget } from "../support/pipeline.ts";

let job: Job;
afterEach(() => job.stop());

const audit = (asked: { target?: boolean; repair?: boolean }): Promise<AuditAnswer> =>
  runAudit(job.services, job.temporal, pipelineName(job), { byIds: false, repair: false, ...asked }, { wait: true, signal: AbortSignal.timeout(120_000), onCost: () => undefined });
const sum = (answer: AuditAnswer, what: "missing" | "stale" | "repaired") => answer.windows!.reduce((total, window) => total + window[what], 0);
const write = (json: string) => fetch(`${job.target.url}/api/${encodeURIComponent("写入空操作")}`, { method: "POST", headers: { "content-type": "application/json" }, body: `[${json}]` });

test("what somebody deleted in the target, or an older version there, is found by reading the target, and loaded again where that is wanted", async () => {
  job = await startJob({
    source: { from: "all", lookbackMs: 500, sweepEveryMs: 3_600_000, pageSize: 50, settleMs: 200 }, jushuitan: { orders: 500, days: 10 },
  });
  const qeasy = qeasyOf(job.config.pipelines[pipelineName(job)]!);
  qeasy.heldUrl = `${job.target.url}/_admin/records`;
  await job.sync();
  const held = (await (await fetch(qeasy.heldUrl)).text()).trim().split("\n").map((line) => JSON.parse(line) as { id: string; ts: string });
  await fetch(`${job.target.url}/_admin/delete`, { method: "POST", body: JSON.stringify({ ids: held.slice(10, 14).map(({ id }) => id) }) });
  await write(`{"id":"${held[20]!.id}","ts":1}`);
  await write(`{"id":"nobody","ts":1}`);
  expect(await job.compare()).toMatchObject({ missing: 4, stale: 1 });
  expect((await audit({})).verdict).toBe("complete");
  const found = await audit({ target: true });
  expect([found.verdict, sum(found, "missing"), sum(found, "stale"), sum(found, "repaired")]).toEqual(["incomplete", 4, 1, 0]);
  expect(await job.compare()).toMatchObject({ missing: 4, stale: 1 });
  // One that does not look there knows nothing better.
  const plain = await audit({ repair: true });
  expect([plain.verdict, sum(plain, "missing"), sum(plain, "stale"), sum(plain, "repaired")]).toEqual(["incomplete", 4, 1, 0]);
  const repaired = await audit({ target: true, repair: true });
  expect([repaired.verdict, sum(repaired, "missing"), sum(repaired, "stale"), sum(repaired, "repaired")]).toEqual(["complete", 4, 1, 5]);
  expect(await job.compare()).toMatchObject({ missing: 0, stale: 0, wrongContent: 0 });
  for (const target of [false, true]) expect((await audit({ target })).verdict).toBe("complete");
}, 180_000);

test("of records without row versions an older reading in a table is found by its time and hash", async () => {
  const database = await DATABASES.find(({ use }) => use === "postgres")!.open();
  const api = getApi("/open/sku/query");
  job = await startJob({
    source: { api: api.path, cursor: "window", from: Date.now() - 3 * 86_400_000, lookbackMs: 500, sweepEveryMs: 3_600_000, settleMs: 200 }, mapping: { id: api.idField },
    jushuitan: { orders: 10, rows: 40, days: 1 }, into: tableTarget({ ...SENDING, use: "postgres", url: database.url, table: "sku" }),
  });
  await job.sync();
  const [before] = await database.query("select id, _version, _order from sku order by id limit 1");
  expect(before!["_version"]).toMatch(/^\d+:[0-9a-f]{64}$/);
  await fetch(`${job.source.url}/_admin/change`, { method: "POST", body: JSON.stringify({ api: api.path, ids: [before!["id"]] }) });
  await expect.poll(async () => {
    await job.sync();
    return (await database.query(`select 1 from sku where id = '${before!["id"]}' and _version <> '${before!["_version"]}'`)).length;
  }, { timeout: 30_000 }).toBe(1);
  await database.query(`update sku set _version = '${before!["_version"]}', _order = ${before!["_order"]} where id = '${before!["id"]}'`);
  expect((await audit({})).verdict).toBe("complete");
  const found = await audit({ target: true, repair: true });
  expect([found.verdict, sum(found, "missing"), sum(found, "stale"), sum(found, "repaired")]).toEqual(["complete", 0, 1, 1]);
  expect(await database.query(`select 1 from sku where _version = '${before!["_version"]}'`)).toEqual([]);
}, 180_000);

test("a target that cannot be read is not compared, and the error says what is missing", async () => {
  job = await startJob({ worker: "none" });
  await expect(audit({ target: true })).rejects.toMatchObject({ code: "TM_AUDIT_TARGET", path: expect.stringContaining("target.heldUrl") as string });
});
