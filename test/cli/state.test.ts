import path from "node:path";
import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { loadConfig } from "../../src/config/load.ts";
import { startStream } from "../../src/store/commit.ts";
import { openStore, type Store } from "../../src/store/db.ts";
import { ensureStream } from "../../src/store/streams.ts";
import { migratedDatabase, TEST_KEY } from "../support/pipeline.ts";
import { folderWith, jsonOf, runCli } from "./cli.ts";

const CONFIG = `
accounts: { main: { platform: jushuitan, kind: self, appKey: k, appSecret: s } }
pipelines:
  orders: { source: { account: main, api: /open/orders/single/query, from: all }, target: { use: qeasy, baseUrl: "http://127.0.0.1:9" } }
`;

let store: Store;
let cli: (args: string, stdin?: string) => ReturnType<typeof runCli>;

beforeEach(async () => {
  const cwd = folderWith({ "tidemark.config.yaml": CONFIG });
  const url = await migratedDatabase();
  store = openStore(url);
  const { pipelines, accounts } = await loadConfig({ needs: "none", file: path.join(cwd, "tidemark.config.yaml") });
  const { id } = await ensureStream(store, pipelines["orders"]!, accounts["main"]!);
  await startStream(store.db, id, { startedAt: 1_767_225_600_000, firstVersion: "1", windowsFrom: null, provenAt: null });
  await sql`update stream set checkpoint_version = 20260101000000455, checkpoint_modified = 1767225600000`.execute(store.db);
  await sql`insert into record (stream_id, id, source_id, held, version, modified) select ${id}, n, n, 'loaded', 20260101000000155 + n, 1767225600000 + n from generate_series(1, 300) n`.execute(store.db);
  const env = { DATABASE_URL: url, TIDEMARK_KEY: TEST_KEY.toString("base64") };
  cli = (args, stdin) => runCli(["state", "orders", ...args.split(" ")], { cwd, env, ...(stdin === undefined ? {} : { stdin }) });
});
afterEach(() => store.close());

test("what get prints can be set: it changes nothing, tells what an edit does, and wants a yes", async () => {
  const [programs, people, exported] = await Promise.all([cli("get --json"), cli("get"), cli("export")]);
  expect(jsonOf(programs)).toMatchObject({ kind: "tidemark.state", schema: 1, pipeline: "orders", cursor: "version", checkpoint: { version: "20260101000000455", at: null }, gaps: [] });
  expect(JSON.parse(exported.stdout)).toEqual(jsonOf(programs));
  expect(people.stdout).toMatch(/checkpoint +20260101000000455, modified 2026-01-01T00:00:00/);
  expect(jsonOf(await cli("set - --json", programs.stdout))).toMatchObject({ changed: false });

  const back = programs.stdout.replace('"version":"20260101000000455"', '"version":"20260101000000255"');
  const asked = await cli("set - --json", back);
  expect([asked.code, jsonOf(asked)]).toMatchObject([2, { error: { code: "TM_STATE_CONFIRM" } }]);
  expect(asked.stderr).toContain("goes back from 20260101000000455 to 20260101000000255. Read again: 200 records");
  expect(jsonOf(await cli("set - --yes --json", back))).toMatchObject({ changed: true, checkpoint: { direction: "back", records: 200 }, gaps: [] });
  expect(jsonOf(await cli("set - --yes --json", back))).toMatchObject({ error: { code: "TM_STATE_MOVED" } });
}, 120_000);

test("unread time is skipped with a reason only, which stays to be seen", async () => {
  await cli("set --checkpoint 20260101000000255 --yes");
  const refused = await cli("set --checkpoint 20260101000000455 --yes --json");
  expect([refused.code, jsonOf(refused)]).toMatchObject([1, { error: { code: "TM_STATE_GAP", path: "checkpoint" } }]);
  const done = await cli("set --checkpoint 20260101000000455 --accept-gap --because trial --yes");
  expect([done.code, done.stdout]).toEqual([0, "Done. The next run goes on from there.\n"]);
  expect(done.stderr).toMatch(/Skipped, and shown as a gap[^]*everything modified from 20\S+Z to 20\S+Z/);
  const gap = async () => /accepted gaps.*/.exec((await cli("get")).stdout)?.[0];
  expect((await cli("get")).stdout).toContain("trial");
  expect(await gap()).toMatch(/1; unread still/);
  // An audit that came later found all of it.
  await sql`with made as (
      insert into audit (stream_id, request_id, state, by_ids, repair, from_at, to_at, started_at, ended_at)
      select stream_id, 'r', 'done', true, false, from_at, to_at, to_at + interval '2 days', to_at + interval '2 days' from gap returning id, from_at, to_at)
    insert into audit_window (audit_id, from_at, to_at, state, verified_at) select id, from_at, to_at + interval '1 second', 'ids', to_at from made`.execute(store.db);
  expect(await gap()).toMatch(/1, all read or verified since/);
  expect((await cli("get")).stdout).not.toContain("trial");
}, 120_000);

test("an export is taken in by a pipeline that has not begun, once", async () => {
  const { stdout } = await cli("export");
  expect(jsonOf(await cli("import - --json", stdout))).toMatchObject({ error: { code: "TM_STATE_STARTED" } });
  await sql`update stream set active = false`.execute(store.db);
  expect(jsonOf(await cli("get --json"))).toMatchObject({ error: { code: "TM_NOT_LOADED" } });
  expect(jsonOf(await cli("import - --json", stdout))).toMatchObject({ pipeline: "orders", checkpoint: { version: "20260101000000455" } });
  expect((await cli("export")).stdout).toBe(stdout);
}, 120_000);

test("what is no version and no time is told as what it is, with its place", async () => {
  const long = await cli(`set --checkpoint ${"1".repeat(21)} --json`);
  expect([long.code, jsonOf(long)]).toMatchObject([2, { error: { code: "TM_USAGE", path: "--checkpoint", message: expect.stringMatching(/21 digits.*at most 20/) as string } }]);
  const future = await cli("set --checkpoint 2099-01-01 --yes --json");
  expect([future.code, jsonOf(future)]).toMatchObject([1, { error: { code: "TM_STATE_BOUNDS", path: "--checkpoint" } }]);
  await sql`insert into lease (stream_id, lane, owner, token, started_at, until) select id, 'forward', 'a run', 1, clock_timestamp(), clock_timestamp() + interval '1 hour' from stream`.execute(store.db);
  expect((await cli("set --checkpoint 20260101000000255 --yes")).stderr).toMatch(/TM_STATE_BUSY[^]*\n  at   pipelines\.orders\n/);
  const document = (await cli("export")).stdout.replace('"version": "20260101000000455"', `"version": "${"1".repeat(21)}"`);
  expect((await cli("set -", document)).stderr).toMatch(/checkpoint\.version: a version is 1 to 20 digits/);
}, 120_000);
