import { sql } from "kysely";
import { afterEach, beforeEach, expect, test } from "vitest";
import { lookupInRows, type LookupCondition } from "../../src/qeasy/lookup.ts";
import { readJson, textOf, type Value } from "../../src/qeasy/value.ts";
import { lookupInStore } from "../../src/store/lookup.ts";
import { type Bench, startBench } from "../support/pipeline.ts";

let bench: Bench;
beforeEach(async () => {
  bench = await startBench();
});
afterEach(() => bench.store.close());

const ROWS = [
  '{"o_id":1,"so_id":"A-1","amount":206.00,"big":20260101000000455,"shop":{"name":"杭州"},"items":[{"sku":"x"},{"sku":"y"}],"flag":true}',
  '{"o_id":2,"so_id":" A-1\\u3000","amount":206,"big":20260101000000456,"shop.name":"杭州","flag":"true","note":"\\u0000"}',
  '{"o_id":3,"so_id":"A\\u002d1","amount":1e3,"shop":{"name":"广州"},"items":[ "x" , "y" ],"note":""}',
  '{"o_id":4,"so_id":"\\ud83d\\ude00","amount":"1000","items":["x","y"],"so_id":"A-1","note":"  "}',
  '{"o_id":5,"so_id":"😀","amount":-0.0,"note":null,"shop":[{"name":"广州"}]}',
  '{"o_id":6,"so_id":"\\ud83d","amount":10,"constructor":"A-1","note":"' + " ".repeat(250) + 'A-1"}',
  `{"o_id":7,"so_id":"${"x".repeat(300)}","amount":9,"x":"A-1"}`,
];

/** Rows as they are kept, the oldest first; ids that sort otherwise. */
async function keep(rows: readonly string[]): Promise<void> {
  await sql`
    insert into kept (stream_id, source_id, id, version, read_no, raw)
    select ${bench.stream.id}, source_id, source_id, n, n, raw from unnest(${rows.map((_, i) => String(1_000 - i))}::text[], ${[...rows]}::text[]) with ordinality as r(source_id, raw, n) order by n
  `.execute(bench.store.db);
}

const lookup = () => lookupInStore(bench.store.db, (strategy) => (strategy === "known" ? "orders" : strategy === "idle" ? "never-ran" : undefined));
const texts = (found: Value[] | undefined) => found?.slice(0, 2).map(textOf);

test("finds what the same rows in memory have, whatever the condition", async () => {
  await keep(ROWS);
  const inMemory = lookupInRows(new Map([["known", ROWS.map((raw) => readJson(raw))]]));
  const values: Value[] = [1, "1", "A-1", " A-1 ", "206", "206.00", readJson("206.00"), readJson("20260101000000455"), "1e3", "1000", "杭州", "😀", "\ud83d", "true", true, "x".repeat(300), '["x","y"]', "{", "  ", "-0.0", "\u0000", 10];
  const fields = ["o_id", "so_id", "amount", "big", "shop.name", "items", "items.sku", "flag", "note", "constructor", "x", ""];
  const one: LookupCondition[][] = fields.flatMap((field) => values.flatMap((value) => (["eq", "ne", "gt", "lte"] as const).map((operator) => [{ field, operator, value }])));
  const lists: LookupCondition[][] = fields.flatMap((field) => [[], ["A-1", "nothing"], [10, ""], ["206", "true", 4]].map((value): LookupCondition[] => [{ field, operator: "in", value }]));
  const both: LookupCondition[][] = [[{ field: "so_id", operator: "eq", value: "A-1" }, { field: "amount", operator: "gte", value: 207 }], [{ field: "so_id", operator: "eq", value: "A-1" }, { field: "flag", operator: "eq", value: "true" }]];
  let matched = 0;
  for (const where of [...one, ...lists, ...both]) {
    const query = { strategy: "known", field: "o_id", where };
    const expected = texts(await inMemory(query));
    expect(texts(await lookup()(query)), JSON.stringify(where)).toEqual(expected);
    matched += expected!.length;
  }
  expect(matched).toBeGreaterThan(1_000);
});

test("gives the field of the oldest match first, and null where a match lacks it", async () => {
  await keep(ROWS);
  const where: LookupCondition[] = [{ field: "so_id", operator: "eq", value: "A-1" }];
  expect(texts(await lookup()({ strategy: "known", field: "big", where }))).toEqual(["20260101000000455", "20260101000000456"]);
  expect(await lookup()({ strategy: "known", field: "nothing", where })).toEqual([null, null]);
});

test("goes on behind rows that only seem to match", async () => {
  await keep([...Array.from({ length: 30 }, () => '{"o_id":1,"note":"\\u0000"}'), '{"o_id":31,"so_id":"B"}']);
  expect(texts(await lookup()({ strategy: "known", field: "o_id", where: [{ field: "so_id", operator: "eq", value: "B" }] }))).toEqual(["31"]);
});

test("knows no strategy without a pipeline, nor one whose pipeline never ran; one that keeps nothing has no match", async () => {
  const query = { field: "o_id", where: [{ field: "o_id", operator: "eq" as const, value: 1 }] };
  expect(await lookup()({ ...query, strategy: "other" })).toBeUndefined();
  expect(await lookup()({ ...query, strategy: "idle" })).toBeUndefined();
  expect(await lookup()({ ...query, strategy: "known" })).toBeUndefined();
  await sql`update stream set newest_commit_at = clock_timestamp()`.execute(bench.store.db);
  expect(await lookup()({ ...query, strategy: "known" })).toEqual([]);
});
