import path from "node:path";
import type { MappingConfig } from "../mapping/types.ts";
import type { ApiDescription } from "../source/contract.ts";
import { longestPeriod } from "./period.ts";
import type { ShapedConfig, ShapedPipeline } from "./schema.ts";
import type { AccountConfig, CursorKind, JsonValue, PipelineConfig, ScheduleConfig, TargetConfig, TidemarkConfig } from "./types.ts";

const LEASE_MARGIN_MS = 15_000;
const SLICE_RECORDS = 10_000;
const SCRIPT_TIMEOUT_MS = 5_000;
const LEAST_FRESHNESS_MS = 15 * 60_000;
/** For pipelines without a schedule, which somebody starts by hand. */
const UNSCHEDULED_FRESHNESS_MS = 86_400_000;

/** The configuration that the program works with. */
export function buildConfig(shaped: ShapedConfig, place: Pick<TidemarkConfig, "file" | "home" | "apis">, apis: readonly ApiDescription[]): TidemarkConfig {
  return {
    ...place,
    accounts: byName(shaped.accounts, buildAccount),
    pipelines: byName(shaped.pipelines, (name, pipeline) => buildPipeline(name, pipeline, path.dirname(place.file), apis)),
    runtime: { taskQueue: shaped.runtime.taskQueue, heartbeatMs: shaped.runtime.heartbeat, versioning: shaped.runtime.versioning },
  };
}

function buildAccount(name: string, { timeout: timeoutMs, ...account }: ShapedConfig["accounts"][string]): AccountConfig {
  if (account.kind !== "legacy") return { name, ...account, timeoutMs };
  const { holdAfterRefresh: holdAfterRefreshMs, ...legacy } = account;
  return { name, ...legacy, holdAfterRefreshMs, timeoutMs };
}

function buildPipeline(name: string, { source, schedule, audit, mapping, target, strategy, freshness }: ShapedPipeline, folder: string, apis: readonly ApiDescription[]): PipelineConfig {
  const api = apis.find((one) => one.path === source.api)!;
  // What stands in the files of `qeasy` was merged before.
  const { lookback, sweepEvery, settle, qeasy: _file, ...otherSource } = source;
  const pageSize = source.pageSize ?? api.pageSize.max;
  return {
    name,
    source: {
      ...otherSource, from: source.from ?? "all", keepRows: source.keepRows ?? (strategy === undefined ? "none" : "forever"), cursor: api.call === true ? "window" : cursorOf(source, api), pageSize, sliceRecords: source.sliceRecords ?? SLICE_RECORDS,
      lookbackMs: lookback, sweepEveryMs: sweepEvery, settleMs: settle,
    },
    ...(strategy === undefined ? {} : { strategy }),
    schedule: schedule === null ? null : buildSchedule(schedule),
    audit: audit === null ? null : { ...buildSchedule(audit), lastMs: audit.last ?? null, byIds: audit.ids, repair: audit.repair, target: audit.target },
    mapping: buildMapping(mapping, api, folder),
    target: buildTarget(target, folder),
    freshnessMs: freshness ?? Math.max(LEAST_FRESHNESS_MS, 3 * periodOf(schedule)),
  };
}

/** What `auto` comes to: only where versions lead is there anything to try. */
export function cursorOf({ cursor, params }: { cursor: "version" | "window" | "auto"; params: Record<string, JsonValue> }, api: ApiDescription): CursorKind {
  const first = api.cursors[0];
  if (cursor !== "auto") return cursor;
  if (first !== "version") return first;
  return api.versionAlone && Object.keys(params).length > 0 ? "window" : "auto";
}

function buildMapping({ id, hashKey, script, scriptTimeout, filter, explode, ...record }: ShapedPipeline["mapping"], api: ApiDescription, folder: string): MappingConfig {
  return {
    // In a call's metadata the list's key stands for the id of its entries.
    id: id === undefined || (api.call === true && api.listFields.includes(id)) ? api.idField : id,
    ...(filter === undefined ? {} : { filter }),
    ...(explode === undefined ? {} : { explode }),
    ...(Object.keys(record).length === 0 ? {} : { record }),
    ...(hashKey === undefined ? {} : { hashKey }),
    // Its text is read when the config is loaded.
    ...(script === undefined ? {} : { script: { file: path.resolve(folder, script), code: "", hash: "", timeoutMs: scriptTimeout ?? SCRIPT_TIMEOUT_MS } }),
  };
}

function buildTarget({ timeout, lease, zombieAfter, ...target }: ShapedPipeline["target"], folder: string): TargetConfig {
  const times = { timeoutMs: timeout, leaseMs: lease ?? timeout + LEASE_MARGIN_MS, zombieAfterMs: zombieAfter };
  if (target.use === "module") return { ...target, file: path.resolve(folder, target.module), ...times };
  if (target.use !== "qeasy") return { ...target, ...times };
  const { secret, qeasy: _file, ...qeasy } = target;
  return { ...qeasy, headers: secret === null ? qeasy.headers : { ...qeasy.headers, Authorization: `Bearer ${secret}` }, ...times };
}

/** Temporal reads `@every` beside cron expressions; unlike those it goes below a minute. */
function buildSchedule({ cron, every, timezone }: NonNullable<ShapedPipeline["schedule"]>): ScheduleConfig {
  return { crons: cron ?? [`@every ${(every ?? 0) / 1000}s`], timezone };
}

function periodOf(schedule: ShapedPipeline["schedule"]): number {
  if (schedule === null) return UNSCHEDULED_FRESHNESS_MS / 3;
  return schedule.every ?? longestPeriod(schedule.cron!);
}

function byName<From, To>(items: Record<string, From>, build: (name: string, item: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(items).map(([name, item]) => [name, build(name, item)]));
}
