import path from "node:path";
import { afterEach, describe, expect, test } from "vitest";
import { loadScript } from "../../src/mapping/load-script.ts";
import { type Mapper, openMapper } from "../../src/mapping/mapper.ts";
import type { MappingConfig } from "../../src/mapping/types.ts";
import { folderWith } from "../config/support.ts";
import { mappingOf } from "./support.ts";

let mapper: Mapper | undefined;
afterEach(() => mapper?.close());

const never = new AbortController().signal;
const load = (text: string, timeoutMs = 60_000, more: Record<string, string> = {}) => loadScript(path.join(folderWith({ "hook.ts": text, ...more }), "hook.ts"), timeoutMs, "pipelines.orders.mapping.script");

async function run(text: string, raws: string[], options: { timeoutMs?: number; mapping?: Omit<MappingConfig, "id">; files?: Record<string, string> } = {}) {
  const script = await load(text, options.timeoutMs, options.files);
  mapper = openMapper({ name: "orders", mapping: { id: "o_id", ...options.mapping, script } })!;
  const rows = await mapper.map(raws.map((raw, i) => ({ id: String(i + 1), raw })), never);
  return rows.map((row) => ("documents" in row && row.documents.length === 1 ? { json: row.documents[0]!.json } : row));
}

describe("a script", () => {
  test("gets the mapped record and the source's, and what it leaves alone keeps its bytes", async () => {
    const text = `import type { Transform } from "tidemark";
      export const transform: Transform = (record, { source, id, pipeline }) => ({ ...record, items: (record.items as object[]).map((item) => ({ ...item, extra: 1 })), seen: [typeof source.amount, source.o_id, id, pipeline] });`;
    const { record } = mappingOf({ fields: { total: "amount" } });
    expect(await run(text, ['{"o_id":1,"amount":206.00,"ts":20260101000000455,"deep":{ "a":1.50,"b":[ 2.0 ]},"items":[{"qty":1.0e3}]}'], { mapping: { record: record! } })).toEqual([
      { json: '{"id":"1","total":206.00,"o_id":1,"ts":20260101000000455,"deep":{"a":1.50,"b":[2.0]},"items":[{"qty":1.0e3,"extra":1}],"seen":["string",1,"1","orders"]}' },
    ]);
  });

  test("may change the record in place, be asynchronous and import from beside it; the id stays", async () => {
    const text = 'import { twice } from "./lib/twice.ts"; import { setTimeout } from "node:timers/promises"; export async function transform(record) { await setTimeout(1); record.n = twice(record.n); record.id = "mine"; delete record.gone; record.big = 2n ** 64n; record.at = new Date(0); return record; }';
    expect(await run(text, ['{"n":2,"gone":1}'], { files: { "lib/twice.ts": "export const twice = (n: number): number => n * 2;" } })).toEqual([{ json: '{"id":"1","n":4,"big":18446744073709551616,"at":"1970-01-01T00:00:00.000Z"}' }]);
  });

  test("that throws, returns nothing or makes no JSON puts that record aside; others go on", async () => {
    const text = `export function transform(record) {
      if (record.n === 1) throw new RangeError("no \\0such shop");
      if (record.n === 2) return undefined;
      if (record.n === 3) return [7];
      if (record.n === 4) return { n: Number.NaN };
      if (record.n === 5) { record.self = record; }
      return record; }`;
    const rows = await run(text, [1, 2, 3, 4, 5, 6].map((n) => `{"n":${n}}`));
    expect(rows.map((row) => ("json" in row ? row.json : "code" in row ? `${row.code} ${row.reason}` : row))).toEqual([
      "TM_MAPPING_SCRIPT hook.ts: RangeError: no such shop",
      "TM_MAPPING_SCRIPT hook.ts: TypeError: transform returned undefined, where a record, a list of records or null is expected",
      "TM_MAPPING_SCRIPT hook.ts: TypeError: transform returned a list whose element 1 has no id: text or a whole number",
      "TM_MAPPING_SCRIPT hook.ts: RangeError: transform returned NaN, which JSON cannot hold",
      expect.stringContaining("TM_MAPPING_SCRIPT hook.ts: RangeError") as string,
      '{"id":"6","n":6}',
    ]);
  });

  test("may leave a record out, or make several of it, each with an id of its own; what they keep has its bytes", async () => {
    const text = `export const transform = (record) => {
      if (record.n === 1) return null;
      if (record.n === 2) return [];
      if (record.n === 3) return [{ ...record, id: "3/a" }, { id: 20260101, amount: record.amount, n: 0 }];
      if (record.n === 4) return [{ ...record, id: "x" }, { id: "x" }];
      if (record.n === 5) return [{ ...record, id: "" }];
      return [{ id: "a\\0b" }];
    };`;
    expect(await run(text, [1, 2, 3, 4, 5, 6].map((n) => `{"n":${n},"amount":206.00}`))).toEqual([
      { documents: [] }, { documents: [] },
      { documents: [{ id: "3/a", json: '{"id":"3/a","n":3,"amount":206.00}' }, { id: "20260101", json: '{"id":"20260101","amount":206.00,"n":0}' }] },
      { code: "TM_DOCUMENT_ID", field: null, reason: 'two documents of the record have the id "x"; one would overwrite the other' },
      { code: "TM_MAPPING_SCRIPT", field: null, reason: "hook.ts: TypeError: transform returned a list whose element 1 has no id: text or a whole number" },
      { code: "TM_DOCUMENT_ID", field: null, reason: "a document's id holds NUL: ab" },
    ]);
  });

  test("gets each document of an exploded record with its id; one that it refuses sets the record aside", async () => {
    const text = `export function transform(record, { id, source }) {
      if (record.items.n === 0) throw new Error("none");
      return record.items.n === 9 ? null : { id: "mine", n: record.items.n, for: id, of: source.items.length };
    }`;
    expect(await run(text, ['{"items":[{"n":1},{"n":9},{"n":2}]}', '{"items":[{"n":1},{"n":0},{"n":2}]}'], { mapping: { explode: { list: "items" } } })).toEqual([
      { documents: [{ id: "1-1", json: '{"id":"1-1","n":1,"for":"1-1","of":3}' }, { id: "1-3", json: '{"id":"1-3","n":2,"for":"1-3","of":3}' }] },
      { code: "TM_MAPPING_SCRIPT", field: null, reason: "hook.ts: Error: none" },
    ]);
  });

  test("that loops for ever or ends its thread puts that record aside; a new thread goes on", async () => {
    const text = `export function transform(record) {
      if (record.n === 2) for (;;);
      if (record.n === 3) process.exit(3);
      return record; }`;
    const rows = await run(text, [1, 2, 3, 4].map((n) => `{"n":${n}}`), { timeoutMs: 500 });
    expect(rows.map((row) => ("json" in row ? "ok" : "code" in row ? row.reason : row))).toEqual(["ok", "hook.ts: no answer within 500 ms", "hook.ts: it ended its thread (exit code 3)", "ok"]);
  }, 30_000);

  test("that takes all memory is ended, not the worker", async () => {
    const rows = await run('export function transform(record) { const all = []; if (record.n === 1) for (;;) all.push(new Array(10_000).fill({})); return record; }', ['{"n":1}', '{"n":2}']);
    expect(rows).toMatchObject([{ code: "TM_MAPPING_SCRIPT", reason: expect.stringContaining("memory") as string }, { json: '{"id":"2","n":2}' }]);
  }, 60_000);

  test("gets only records that could be mapped", async () => {
    const { record } = mappingOf({ fields: { n: { from: "n", type: "integer" } } });
    expect(await run("export const transform = (record) => ({ ...record, seen: true });", ['{"n":"x"}', '{"n":"2"}'], { mapping: { record: record! } })).toMatchObject([{ code: "TM_MAPPING_VALUE", field: "n" }, { json: '{"id":"2","n":2,"seen":true}' }]);
  });

  test.each([
    ["throws as it is loaded", "throw new Error('no database'); export const transform = 1;", "no database"],
    ["exports no transform", "export const other = 1;", "does not export a function transform"],
  ])("that %s stops everything: no record is to blame", async (_what, text, message) => {
    await expect(run(text, ['{"n":1}'])).rejects.toMatchObject({ code: "TM_MAPPING_LOAD", path: "pipelines.orders.mapping.script", message: expect.stringContaining(message) as string });
  });

  test("ends when its run is cancelled", async () => {
    const script = await load("export function transform() { for (;;); }");
    mapper = openMapper({ name: "orders", mapping: { id: "o_id", script } })!;
    const stop = new AbortController();
    const mapped = mapper.map([{ id: "1", raw: "{}" }], stop.signal);
    stop.abort(new Error("cancelled"));
    await expect(mapped).rejects.toThrow("cancelled");
  });

  test("is known by its text and that of its imports, wherever it lies", async () => {
    const hash = async (text: string, lib: string) => (await load(text, 1, { "lib.ts": lib })).hash;
    const text = 'import { a } from "./lib.ts"; export const transform = () => ({ a });';
    const first = await hash(text, "export const a = 1;");
    expect(await hash(text, "export const a = 1;")).toBe(first);
    expect(await hash(text, "export const a = 2;")).not.toBe(first);
  });

  test("that is not there, or no TypeScript, is told with its place", async () => {
    await expect(loadScript("/nowhere/hook.ts", 1, "pipelines.orders.mapping.script")).rejects.toMatchObject({ code: "TM_MAPPING_LOAD", path: "pipelines.orders.mapping.script" });
    await expect(load("export function transform( {")).rejects.toMatchObject({ code: "TM_CONFIG_SYNTAX", message: expect.stringMatching(/hook\.ts:1:/) as string });
  });
});
