import { fileURLToPath } from "node:url";
import { Worker } from "@temporalio/worker";
import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { runAudit } from "../../src/ops/audit.ts";
import { historiesOf } from "../support/histories.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";
import { leaksIn } from "../support/leaks.ts";

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

  expect(await leaksIn(job, histories.map(({ history }) => history))).toEqual([]);
  const { id } = JSON.parse(await (await fetch(`${job.source.url}/_admin/truth?limit=1`)).text()) as { id: string };
  const leaky = { events: [{ userMetadata: { summary: { data: Buffer.from(`{"o_id":${id}}`) } } }] };
  expect(await leaksIn(job, [leaky])).toEqual(["o_id", id]);

  const replayed: string[] = [];
  for await (const result of Worker.runReplayHistories({ workflowsPath: fileURLToPath(new URL("../../workflows/index.ts", import.meta.url)) }, histories)) {
    expect(result.error).toBeUndefined();
    replayed.push(result.workflowId);
  }
  expect(replayed).toHaveLength(5);
}, 120_000);
