import { fileURLToPath } from "node:url";
import { Worker } from "@temporalio/worker";
import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { runAudit } from "../../src/ops/audit.ts";
import { historiesOf, idsIn, orderFacts, textsOf } from "../support/histories.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";

let job: Job;
afterEach(() => job.stop());

test("histories replay, stay short, and hold neither orders nor secrets", async () => {
  job = await startJob({
    source: { from: Date.now(), settleMs: 200, lookbackMs: 1_000, sweepEveryMs: 1, sliceRecords: 5_000, pageSize: 100 },
    jushuitan: { orders: 6_000, days: 2, faults: { cutJson: 0.05, html502: 0.05 } },
    qeasy: { faults: { http500: 0.1, html200: 0.05 } }, target: { batchSize: 500, headers: { Authorization: "Bearer top-secret-of-the-target" } },
  });
  const now = Date.now();
  const backfill = await job.backfill(now - 3 * 86_400_000, now);
  await job.sync();
  await sql`delete from record where id in (select id from record limit 5)`.execute(job.store.db);
  await runAudit(job.services, job.temporal, pipelineName(job), { from: now - 3 * 86_400_000, byIds: false, repair: true }, { wait: true, signal: AbortSignal.timeout(60_000), onCost: () => undefined });
  const query = `TidemarkPipeline = "${pipelineName(job)}"`;
  // Visibility lags behind.
  await expect.poll(async () => (await job.temporal.client.workflow.count(query)).count, { timeout: 10_000 }).toBe(5);
  const histories = await historiesOf(job.temporal.client, query);
  const events = histories.find((one) => one.workflowId === backfill.workflowId)!.history.events!.length;
  expect(events).toBeLessThan(200);

  const { ids, names } = await orderFacts(job.source.url);
  const text = histories.flatMap(({ history }) => textsOf(history.events)).join("\n");
  expect(names.length).toBeGreaterThan(1);
  for (const secret of [...names, "top-secret-of-the-target", "demo-app-secret", "00112233445566778899aabbccddeeff", "o_id"]) expect(text).not.toContain(secret);
  expect(idsIn(text, ids)).toEqual([]);
  expect(idsIn(`${text}${textsOf([{ summary: { data: Buffer.from(`{"o_id":${ids[7]}}`) } }]).join("")}`, ids)).toEqual([ids[7]]);

  const replayed: string[] = [];
  for await (const result of Worker.runReplayHistories({ workflowsPath: fileURLToPath(new URL("../../workflows/index.ts", import.meta.url)) }, histories)) {
    expect(result.error).toBeUndefined();
    replayed.push(result.workflowId);
  }
  expect(replayed).toHaveLength(5);
}, 120_000);
