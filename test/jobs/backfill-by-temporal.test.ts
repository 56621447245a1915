import { execFile } from "node:child_process";
import { readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { promisify } from "node:util";
import { afterEach, expect, test } from "vitest";
import { findTemporalBinary } from "../../src/local/temporal-binary.js";
import { backfillRanges } from "../../src/ops/backfills.ts";
import { startBackfill } from "../../src/ops/start.ts";
import type { BackfillProgress } from "../../workflows/types.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";

let job: Job;
afterEach(() => job.stop());

const DAY = 86_400_000;

/** Runs Temporal's own command line. */
async function temporal(...args: string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(findTemporalBinary()!.path, ["workflow", ...args, "--address", job.temporal.address], { env: { PATH: process.env["PATH"], HOME: tmpdir() } });
  return stdout;
}

/** The documented commands, for this job's pipeline. */
function documented(): string[][] {
  const name = pipelineName(job);
  const lines = readFileSync(new URL("../../docs/backfill.md", import.meta.url), "utf8").split("\n").filter((line) => line.startsWith("temporal workflow "));
  return lines.map((line) => [...line.matchAll(/'([^']*)'|(\S+)/g)].map((match) => match[1] ?? match[2]!).slice(2)
    .map((word) => word.replace("backfill/orders", `backfill/${name}`).replace('"pipeline":"orders"', `"pipeline":"${name}"`).replace(/^tidemark$/, job.config.runtime.taskQueue)));
}

const signal = (name: string, ...input: string[]) => temporal("signal", "--workflow-id", `backfill/${pipelineName(job)}`, "--name", name, ...input.flatMap((text, n) => (text.startsWith("--") || input[n - 1]?.startsWith("--") ? [text] : ["--input", text])));
const progress = () => job.temporal.client.workflow.getHandle(`backfill/${pipelineName(job)}`).query<BackfillProgress>("progress");
const slowJob = () => startJob({
  source: { from: Date.now(), settleMs: 200, lookbackMs: 1_000, sweepEveryMs: 3_600_000, sliceRecords: 200, pageSize: 50 },
  jushuitan: { orders: 1_000, days: 6, latencyMs: 30 },
});
async function paused(): Promise<void> {
  const now = Date.now();
  await startBackfill(job.temporal.client, job.services, pipelineName(job), { from: now - 7 * DAY, to: now });
  await signal("pause");
  await expect.poll(async () => (await progress()).waitingFor, { timeout: 30_000 }).toBe("a resume signal");
}

test("every documented command does what it says, by Temporal's own command line", async () => {
  job = await slowJob();
  await paused();
  const [january, february, first, last, before, cancel, pause, resume, look, start, query] = documented();
  const places = async () => (await backfillRanges(job.services, pipelineName(job))).filter(({ place }) => place !== null).map(({ requestId }) => requestId.slice(0, 8));
  const own = (await places())[0]!;
  for (const [command, order] of [
    [january, [own, "january"]], [february, [own, "january", "february"]], [first, ["february", own, "january"]], [last, [own, "january", "february"]],
    [before, [own, "february", "january"]], [cancel, [own, "february"]],
  ] as const) {
    await temporal(...command!);
    await expect.poll(places, { timeout: 30_000 }).toEqual(order);
  }
  const asked = async () => JSON.parse(/\{.*\}/s.exec(await temporal(...query!))![0]) as BackfillProgress;
  // The command line prints an empty list as null.
  await expect.poll(asked, { timeout: 30_000, interval: 500 }).toMatchObject({
    paused: true, reading: null, refused: null, waiting: null, ranges: [{ place: 1, percent: expect.any(Number) as number }, { requestId: "february" }, { requestId: "january", state: "cancelled" }],
  });
  const now = await asked();
  expect(Object.keys(now).sort()).toEqual(Object.keys(documentedProgress()).sort());
  expect(Object.keys(now.ranges[0]!).sort()).toEqual(Object.keys(documentedProgress().ranges[0]!).sort());
  await temporal(...resume!);
  await expect.poll(async () => (await progress()).paused, { timeout: 30_000 }).toBe(false);
  await temporal(...pause!);
  await temporal(...look!);
  await expect.poll(async () => (await progress()).paused, { timeout: 30_000 }).toBe(true);
  await temporal(...resume!);
  await expect.poll(async () => (await backfillRanges(job.services, pipelineName(job))).map(({ state }) => state).sort(), { timeout: 60_000 }).toEqual(["cancelled", "done", "done"]);
  const handle = job.temporal.client.workflow.getHandle(`backfill/${pipelineName(job)}`);
  await handle.result();
  // The same request id again starts a backfill that has nothing to do.
  await temporal(...start!);
  await handle.result();
  expect((await backfillRanges(job.services, pipelineName(job))).find(({ requestId }) => requestId === "january")!.state).toBe("cancelled");
}, 180_000);

function documentedProgress(): BackfillProgress {
  const text = readFileSync(new URL("../../docs/backfill.md", import.meta.url), "utf8");
  return JSON.parse(/```json\n(.*)\n```/.exec(text)![1]!) as BackfillProgress;
}

test("signals that cannot be used are refused with a reason, and hold up neither the others nor the workflow", async () => {
  job = await slowJob();
  await paused();
  const range = '"from":"2026-01-01","to":"2026-01-02"';
  const bad: [string, string[], RegExp][] = [
    ["addRange", [], /no JSON object/], ["addRange", ['"january"'], /no JSON object/], ["addRange", ["null"], /no JSON object/],
    ["addRange", [`{${range}}`], /requestId is missing/], ["addRange", [`{${range},"requestId":7}`], /requestId is no text/], ["addRange", [`{${range},"requestId":" "}`], /requestId is no text/],
    ["addRange", [`{${range},"requestId":"a\\u0000b"}`], /requestId is no text/], ["addRange", [`{${range},"requestId":"${"x".repeat(10_000)}"}`], /requestId is no text/],
    ["addRange", ['{"from":"soon","to":"2026-01-02","requestId":"r1"}'], /"r1": from is no time/], ["addRange", ['{"from":"2026-01-01","to":"2026-02-30","requestId":"r2"}'], /"r2": to is no time/],
    ["addRange", ['{"from":"2026-01-02","to":"2026-01-01","requestId":"r3"}'], /"r3": to does not come after from/],
    ["addRange", [`{${range},"requestId":"r4","force":"yes"}`], /force/], ["addRange", [`{${range},"requestId":"r5","Force":true}`], /no field "Force"/],
    ["cancelRange", ['{"requestId":"x"}'], /cancelRange: requestId is no text/], ["cancelRange", ['"nobody"'], /no range "nobody"/],
    ["moveRange", ['{"requestId":"nobody","to":"first"}'], /no range "nobody"/], ["moveRange", ['{"requestId":"x"}'], /before is missing/], ["moveRange", ['{"requestId":"x","to":"middle"}'], /neither "first" nor "last"/],
    ["addRange", [`{${range},"requestId":"r6"}`, "--input-meta", "encoding=json/protobuf"], /no JSON object/], ["addRange", ["{}", "abc", "--input-meta", "encoding=json/plain", "--input-meta", "encoding=strange"], /from is missing/],
  ];
  for (const [name, input] of bad) await signal(name, ...input);
  await signal("addrange", "{}", "--input-meta", "encoding=strange");
  await signal("addRange", `{${range},"requestId":"good"}`);
  await expect.poll(async () => (await progress()).ranges.map(({ requestId }) => requestId), { timeout: 30_000 }).toContain("good");
  const { refused } = await progress();
  for (const [, , why] of bad) expect(refused.filter((text) => why.test(text))).not.toEqual([]);
  expect(refused).toHaveLength(bad.length);
  await signal("addRange", `{"from":"2026-01-01","to":"2026-01-03","requestId":"good"}`);
  await expect.poll(async () => (await progress()).refused.at(-1), { timeout: 30_000 }).toMatch(/"good" names another range/);
  for (const [name, input, why] of [
    ["addRange", '{"from":"2999-01-01","to":"2999-02-01","requestId":"ahead"}', /"ahead": from \(2999-01-01\) lies in the future/],
    ["moveRange", '{"requestId":"good","before":"good"}', /"good": before names the range itself/],
  ] as const) {
    await signal(name, input);
    await expect.poll(async () => (await progress()).refused.at(-1), { timeout: 30_000 }).toMatch(why);
  }
  // An end in the future becomes what is settled.
  await signal("addRange", '{"from":"2026-01-01","to":"2999-01-01","requestId":"until now"}');
  await expect.poll(async () => (await progress()).ranges.find(({ requestId }) => requestId === "until now")?.to, { timeout: 30_000 }).toBeTruthy();
  expect(Date.parse((await progress()).ranges.find(({ requestId }) => requestId === "until now")!.to)).toBeLessThanOrEqual(Date.now());
  await signal("cancelRange", '"until now"');
  await signal("resume", "anything", "--input-meta", "encoding=strange");
  await expect.poll(async () => (await backfillRanges(job.services, pipelineName(job))).map(({ state }) => state), { timeout: 60_000 }).toEqual(["cancelled", "done", "done"]);
  await job.temporal.client.workflow.getHandle(`backfill/${pipelineName(job)}`).result();
}, 180_000);
