import { afterEach, expect, test } from "vitest";
import type { AccountConfig, AppAccount, PipelineConfig } from "../../src/config/types.ts";
import { ensureStream, keepStream, reloadStream } from "../../src/store/streams.ts";
import { type Bench, qeasyOf, startBench } from "../support/pipeline.ts";

let bench: Bench;
afterEach(() => bench.store.close());

const CHANGES: [string, (pipeline: PipelineConfig, account: AccountConfig) => void][] = [
  ["the target's address", (pipeline) => (qeasyOf(pipeline).baseUrl = "http://127.0.0.1:10")],
  ["the target's interface", (pipeline) => (qeasyOf(pipeline).api = "another")],
  ["the mapping", ({ mapping }) => (mapping.id = "so_id")],
  ["the source's API", ({ source }) => (source.api = "/open/orders/out/simple/query")],
  ["the source's parameters", ({ source }) => (source.params = { shop_id: 7 })],
  ["the source's app", (_, account) => ((account as AppAccount).appKey = "another")],
  ["the cursor", ({ source }) => (source.cursor = "window")],
];

test.each(CHANGES)("with another value for %s everything would read unchanged: refused until reload or keep is given", async (_what, change) => {
  bench = await startBench();
  const { store, pipeline } = bench;
  const account = bench.config.accounts["main"]!;
  expect((await ensureStream(store, pipeline, account)).id).toBe(bench.stream.id);
  change(pipeline, account);
  await expect(ensureStream(store, pipeline, account)).rejects.toMatchObject({ code: "TM_PIPELINE_CHANGED", fix: expect.stringContaining("--reload") as string });
  await reloadStream(store, pipeline, account);
  const anew = await ensureStream(store, pipeline, account);
  expect(anew).toMatchObject({ startedAt: null, checkpointVersion: null });
  expect(anew.id).not.toBe(bench.stream.id);
});

test("what is kept stays as it is", async () => {
  bench = await startBench();
  const account = bench.config.accounts["main"]!;
  qeasyOf(bench.pipeline).baseUrl = "http://127.0.0.1:10";
  await keepStream(bench.store, bench.pipeline, account);
  expect(await ensureStream(bench.store, bench.pipeline, account)).toMatchObject({ id: bench.stream.id, checkpointVersion: "1" });
});
