import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { auditRange } from "../../src/store/audit-report.ts";
import { type Bench, startBench } from "../support/pipeline.ts";

const DAY_MS = 86_400_000;
let bench: Bench;
beforeEach(async () => {
  bench = await startBench({ source: { from: Date.now() - 30 * DAY_MS } });
});
afterEach(() => bench.store.close());

/** How many days before its end an audit begins. */
async function days(asked: { from?: string; to?: string; lastMs?: number }): Promise<number> {
  const { from, to } = await auditRange(bench.store.db, bench.stream.id, bench.pipeline.source, asked);
  return Math.round((to - from) / DAY_MS * 100) / 100;
}

const audited = (endedDaysAgo: number, state: string) => sql`
  insert into audit (stream_id, request_id, from_at, to_at, by_ids, repair, state)
  values (${bench.stream.id}, gen_random_uuid()::text, now() - interval '40 days', now() - ${endedDaysAgo} * interval '1 day', false, true, ${state})
`.execute(bench.store.db);

test("an audit looks at all closed time, at what was asked for, or so far back; never before the pipeline's first time", async () => {
  expect(await days({})).toBe(30);
  expect(await days({ from: new Date(Date.now() - 5 * DAY_MS).toISOString() })).toBe(5);
  expect(await days({ lastMs: 3 * DAY_MS })).toBe(3);
  expect(await days({ lastMs: 90 * DAY_MS })).toBe(30);
});

test("what lies between the last audit's end and so far back is looked at too", async () => {
  await audited(9, "done");
  expect(await days({ lastMs: 3 * DAY_MS })).toBe(9);
  await audited(1, "left");
  expect(await days({ lastMs: 3 * DAY_MS })).toBe(9);
  await audited(1, "done");
  expect(await days({ lastMs: 3 * DAY_MS })).toBe(3);
});

test("where nothing was loaded of all that there is, an audit that names no time has the last second; one that does is refused", async () => {
  const source = { ...bench.pipeline.source, from: "all" as const };
  const { from, to } = await auditRange(bench.store.db, bench.stream.id, source, {});
  expect(to - from).toBe(1_000);
  await expect(auditRange(bench.store.db, bench.stream.id, source, { from: new Date(Date.now() + DAY_MS).toISOString() })).rejects.toMatchObject({ code: "TM_AUDIT_EMPTY" });
});
