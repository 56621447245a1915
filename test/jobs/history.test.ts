import { fileURLToPath } from "node:url";
import { Worker } from "@temporalio/worker";
import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { runAudit } from "../../src/ops/audit.ts";
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
  const histories: { workflowId: string; history: Awaited<ReturnType<ReturnType<typeof job.temporal.client.workflow.getHandle>["fetchHistory"]>> }[] = [];
  for await (const run of job.temporal.client.workflow.list({ query })) {
    histories.push({ workflowId: run.workflowId, history: await job.temporal.client.workflow.getHandle(run.workflowId, run.runId).fetchHistory() });
  }
  const events = histories.find((one) => one.workflowId === backfill.workflowId)!.history.events!.length;
  expect(events).toBeLessThan(200);

  const truth = (await (await fetch(`${job.source.url}/_admin/truth?limit=6000`)).text()).trim().split("\n").map((line) => (JSON.parse(line) as { id: string }).id);
  const text = histories.flatMap(({ history }) => textsOf(history.events)).join("\n");
  const record = await (await fetch(`${job.source.url}/_admin/record?id=${truth[10]}`)).text();
  const names = [...record.matchAll(/"(?:receiver_name|shop_buyer_id|so_id)":"([^"]{3,})"/g)].map((match) => match[1]!);
  expect(names.length).toBeGreaterThan(1);
  for (const secret of [...names, "top-secret-of-the-target", "demo-app-secret", "00112233445566778899aabbccddeeff", "o_id"]) expect(text).not.toContain(secret);
  // Random ids and checksums hold such digits too, within longer runs.
  const idsIn = (text: string) => truth.filter((id) => new RegExp(`(?<![0-9a-z])${id}(?![0-9a-z])`).test(text));
  expect(idsIn(text)).toEqual([]);
  expect(idsIn(`${text}${textsOf([{ summary: { data: Buffer.from(`{"o_id":${truth[7]}}`) } }]).join("")}`)).toEqual([truth[7]]);

  const replayed: string[] = [];
  for await (const result of Worker.runReplayHistories({ workflowsPath: fileURLToPath(new URL("../../workflows/index.ts", import.meta.url)) }, histories)) {
    expect(result.error).toBeUndefined();
    replayed.push(result.workflowId);
  }
  expect(replayed).toHaveLength(5);
}, 120_000);

/** All that people or workers wrote into events: texts and payloads. Numbers are the server's own: event ids, times; `identity` has a process id. */
function textsOf(value: unknown): string[] {
  if (typeof value === "string") return [value];
  if (value instanceof Uint8Array) return [Buffer.from(value).toString("utf8")];
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => (key === "identity" ? [] : [key, ...textsOf(inner)]));
}
