import { readFileSync, writeFileSync } from "node:fs";
import { type AddressInfo, createServer } from "node:net";
import path from "node:path";
import { sql } from "kysely";
import { beforeAll, expect, test } from "vitest";
import { openStore } from "../../src/store/db.ts";
import { end, jsonOf, runCli, startCli } from "./cli.ts";
import { real } from "./real.ts";

const { children, cli } = real;
let folder: string;
let env: Record<string, string>;
let name: string;
beforeAll(() => ({ folder, env, name } = real));

const COUNTS = { read: expect.any(Number), duplicate: expect.any(Number), unchanged: expect.any(Number), superseded: expect.any(Number), quarantined: expect.any(Number), filtered: expect.any(Number), loaded: expect.any(Number) };

test("deploy makes the schedules, and a second time changes nothing", async () => {
  const [first, second] = [await cli("deploy"), await cli("deploy")];
  expect([first.code, second.code]).toEqual([0, 0]);
  expect(jsonOf(first)).toMatchObject({ pipelines: [{ name, change: "new" }], schedules: expect.arrayContaining([expect.objectContaining({ id: `sync/${name}`, change: "created" })]) });
  expect((jsonOf(second) as { schedules: { change: string }[] }).schedules.every(({ change }) => change === "unchanged")).toBe(true);
});

test("sync --wait without a worker fails by itself, instead of waiting for one", async () => {
  const ended = await cli("sync", name, "--wait");
  expect(ended.code).toBe(1);
  expect((jsonOf(ended) as { error: object }).error).toMatchObject({ code: "TM_NO_WORKER", fix: expect.stringContaining("tidemark worker") });
  expect(ended.ms).toBeLessThan(30_000); // 8 s on a quiet machine
});

test("quarantine lists nothing, and tells what is missing in a command", async () => {
  expect(jsonOf(await cli("quarantine", "list", name))).toEqual({ entries: [], total: 0 });
  const wrong = await Promise.all([cli("quarantine", "show", "17"), cli("quarantine", "replay", name), cli("quarantine", "discard", name, "--all", "--because", " ")]);
  expect(wrong.map(({ code }) => code)).toEqual([2, 2, 2]);
  expect(wrong.map((ended) => (jsonOf(ended) as { error: { code: string } }).error.code)).toEqual(["TM_ENTRY_UNKNOWN", "TM_USAGE", "TM_USAGE"]);
  for (const change of [["replay", name], ["discard", name, "--because", "trial"]]) {
    const ended = await cli("quarantine", ...change, "--id", "nope");
    expect([ended.code, (jsonOf(ended) as { error: object }).error]).toMatchObject([2, { code: "TM_ENTRY_UNKNOWN", message: expect.stringContaining('"nope"') as string }]);
  }
  expect(jsonOf(await cli("quarantine", "discard", name, "--all", "--because", "trial"))).toEqual({ pipeline: name, discarded: 0 });
});

test("an audit from a time to come is a wrong use, named as such", async () => {
  const ended = await cli("audit", name, "--from", "2999-01-01");
  expect([ended.code, (jsonOf(ended) as { error: object }).error]).toMatchObject([2, { code: "TM_DATE", path: "--from", message: expect.stringContaining("2999-01-01") as string }]);
});

test("status tells the address that was tried when Temporal does not answer", async () => {
  const ended = await runCli(["status", "--json"], { cwd: folder, env: { ...env, TEMPORAL_ADDRESS: "127.0.0.1:9", TEMPORAL_NAMESPACE: "somewhere" } });
  expect([ended.code, jsonOf(ended)]).toMatchObject([0, { temporal: { ok: false, address: "127.0.0.1:9", namespace: "somewhere" } }]);
}, 60_000);

test("Ctrl-C while a command is still connecting, or waits, ends it with 130", async () => {
  // Takes connections and says nothing.
  const silent = createServer(() => undefined);
  await new Promise<void>((resolve) => silent.listen(0, "127.0.0.1", resolve));
  const connected = new Promise<void>((resolve) => silent.once("connection", () => resolve()));
  const child = startCli(["sync", name, "--wait"], { cwd: folder, env: { ...env, DATABASE_URL: `postgres://x@127.0.0.1:${(silent.address() as AddressInfo).port}/x` } });
  await connected;
  expect((await end(child, "SIGINT")).code).toBe(130);
  silent.close();
}, 30_000);

test("check finds everything in order", async () => {
  const ended = await cli("check");
  expect(jsonOf(ended)).toMatchObject({ ok: true, checks: expect.arrayContaining([expect.objectContaining({ what: `target of ${name}`, ok: true })]) });
  expect(ended.code).toBe(0);
  expect(ended.ms).toBeLessThan(30_000); // its time limits do not hold the process
});

test("check names an unset variable and still looks at the rest", async () => {
  const ended = await runCli(["check", "--json"], { cwd: folder, env: { ...env, QEASY_BASE_URL: "" } });
  expect(ended.code).toBe(1);
  const { checks } = jsonOf(ended) as { checks: { what: string; ok: boolean; detail: string }[] };
  expect(checks.filter(({ ok }) => !ok)).toMatchObject([{ what: "config", detail: expect.stringContaining("QEASY_BASE_URL") }]);
  expect(checks).toContainEqual(expect.objectContaining({ what: "temporal", ok: true }));
});

test("preview prints records byte for byte, as a table for people", async () => {
  const [programs, people] = await Promise.all([cli("preview", name), runCli(["preview", name], { cwd: folder, env })]);
  expect([programs.code, people.code]).toEqual([0, 0]);
  const { records } = jsonOf(programs) as { records: { id: string; version: string; record: { id: string; o_id: unknown } }[] };
  expect(records.length).toBeGreaterThan(0);
  for (const { id, version, record } of records) {
    expect(record.id).toBe(id);
    expect(programs.stdout).toMatch(new RegExp(`"ts":"?${version}\\b`)); // beyond 2^53: a parsed number would be another one
  }
  expect(people.stdout).toMatch(/^id .*\bo_id\b/m);
  expect(people.stdout).toContain(records[0]!.id);
});

test("preview shows what is left out, and each document of an exploded record", async () => {
  const config = readFileSync(path.join(folder, "tidemark.config.ts"), "utf8");
  const written = (mapping: string) => writeFileSync(path.join(folder, "other.config.ts"), config.replace("    schedule:", `    mapping: ${mapping},\n    schedule:`));
  const shown = async () => Promise.all([cli("preview", name, "--config", "other.config.ts"), runCli(["preview", name, "--config", "other.config.ts"], { cwd: folder, env })]);
  written('{ explode: "items" }');
  const [programs, people] = await shown();
  const { records } = jsonOf(programs) as { records: { id: string; filtered: boolean; record: { id: string } | null; documents?: { id: string }[]; source: { items: unknown } }[] };
  for (const { id, filtered, record, documents, source } of records) {
    const made = documents ?? (record === null ? [] : [record]);
    const count = Array.isArray(source.items) ? source.items.length : 0;
    expect([made.map((document) => document.id), filtered]).toEqual([Array.from({ length: count }, (_, i) => `${id}-${i + 1}`), count === 0]);
  }
  const first = records.find(({ filtered }) => !filtered)!;
  expect(people.stdout).toContain(`${first.id}-1\n`);
  written('{ filter: "false" }');
  const [none, told] = await shown();
  expect(jsonOf(none)).toMatchObject({ records: records.map(({ id }) => ({ id, filtered: true, record: null, problem: null })) });
  expect(told.stdout).toContain(`${records.length} of ${records.length} records: filtered out`);
});

test("worker, sync, backfill and status do the job and tell it in their documented shapes", async () => {
  const worker = startCli(["worker"], { cwd: folder, env });
  children.push(worker);
  const ready = new Promise<void>((resolve) => worker.stderr!.on("data", (text) => String(text).includes("worker polls") && resolve()));
  await ready;

  const sync = await cli("sync", name, "--wait");
  expect(sync.code).toBe(0);
  expect(jsonOf(sync)).toMatchObject({
    pipeline: name, workflowId: expect.stringContaining(`sync/${name}`), runId: expect.any(String), status: "completed", counts: { ...COUNTS, loaded: 150 }, documents: 150,
    requests: expect.any(Number), slices: expect.any(Number), from: expect.any(String), to: expect.any(String), checkpoint: expect.stringMatching(/^\d{17}$/), seconds: expect.any(Number),
  });

  expect(jsonOf(sync)).toMatchObject({ otherConfig: null });
  writeFileSync(path.join(folder, "other.ts"), readFileSync(path.join(folder, "tidemark.config.ts"), "utf8").replace('settle: "1s"', 'settle: "2s"'));
  for (const command of [["sync", name], ["audit", name, "--wait"]]) {
    const other = await cli(...command, "--config", "other.ts");
    expect(jsonOf(other)).toMatchObject({ otherConfig: { workers: 1, of: 1, parts: ["source"] } });
    expect(other.stderr).toContain(`another config of ${name} (source)`);
  }

  const day = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString();
  const backfill = await cli("backfill", name, "--from", day(-4), "--to", day(0), "--wait");
  expect(backfill.code).toBe(0);
  const report = jsonOf(backfill) as { counts: { read: number; unchanged: number } };
  expect(report).toMatchObject({ pipeline: name, workflowId: `backfill/${name}`, status: "completed", counts: { ...COUNTS, loaded: 0 }, documents: 0, from: expect.stringMatching(/:\d\dZ$/), to: expect.stringMatching(/:\d\dZ$/) });
  expect(report.counts.unchanged).toBeGreaterThan(0);

  expect(jsonOf(await cli("backfill", "list", name))).toMatchObject({ pipeline: name, running: false, progress: null, ranges: [{ state: "done" }], remaps: [] });
  expect((jsonOf(await cli("remap", name, "--cancel")) as { error: object }).error).toMatchObject({ code: "TM_REMAP_NONE" });
  expect((jsonOf(await cli("backfill", "pause", name)) as { error: object }).error).toMatchObject({ code: "TM_BACKFILL_NONE" });
  expect((await cli("status", "--fresh")).code).toBe(0);

  const audit = await cli("audit", name, "--wait");
  expect(jsonOf(audit)).toMatchObject({
    pipeline: name, workflowId: `audit/${name}`, status: "completed", verdict: "complete", requests: expect.any(Number), quarantined: 0,
    windows: expect.arrayContaining([{ from: expect.stringMatching(/Z$/), to: expect.stringMatching(/Z$/), source: expect.any(Number), index: expect.any(Number), missing: 0, stale: 0, extra: 0, repaired: 0, method: "count", state: "count" }]),
  });
  expect(audit.code).toBe(0);
  expect(audit.stderr).toMatch(/: 1 window\. 4 requests for the counts/);
  const coverage = await cli("coverage", name);
  expect(coverage.code).toBe(0);
  const covered = jsonOf(coverage) as { days: { date: string; state: string }[] };
  expect(covered.days.length).toBeGreaterThan(1);
  for (const day of covered.days) expect(day).toEqual({ date: expect.stringMatching(/^\d{4}-\d\d-\d\d$/), state: expect.stringMatching(/^(count|loaded)$/) });

  const status = await cli("status");
  expect(jsonOf(status)).toMatchObject({
    temporal: { ok: true }, store: { ok: true, from: "DATABASE_URL" },
    pipelines: [{ name, cursor: "version", checkpoint: expect.stringMatching(/^\d{17}$/), newestCommitAt: expect.stringMatching(/Z$/), ageMs: expect.any(Number), limitMs: expect.any(Number), quarantined: 0, doubtful: 0, running: expect.any(Boolean), backfills: [expect.objectContaining({ state: "done" })] }],
  });
  // One pipeline, and its kept rows.
  const store = openStore(env["DATABASE_URL"]!, { connections: 1 });
  await sql`insert into kept (stream_id, source_id, id, read_no, raw) select id, '1', '1', 1, '{}' from stream where pipeline = ${name} and active`.execute(store.db);
  await store.close();
  expect(jsonOf(await cli("status", name))).toMatchObject({ pipelines: [{ name, keepRows: "none", kept: { rows: 1, since: expect.stringMatching(/Z$/), bytes: expect.any(Number), goneBy: expect.stringMatching(/Z$/) } }], left: [] });
  const people = await runCli(["status"], { cwd: folder, env });
  expect(people.stdout).toMatch(/rows kept of[^]*keepRows is "none"/);
  expect(people.stdout).toContain(name);

  expect(jsonOf(await cli("sync", name))).toMatchObject({ pipeline: name, status: "started", runId: expect.any(String) });
  expect((await end(worker)).code).toBe(0);
}, 180_000);

test("status --fresh tells by its exit code whether a pipeline is late, and asks the source nothing", async () => {
  const asked = async () => ((await (await fetch(`${env["JST_BASE_URL"]}/_admin/state`)).json()) as { requests: { total: number } }).requests.total;
  const strict = readFileSync(path.join(folder, "tidemark.config.ts"), "utf8").replace("schedule:", 'freshness: "1s", schedule:');
  writeFileSync(path.join(folder, "strict.ts"), strict);
  const requests = await asked();
  const late = await cli("status", "--fresh", "--config", "strict.ts");
  expect([late.code, jsonOf(late)]).toMatchObject([1, { pipelines: [{ late: true }] }]);
  expect((await cli("status", "--fresh")).code).toBe(0);
  expect(await asked()).toBe(requests);
});
