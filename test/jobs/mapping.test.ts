import path from "node:path";
import { afterEach, expect, test } from "vitest";
import { preview } from "../../src/ops/preview.ts";
import { replayQuarantine } from "../../src/ops/quarantine.ts";
import { loadScript } from "../../src/mapping/load-script.ts";
import { listEntries } from "../../src/store/quarantine-entries.ts";
import { keepStream } from "../../src/store/streams.ts";
import { folderWith } from "../config/support.ts";
import { mappingOf } from "../mapping/support.ts";
import { historiesOf } from "../support/histories.ts";
import { type Job, pipelineName, startJob } from "../support/job.ts";
import { textsOf } from "../support/leaks.ts";

let job: Job;
afterEach(() => job.stop());

test("a mapping with a script that throws for one order and never ends for another: these two are set aside, all others arrive, and no history tells of them", async () => {
  const { record } = mappingOf({ rest: "drop", fields: { no: "so_id", modified: { from: "modified", type: "datetime" }, ts: "ts", lines: { each: "items", fields: { sku: "sku_id" } } } });
  const jushuitan = { orders: 120, seed: 5 };
  job = await startJob({ source: { from: "all", lookbackMs: 500, sweepEveryMs: 3_600_000, pageSize: 50 }, jushuitan, target: { batchSize: 50 } });
  const truth = (await (await fetch(`${job.source.url}/_admin/truth`)).text()).trim().split("\n").map((line) => (JSON.parse(line) as { id: string }).id);
  const [throws, loops] = [truth[10]!, truth[60]!];
  const hook = `export function transform(record, { id, source }) {
    if (id === "${throws}") throw new Error("private of " + source.receiver_name);
    if (id === "${loops}") for (;;);
    return { ...record, shop: source.shop_id };
  }`;
  const script = await loadScript(path.join(folderWith({ "hook.ts": hook }), "hook.ts"), 1_000, "x");
  const pipeline = job.config.pipelines[pipelineName(job)]!;
  pipeline.mapping = { id: "o_id", record: record!, script };

  const shown = await preview(job.services, pipelineName(job), AbortSignal.timeout(60_000));
  const made = shown.records.find(({ documents }) => documents.length > 0)!;
  expect(JSON.parse(made.documents[0]!.json)).toMatchObject({ id: made.id, shop: (JSON.parse(made.source) as { shop_id: number }).shop_id });

  expect(await job.sync()).toMatchObject({ status: "completed" });
  const { entries } = await listEntries(job.store.db, { state: "open" }, 10);
  expect(entries.map(({ id, code, reason }) => ({ id, code, reason })).toSorted((a, b) => a.id.localeCompare(b.id))).toEqual([
    { id: throws, code: "TM_MAPPING_SCRIPT", reason: expect.stringMatching(/^hook\.ts: Error: private of ./) as string },
    { id: loops, code: "TM_MAPPING_SCRIPT", reason: "hook.ts: no answer within 1000 ms" },
  ].toSorted((a, b) => a.id.localeCompare(b.id)));
  const held = (await (await fetch(`${job.target.url}/_admin/records`)).text()).trim().split("\n").map((line) => (JSON.parse(line) as { id: string }).id);
  expect(held.toSorted()).toEqual(truth.filter((id) => id !== throws && id !== loops).toSorted());
  const sent = await (await fetch(`${job.target.url}/_admin/record?id=${truth[20]}`)).text();
  const source = await (await fetch(`${job.source.url}/_admin/record?id=${truth[20]}`)).text();
  const bytes = (text: string, name: string) => new RegExp(`"${name}":("[^"]*"|[^,}]*)`).exec(text)![1];
  expect(bytes(sent, "ts")).toBe(bytes(source, "ts"));
  expect(bytes(sent, "no")).toBe(bytes(source, "so_id"));
  expect(Object.keys(JSON.parse(sent) as object)).toEqual(["id", "no", "modified", "ts", "lines", "shop"]);

  const histories = await historiesOf(job.temporal.client, `TaskQueue = "${job.config.runtime.taskQueue}"`);
  expect(histories.length).toBeGreaterThan(0);
  const told = histories.flatMap(({ history }) => textsOf(history)).join("\n");
  expect(told).not.toMatch(/private of|hook\.ts/);

  // A corrected script: what was set aside is tried again, as the mapping makes it now.
  pipeline.mapping.script = await loadScript(path.join(folderWith({ "hook.ts": "export const transform = (record) => record;" }), "hook.ts"), 1_000, "x");
  await expect(job.sync()).rejects.toMatchObject({ code: "TM_PIPELINE_CHANGED" });
  await keepStream(job.store, pipeline, job.config.accounts["main"]!);
  expect(await replayQuarantine(job.services, job.temporal, pipelineName(job), {}, { wait: true, signal: AbortSignal.timeout(60_000) })).toMatchObject({ replayed: 2, counts: { loaded: 2 } });
}, 180_000);
