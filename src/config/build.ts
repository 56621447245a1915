import path from "node:path";
import type { ApiDescription } from "../source/contract.ts";
import { longestPeriod } from "./cron.ts";
import type { ShapedConfig, ShapedPipeline } from "./schema.ts";
import type { AccountConfig, PipelineConfig, TargetConfig, TidemarkConfig } from "./types.ts";

const LEASE_MARGIN_MS = 15_000;
const SLICE_RECORDS = 10_000;
const LEAST_FRESHNESS_MS = 15 * 60_000;
/** For pipelines without a schedule, which somebody starts by hand. */
const UNSCHEDULED_FRESHNESS_MS = 86_400_000;

/** The configuration that the program works with. */
export function buildConfig(shaped: ShapedConfig, place: { file: string; home: string }, apis: readonly ApiDescription[]): TidemarkConfig {
  return {
    ...place,
    accounts: byName(shaped.accounts, (name, { timeout, ...account }): AccountConfig => ({ name, ...account, timeoutMs: timeout })),
    pipelines: byName(shaped.pipelines, (name, pipeline) => buildPipeline(name, pipeline, path.dirname(place.file), apis)),
    runtime: { taskQueue: shaped.runtime.taskQueue, heartbeatMs: shaped.runtime.heartbeat, versioning: shaped.runtime.versioning },
  };
}

function buildPipeline(name: string, { source, schedule, audit, mapping, target, freshness }: ShapedPipeline, folder: string, apis: readonly ApiDescription[]): PipelineConfig {
  const api = apis.find((one) => one.path === source.api)!;
  const { lookback, sweepEvery, settle, ...otherSource } = source;
  const pageSize = source.pageSize ?? api.pageSize.max;
  return {
    name,
    source: {
      ...otherSource, pageSize, sliceRecords: source.sliceRecords ?? SLICE_RECORDS,
      lookbackMs: lookback, sweepEveryMs: sweepEvery, settleMs: settle,
    },
    schedule: schedule === null ? null : buildSchedule(schedule),
    audit: audit === null ? null : { ...buildSchedule(audit), byIds: audit.ids, repair: audit.repair, target: audit.target },
    mapping: { id: mapping.id ?? api.idField },
    target: buildTarget(target, folder),
    freshnessMs: freshness ?? Math.max(LEAST_FRESHNESS_MS, 3 * periodOf(schedule)),
  };
}

function buildTarget({ timeout, lease, zombieAfter, ...target }: ShapedPipeline["target"], folder: string): TargetConfig {
  const times = { timeoutMs: timeout, leaseMs: lease ?? timeout + LEASE_MARGIN_MS, zombieAfterMs: zombieAfter };
  if (target.use === "module") return { ...target, file: path.resolve(folder, target.module), ...times };
  if (target.use !== "qeasy") return { ...target, ...times };
  const { secret, ...qeasy } = target;
  return { ...qeasy, headers: secret === null ? qeasy.headers : { ...qeasy.headers, Authorization: `Bearer ${secret}` }, ...times };
}

/** Temporal reads `@every` beside cron expressions; unlike those it goes below a minute. */
function buildSchedule({ cron, every, timezone }: NonNullable<ShapedPipeline["schedule"]>): { cron: string; timezone: string } {
  return { cron: cron ?? `@every ${(every ?? 0) / 1000}s`, timezone };
}

function periodOf(schedule: ShapedPipeline["schedule"]): number {
  if (schedule === null) return UNSCHEDULED_FRESHNESS_MS / 3;
  return schedule.every ?? longestPeriod(schedule.cron!);
}

function byName<From, To>(items: Record<string, From>, build: (name: string, item: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(items).map(([name, item]) => [name, build(name, item)]));
}
