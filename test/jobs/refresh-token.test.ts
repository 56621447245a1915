import { createHash } from "node:crypto";
import { stripVTControlCharacters } from "node:util";
import { sql } from "kysely";
import { afterEach, expect, test } from "vitest";
import { runText } from "../../src/cli/commands/run-text.ts";
import { validateConfig } from "../../src/config/validate.ts";
import { TargetError } from "../../src/errors.ts";
import { replayQuarantine } from "../../src/ops/quarantine.ts";
import { runBackfill } from "../../src/ops/run.ts";
import { pipelineStatus } from "../../src/ops/status.ts";
import type { JushuitanOptions } from "../../src/simulator/jushuitan/server.ts";
import { readToken } from "../../src/store/tokens.ts";
import { openingTokens, sealToken } from "../../src/sync/sealed-token.ts";
import { createTarget } from "../../src/target/open.ts";
import { textsOf } from "../support/leaks.ts";
import { type Job, type JobOptions, pipelineName, startJob } from "../support/job.ts";

let job: Job;
afterEach(() => job.stop());

const TOKEN = "demo-bearer-token-0001";

/** The pair of strategies that Tidemark was founded on, as they stand in Qeasy. */
const SOURCE = { api: "refresh.token", method: "POST", number: "msg", id: "msg", pagination: { pageSize: 50 }, idCheck: true };
const TARGET = { api: "写入空操作", method: "POST", idCheck: true };

async function startPair(jushuitan: JushuitanOptions = {}, number = SOURCE.number, worker: Pick<JobOptions, "worker"> = {}): Promise<void> {
  job = await startJob({ ...worker, jushuitan, target: { headers: { Authorization: "Bearer target-secret" } } });
  const name = pipelineName(job);
  const config = validateConfig({
    accounts: { main: { platform: "jushuitan", kind: "bearer", baseUrl: job.source.url, token: TOKEN, limits: { perSecond: 1_000, perMinute: 60_000 } } },
    pipelines: {
      [name]: {
        source: { account: "main", api: SOURCE.api, number, pageSize: SOURCE.pagination.pageSize },
        mapping: { id: SOURCE.id },
        target: { use: "qeasy", baseUrl: job.target.url, api: TARGET.api, idCheck: TARGET.idCheck, timeout: "2s", lease: "4s" },
      },
    },
  }, { file: job.config.file, home: job.config.home, env: {} });
  job.config.accounts = config.accounts;
  job.config.pipelines = config.pipelines;
}

const held = async (id: string) => (await (await fetch(`${job.target.url}/_admin/record?id=${id}`)).json()) as Record<string, unknown>;
const current = async () => (await readToken(job.store.db, job.services.key, "main"))!.accessToken;
const counts = { read: 2, duplicate: 0, unchanged: 0, superseded: 0, quarantined: 0, filtered: 0, loaded: 2 };

test("each run exchanges the tokens once and tells the target so: id, time and fingerprint, never a token, and no later one looks like a duplicate", async () => {
  await startPair({ bearerIds: ["12345", "67890"] });
  const runs = [];
  const tokens = [TOKEN];
  for (let run = 0; run < 3; run++) {
    const report = await job.sync();
    runs.push(report);
    expect(report).toMatchObject({ counts, requests: 1, slices: 1 });
    expect(stripVTControlCharacters(runText(report, "call", false))).toMatch(/called at +\d{4}-\d\d-\d\dT[\d:]+Z\n/);
    tokens.push(await current());
    expect(await held("12345")).toEqual({
      id: "12345", time: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string, renewed: true, fingerprint: createHash("sha256").update(await current()).digest("hex"),
    });
  }
  expect(new Set(tokens).size).toBe(4);
  const state = (await (await fetch(`${job.source.url}/_admin/state`)).json()) as { bearer: { refreshed: number } };
  expect(state.bearer.refreshed).toBe(3);
  const status = await pipelineStatus(job.store, job.config, pipelineName(job));
  expect(status).toMatchObject({ cursor: "call", initialLoad: { complete: true }, settled: true, loaded: 2, quarantined: 0 });
  expect(Date.parse(status.checkpoint!)).toBeGreaterThan(Date.now() - 60_000);
  const histories = await Promise.all(runs.map(({ workflowId, runId }) => job.temporal.client.workflow.getHandle(workflowId, runId).fetchHistory()));
  const seen = [...histories.flatMap(({ events }) => textsOf(events)), await (await fetch(`${job.target.url}/_admin/records`)).text(), await (await fetch(`${job.target.url}/_admin/state`)).text()].join("\n");
  expect(seen).toContain("12345");
  for (const token of tokens) expect(seen).not.toContain(token);
}, 60_000);

test("a text without a new token is a record too", async () => {
  await startPair({ bearerMsg: "text" });
  expect((await job.sync()).counts).toMatchObject({ read: 1, loaded: 1 });
  const same = { renewed: false, fingerprint: createHash("sha256").update(TOKEN).digest("hex") };
  expect(await held("main")).toMatchObject({ id: "main", ...same });
  expect(await current()).toBe(TOKEN);
  await job.configureSource({ bearerMsg: "list" });
  await job.sync();
  const renewed = await held("12345");
  await job.configureSource({ bearerMsg: "text" });
  await job.sync();
  expect(await held("12345")).toMatchObject({ id: "12345", renewed: false, fingerprint: (renewed as { fingerprint: string }).fingerprint });
}, 60_000);

test("a display code goes along; a count that differs from the rows fails the run, and what was answered is kept and sent", async () => {
  await startPair({ bearerIds: ["12345", "67890"], bearerExtra: { total: 3 } }, "shop_name");
  await job.sync();
  expect(await held("67890")).toMatchObject({ id: "67890", shop_name: "店铺2" });
  job.config.pipelines[pipelineName(job)]!.source.number = "total";
  const before = await current();
  await expect(job.sync()).rejects.toMatchObject({ code: "TM_CALL_COUNT" });
  const after = await current();
  expect(after).not.toBe(before);
  await job.configureSource({ bearerExtra: { total: "2" } });
  expect(await job.sync()).toMatchObject({ counts: { read: 4, loaded: 4 }, slices: 2, requests: 2 });
}, 60_000);

test("a run that ended between the call and its end is gone on with: its records are sent, and the call is not made again for them", async () => {
  await startPair();
  await job.configureTarget({ status: 401 });
  await expect(job.sync()).rejects.toMatchObject({ code: "TM_TARGET_CONFIG" });
  const token = await current();
  await job.configureTarget({ status: null });
  expect(await job.sync()).toMatchObject({ counts: { read: 2, loaded: 2 }, slices: 2 });
  expect(await current()).not.toBe(token);
  const { rows } = await sql<{ refreshes: number }>`select refreshes from account_token`.execute(job.store.db);
  expect(rows).toEqual([{ refreshes: 2 }]);
}, 60_000);

test("a mapping that names the token has it sent, and nothing else ever holds it", async () => {
  await startPair({ bearerIds: ["12345"] });
  const { target, mapping } = job.config.pipelines[pipelineName(job)]!;
  mapping.record = { fields: { "auth.key": { from: "token" } } };
  await job.configureTarget({ refuseIds: ["12345"] });
  const run = await job.sync();
  expect(run.counts).toMatchObject({ read: 1, quarantined: 1 });
  const { rows } = await sql<{ dump: string }>`select concat(q, (select jsonb_agg(p) from page p), (select jsonb_agg(b) from batch b)) as dump from quarantine q`.execute(job.store.db);
  expect(rows[0]!.dump).toContain("tidemark-sealed:");
  const { events } = await job.temporal.client.workflow.getHandle(run.workflowId, run.runId).fetchHistory();
  for (const text of [rows[0]!.dump, textsOf(events).join()]) expect(text).not.toContain(await current());
  const refused = await current();
  await job.configureTarget({ refuseIds: [] });
  await replayQuarantine(job.services, job.temporal, pipelineName(job), {}, { wait: true, signal: AbortSignal.timeout(60_000) });
  expect(await held("12345")).toMatchObject({ id: "12345", auth: { key: refused } });
  const echo = openingTokens({ ...createTarget(target), send: ([record]) => Promise.reject(new TargetError("refused", "TM_TARGET_REFUSED", `no ${record!.json}`, { details: { received: record!.json } })) }, job.services.key);
  const told = await echo.send([{ id: "1", recordId: "1", sourceId: "1", version: "1", slice: "1", json: `{"key":"${sealToken(job.services.key, "a token")}"}` }], "k", { signal: AbortSignal.timeout(1_000), beforeWrite: () => undefined }).catch((error: TargetError) => error);
  expect(told).toMatchObject({ kind: "refused", message: 'no {"key":"***"}', details: { received: '{"key":"***"}' } });
}, 60_000);

test("there is no past to read again", async () => {
  await startPair({}, SOURCE.number, { worker: "none" });
  const asked = runBackfill(job.services, job.temporal, pipelineName(job), { from: 0, to: 1_000 }, { wait: false, signal: AbortSignal.timeout(10_000) });
  await expect(asked).rejects.toMatchObject({ code: "TM_CALL", fix: expect.stringContaining("tidemark sync") as string });
}, 60_000);
