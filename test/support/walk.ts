import { sql } from "kysely";
import { cursorOf } from "../../src/config/build.ts";
import type { JushuitanSimulator } from "../../src/simulator/jushuitan/server.ts";
import { contentHash } from "../../src/simulator/json-bytes.ts";
import { elementsOf } from "../../src/json/raw.ts";
import type { ApiDescription, Source, SourceDeps } from "../../src/source/contract.ts";
import { createJushuitanSource } from "../../src/source/jushuitan/index.ts";
import { finishBatch, takeBatch } from "../../src/store/batches.ts";
import { commitSlice } from "../../src/store/commit.ts";
import type { Store } from "../../src/store/db.ts";
import { acquireLease, releaseLease } from "../../src/store/leases.ts";
import { planSlice } from "../../src/store/plan.ts";
import type { Slice } from "../../src/store/slices.ts";
import { ensureStream } from "../../src/store/streams.ts";
import type { PipelineContext } from "../../src/sync/context.ts";
import { extractSlice } from "../../src/sync/extract.ts";
import { pipelineContext } from "../../src/sync/services.ts";
import { beginStream } from "../../src/sync/start.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import type { AccountConfig } from "../../src/config/types.ts";
import { LEGACY_PATH } from "../../src/simulator/jushuitan/legacy.ts";
import { type ConfigOverrides, TEST_KEY, testConfig } from "./pipeline.ts";

export const APP = { appKey: "demo-app-key", appSecret: "demo-app-secret", accessToken: "00112233445566778899aabbccddeeff" };

const LEGACY_TOKEN = "0123456789abcdef0123456789abcdef";

/** The platforms that a walk may speak to. */
export type Platform = "new" | "old";

function accountOf(simulator: JushuitanSimulator, platform: Platform): AccountConfig {
  const account = { ...testConfig().accounts["main"]!, ...APP, baseUrl: simulator.url };
  if (platform === "new") return account;
  const { name, limits, timeoutMs } = account;
  return {
    name, platform: "jushuitan", kind: "legacy", baseUrl: simulator.url + LEGACY_PATH, limits, timeoutMs,
    partnerId: "demo-partner-0001", partnerKey: "demo-partner-key-0001", token: LEGACY_TOKEN, tokenExpiresAt: null, holdAfterRefreshMs: 0,
  };
}

/** An API of the simulator, without shared tokens and budget. @param acquire is called before each request */
export function sourceOf(simulator: JushuitanSimulator, api: ApiDescription, acquire: SourceDeps["acquire"] = async () => undefined, platform: Platform = "new"): Source {
  const account = accountOf(simulator, platform);
  const deps: SourceDeps = {
    acquire, clockOffsetMs: async () => 0, reportClock: async () => undefined,
    token: async () => ({ value: platform === "new" ? APP.accessToken : LEGACY_TOKEN, version: 1 }),
    renewToken: () => Promise.reject(new Error("the token is good")),
    pause: () => Promise.reject(new Error("no limit is set")),
  };
  return createJushuitanSource({ account, api, deps });
}

/** One pipeline without Temporal: real source, planning, walk, store; the target is a map. */
export interface Walk {
  /** One forward run. @throws what ends it */
  run(): Promise<void>;
  /** Records as the target holds them, by id. */
  held: Map<string, string>;
  requests(): number;
  streamId: string;
}

export async function startWalk(store: Store, simulator: JushuitanSimulator, api: ApiDescription, overrides: ConfigOverrides["source"] = {}, platform: Platform = "new"): Promise<Walk> {
  const config = testConfig({
    account: accountOf(simulator, platform), apis: [api], mapping: { id: api.idField },
    source: { api: api.path, pageSize: 10, from: Date.now() - 86_400_000, settleMs: 500, lookbackMs: 2_000, sweepEveryMs: 500, sliceRecords: 100, cursor: cursorOf({ cursor: "auto", params: {} }, api), ...overrides },
  });
  const pipeline = { ...config.pipelines["orders"]!, name: api.path };
  config.pipelines = { [api.path]: pipeline };
  const account = config.accounts["main"]!;
  await sql`insert into account (name) values (${account.name}) on conflict do nothing`.execute(store.db);
  const stream = await ensureStream(store, pipeline, account);
  const signal = new AbortController().signal;
  let requests = 0;
  const budgeted = { source: sourceOf(simulator, api, async () => void ++requests, platform), readNo: () => String(requests) };
  const context: PipelineContext = { ...pipelineContext({ config, store, key: TEST_KEY }, api.path, "forward", { signal, progress: () => undefined }), source: () => budgeted };
  const held = new Map<string, string>();
  let runs = 0;

  async function load(slice: Slice, token: string): Promise<void> {
    const sender = { token, activityId: "1", attempt: 1 };
    for (let batch = await takeBatch(store, slice, sender, pipeline.target); batch !== null; batch = await takeBatch(store, slice, sender, pipeline.target)) {
      const records = elementsOf(batch.payload);
      batch.members.forEach(({ id }, i) => held.set(id, records[i]!));
      await finishBatch(store, slice, batch, sender, { loaded: batch.members.map(({ id }) => id), refused: [] });
    }
  }

  async function readOn(token: string): Promise<void> {
    let headRead = false;
    for (;;) {
      const slice = await planSlice(store, { streamId: stream.id, lane: "forward", token, source: pipeline.source, api, headRead, busy: null });
      if (slice === null) return;
      const work = { ...context, slice };
      const got = await extractSlice(work);
      if (got.state !== "extracted") continue;
      if (slice.purpose === "forward" && got.reachedEnd) headRead = true;
      await transformSlice(work, got.pass);
      await load(slice, token);
      const committed = await commitSlice(store, slice, pipeline.source.lookbackMs);
      if (committed.state !== "committed") throw new Error(`${api.path}: a slice was ${committed.state}`);
    }
  }

  return {
    held, streamId: stream.id, requests: () => requests,
    async run() {
      const lease = await acquireLease(store, stream.id, "forward", `run ${++runs}`, 60_000);
      if (!lease.held) throw new Error("the lane is held");
      try {
        await beginStream(context, (await ensureStream(store, pipeline, account)));
        await readOn(lease.token);
      } finally {
        await releaseLease(store.db, stream.id, "forward", lease.token);
      }
    },
  };
}

/** What the target lacks, holds in another text than the source, and holds though the source does not know it. */
export async function compareWalk(simulator: JushuitanSimulator, api: string, held: ReadonlyMap<string, string>): Promise<{ source: number; missing: string[]; stale: string[]; unknown: string[] }> {
  const answer = await fetch(`${simulator.url}/_admin/truth?api=${encodeURIComponent(api)}`);
  if (!answer.ok) throw new Error(await answer.text());
  const truth = new Map((await answer.text()).trim().split("\n").map((line) => JSON.parse(line) as { id: string; hash: string }).map(({ id, hash }) => [id, hash]));
  return {
    source: truth.size,
    missing: [...truth.keys()].filter((id) => !held.has(id)),
    stale: [...truth].filter(([id, hash]) => held.has(id) && contentHash(Buffer.from(held.get(id)!)) !== hash).map(([id]) => id),
    unknown: [...held.keys()].filter((id) => !truth.has(id)),
  };
}
