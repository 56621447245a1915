import { randomBytes } from "node:crypto";
import { performance } from "node:perf_hooks";
import type { AccountConfig, CommonTargetConfig, PipelineConfig, QeasyTargetConfig, TableTargetConfig, TargetConfig, TidemarkConfig } from "../../src/config/types.ts";
import { migrate, openStore, type Store } from "../../src/store/db.ts";
import { acquireLease, type Lane } from "../../src/store/leases.ts";
import { type NewPage, type StagedRow, stagePage } from "../../src/store/pages.ts";
import { insertSlice, type NewSlice, type Slice } from "../../src/store/slices.ts";
import { startStream } from "../../src/store/commit.ts";
import { ensureStream, type Stream } from "../../src/store/streams.ts";
import type { SliceContext } from "../../src/sync/context.ts";
import { pipelineContext } from "../../src/sync/services.ts";
import { freshDatabase } from "./servers.ts";

export const ORDERS = "/open/orders/single/query";

export interface ConfigOverrides {
  account?: Partial<AccountConfig>;
  source?: Partial<PipelineConfig["source"]>;
  /** Of the Qeasy target. */
  target?: Partial<QeasyTargetConfig>;
  /** Another target than Qeasy. */
  into?: TargetConfig;
  mapping?: PipelineConfig["mapping"];
  schedule?: PipelineConfig["schedule"];
  runtime?: Partial<TidemarkConfig["runtime"]>;
  apis?: TidemarkConfig["apis"];
}

/** Times short enough for tests. */
export const SENDING: CommonTargetConfig = { batchSize: 100, maxBytes: null, parallel: 4, idCheck: true, timeoutMs: 2_000, leaseMs: 4_000, zombieAfterMs: 1_000, maxRefused: 3 };

export function qeasyTarget(overrides: Partial<QeasyTargetConfig> = {}): QeasyTargetConfig {
  return {
    ...SENDING, use: "qeasy", baseUrl: "http://127.0.0.1:9", api: "写入空操作", body: "array", headers: {}, heldUrl: null,
    success: { success: [true, "true"], code: [0, 200, "0", "200"] }, ...overrides,
  };
}

export function tableTarget(overrides: Partial<TableTargetConfig> & Pick<TableTargetConfig, "use" | "url">): TableTargetConfig {
  return { ...SENDING, schema: null, table: "orders", columns: "auto", types: {}, items: "json", ...overrides };
}

/** A pipeline's Qeasy target, to be looked at or changed. */
export function qeasyOf({ target }: PipelineConfig): QeasyTargetConfig {
  if (target.use !== "qeasy") throw new Error(`the target is ${target.use}`);
  return target;
}

/** A validated config of one pipeline `orders`, with times short enough for tests. */
export function testConfig(overrides: ConfigOverrides = {}): TidemarkConfig {
  return {
    file: "/nowhere/tidemark.config.ts",
    apis: overrides.apis ?? [],
    home: "/nowhere/.tidemark",
    runtime: { taskQueue: "tidemark", heartbeatMs: 2_000, versioning: false, ...overrides.runtime },
    accounts: {
      main: {
        name: "main", platform: "jushuitan", kind: "self", baseUrl: "http://127.0.0.1:9", appKey: "demo-app", appSecret: "demo-secret",
        accessToken: null, refreshToken: null, limits: { perSecond: 1000, perMinute: 60_000 }, timeoutMs: 5_000, ...overrides.account,
      } as AccountConfig,
    },
    pipelines: {
      orders: {
        name: "orders",
        source: {
          account: "main", api: ORDERS, pageSize: 50, cursor: "version", from: "all", lookbackMs: 2_000, sweepEveryMs: 1_000,
          settleMs: 0, sliceRecords: 1_000, keepRows: "none", params: {}, ...overrides.source,
        },
        schedule: overrides.schedule ?? null,
        audit: null,
        mapping: overrides.mapping ?? { id: "o_id" },
        freshnessMs: 60_000,
        target: overrides.into ?? qeasyTarget(overrides.target),
      },
    },
  };
}

export const TEST_KEY = randomBytes(32);

/** A database of the caller's own, with the schema. */
export async function migratedDatabase(): Promise<string> {
  const url = await freshDatabase();
  const store = openStore(url);
  await migrate(store);
  await store.close();
  return url;
}

/** A migrated store in a database of its own. */
export async function testStore(): Promise<Store> {
  return openStore(await migratedDatabase(), { connections: 8 });
}

/** A started stream with a lane taken, for tests that work on slices directly. */
export interface Bench {
  store: Store;
  config: TidemarkConfig;
  pipeline: PipelineConfig;
  stream: Stream;
  token: string;
  slice(bounds: NewSlice["bounds"], purpose?: NewSlice["purpose"]): Promise<Slice>;
  lane(lane: Lane, owner: string): Promise<string>;
}

export async function startBench(overrides: ConfigOverrides = {}): Promise<Bench> {
  const config = testConfig(overrides);
  const store = await testStore();
  const pipeline = config.pipelines["orders"]!;
  const stream = await ensureStream(store, pipeline, config.accounts["main"]!);
  await startStream(store.db, stream.id, { startedAt: Date.now(), firstVersion: "1", windowsFrom: null, provenAt: null });
  const lane = async (name: Lane, owner: string) => {
    const lease = await acquireLease(store, stream.id, name, owner, 60_000);
    if (!lease.held) throw new Error(`lane held by ${lease.owner}`);
    return lease.token;
  };
  const token = await lane("forward", "test");
  return {
    store, config, pipeline, stream, token, lane,
    slice: (bounds, purpose = "forward") =>
      store.transaction((tx) => insertSlice(tx, {
        streamId: stream.id, lane: purpose === "backfill" ? "backfill" : "forward", purpose, token, source: pipeline.source, bounds,
      })),
  };
}

/** A row as a walk would stage it. */
export function row(id: string, version: number | string | null, more: Partial<StagedRow> = {}): StagedRow {
  const raw = version === null ? `{"o_id":${id}}` : `{"o_id":${id},"ts":${version}}`;
  return {
    id, sourceId: id, targetId: id, version: version === null ? null : String(version), modifiedMs: 1_767_225_600_000, shopId: "1", hash: null, raw, ...more,
  };
}

/** Work on a slice as an activity does it: source and target over HTTP, tokens and budget from the store. */
export function sliceContext(bench: Bench, slice: Slice, running: { signal?: AbortSignal; progress?: () => void } = {}): SliceContext {
  const services = { config: bench.config, store: bench.store, key: TEST_KEY };
  const context = pipelineContext(services, "orders", slice.lane, { signal: new AbortController().signal, progress: () => undefined, ...running });
  return { ...context, slice };
}

let reads = 0;

/** Stages rows as one page. */
export async function stage(bench: Bench, slice: Slice, rows: StagedRow[], page: Partial<NewPage> = {}): Promise<void> {
  reads = Math.max(reads + 1, Math.floor(performance.now()));
  await stagePage(bench.store.db, slice, {
    pass: 1, seq: 1, pageNo: 1, fromVersion: slice.fromVersion, lastVersion: rows.at(-1)?.version ?? slice.fromVersion, total: null,
    rows, requests: 1, readNo: String(reads), reachedEnd: true, isLast: true, ...page,
  });
}
