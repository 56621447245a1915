import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import path from "node:path";
import { sql } from "kysely";
import type { LookupCondition } from "../src/qeasy/lookup.ts";
import { ORDERS } from "../src/simulator/jushuitan/order-row.ts";
import { startPostgres } from "../src/store/embedded.ts";
import { classifySlice } from "../src/store/classify.ts";
import { commitSlice, startStream } from "../src/store/commit.ts";
import { migrate, openStore } from "../src/store/db.ts";
import { acquireLease } from "../src/store/leases.ts";
import { lookupInStore } from "../src/store/lookup.ts";
import { stagePage } from "../src/store/pages.ts";
import { insertSlice } from "../src/store/slices.ts";
import { ensureStream } from "../src/store/streams.ts";
import { testConfig } from "../test/support/pipeline.ts";

/** What kept rows cost (`source.keepRows`): bytes an order, time of a commit with and without them, time of a lookup: `npx tsx bench/kept.ts`. */
const SLICE = 10_000;
const SLICES = 10;
const PAGE = 100;

const dir = mkdtempSync(path.join(tmpdir(), "tidemark-bench-"));
const postgres = await startPostgres({ dir, port: 0 });
const store = openStore(postgres.url);
await migrate(store);
const config = testConfig();
const pipeline = config.pipelines["orders"]!;
const stream = await ensureStream(store, pipeline, config.accounts["main"]!);
await startStream(store.db, stream.id, { startedAt: Date.now(), firstVersion: "1", windowsFrom: null, provenAt: null });
const lease = await acquireLease(store, stream.id, "forward", "bench", 3_600_000);
const token = lease.held ? lease.token : "";

const rowOf = (index: number) => {
  const raw = ORDERS.render({ seed: 7, index, order: index, changes: index % 4, created: 1_767_225_600, modified: 1_767_225_700, ts: String(index + 1), oddities: true });
  const id = String(880_001 + index);
  return { id, sourceId: id, targetId: id, version: String(index + 1), modifiedMs: 1_767_225_700_000, shopId: null, hash: null, raw };
};

let rawBytes = 0;
for (const keep of [false, true]) {
  let ms = 0;
  for (let n = 0; n < SLICES; n++) {
    const slice = await store.transaction((tx) => insertSlice(tx, { streamId: stream.id, lane: "forward", purpose: "sweep", token, source: pipeline.source, bounds: { kind: "window", fromAt: 0, toAt: 1_000 } }));
    for (let seq = 1; seq <= SLICE / PAGE; seq++) {
      const rows = Array.from({ length: PAGE }, (_, i) => rowOf(n * SLICE + (seq - 1) * PAGE + i));
      if (keep) rawBytes += rows.reduce((sum, { raw }) => sum + Buffer.byteLength(raw), 0);
      await stagePage(store.db, slice, { pass: 1, seq, pageNo: seq, fromVersion: null, lastVersion: null, total: null, rows, requests: 1, readNo: String(seq), reachedEnd: true, isLast: true });
    }
    await sql`update slice set state = 'extracted' where id = ${slice.id}`.execute(store.db);
    await classifySlice(store, slice, 1, false);
    await sql`update item set outcome = 'superseded' where slice_id = ${slice.id}`.execute(store.db);
    const began = performance.now();
    await commitSlice(store, slice, 0, keep);
    ms += performance.now() - began;
  }
  say(`commit, rows ${keep ? "kept" : "dropped"}`, `${((ms * 1_000) / (SLICE * SLICES)).toFixed(0)} µs an order`);
}
const { rows: [size] } = await sql<Record<string, number>>`
  select pg_table_size('kept')::float8 as rows, pg_relation_size('kept_search')::float8 as search, pg_indexes_size('kept')::float8 as indexes,
    (select pg_column_compression(raw) from kept limit 1) as compression from kept limit 1
`.execute(store.db);
for (const [what, bytes] of Object.entries({ raw: rawBytes, ...size })) say(what, typeof bytes === "number" ? `${Math.round(bytes / (SLICE * SLICES))} bytes an order` : String(bytes));

const lookup = lookupInStore(store.db, () => "orders");
const known = JSON.parse(rowOf(77_777).raw) as Record<string, string>;
const conditions: Record<string, LookupCondition[]> = {
  "by the id": [{ field: "o_id", operator: "eq", value: "957778" }],
  "by another field of its own": [{ field: "so_id", operator: "eq", value: known["so_id"]! }],
  "by a field that many share": [{ field: "shop_id", operator: "eq", value: known["shop_id"]! }],
  "by two fields that many share": [{ field: "shop_id", operator: "eq", value: known["shop_id"]! }, { field: "status", operator: "eq", value: known["status"]! }],
  "that nothing matches": [{ field: "so_id", operator: "eq", value: "none" }],
  "by a field of a list, that nothing matches": [{ field: "items.0.sku_id", operator: "eq", value: "none" }],
};
for (const [what, where] of Object.entries(conditions)) {
  const times: number[] = [];
  for (let i = 0; i < 7; i++) {
    const began = performance.now();
    await lookup({ strategy: "s", field: "o_id", where });
    times.push(performance.now() - began);
  }
  say(`lookup ${what}`, `${times.toSorted((a, b) => a - b)[3]!.toFixed(1)} ms`);
}
await store.close();
await postgres.stop();
rmSync(dir, { recursive: true, force: true });

function say(what: string, value: string): void {
  process.stdout.write(`${what.padEnd(52)} ${value}\n`);
}
