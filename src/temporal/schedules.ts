import { createHash } from "node:crypto";
import {
  type Client, ScheduleAlreadyRunning, ScheduleNotFoundError, ScheduleOverlapPolicy, type ScheduleOptions, type ScheduleOptionsStartWorkflowAction, type Workflow,
} from "@temporalio/client";
import { defineSearchAttributeKey, SearchAttributeType, TypedSearchAttributes } from "@temporalio/common";
import type { PipelineConfig, TidemarkConfig } from "../config/types.ts";

const PIPELINE = defineSearchAttributeKey("TidemarkPipeline", SearchAttributeType.KEYWORD);
const KIND = defineSearchAttributeKey("TidemarkKind", SearchAttributeType.KEYWORD);

/** What every Tidemark workflow can be found by in Temporal's UI. */
export function searchAttributes(pipeline: string, kind: "sync" | "backfill" | "refresh-token" | "audit"): TypedSearchAttributes {
  return new TypedSearchAttributes([{ key: PIPELINE, value: pipeline }, { key: KIND, value: kind }]);
}

export interface ScheduleChange {
  id: string;
  change: "created" | "updated" | "unchanged";
  crons: string[];
  timezone: string;
}

/** Token refreshes are looked at each hour; most of the time nothing is due and no request is made. */
const REFRESH_CRON = "17 * * * *";

/** The workflow id of a pipeline's runs; the schedule has the same id. */
export function syncId(pipeline: string): string {
  return `sync/${pipeline}`;
}

/** The schedules that the config asks for: `sync/<pipeline>`, `audit/<pipeline>` and `refresh-token/<account>`. */
export function wantedSchedules(config: TidemarkConfig): SyncSchedule[] {
  const { taskQueue, heartbeatMs } = config.runtime;
  const common = { taskQueue, heartbeatMs };
  return [
    ...Object.values(config.pipelines).flatMap((pipeline) => (pipeline.schedule === null ? [] : [syncSchedule(pipeline, pipeline.schedule, common)])),
    ...Object.values(config.pipelines).flatMap((pipeline) => (pipeline.audit === null ? [] : [auditSchedule(pipeline, pipeline.audit, common)])),
    // A bearer token is exchanged whenever that is asked for, so its pipeline's schedule is the only one.
    ...Object.values(config.accounts).filter(({ kind }) => kind !== "bearer").map(({ name }) => refreshSchedule(name, common)),
  ];
}

/** A schedule that starts a workflow. */
type SyncSchedule = ScheduleOptions<ScheduleOptionsStartWorkflowAction<Workflow>>;

interface Common {
  taskQueue: string;
  heartbeatMs: number;
}

function syncSchedule(pipeline: PipelineConfig, schedule: NonNullable<PipelineConfig["schedule"]>, { taskQueue, heartbeatMs }: Common): SyncSchedule {
  return {
    scheduleId: syncId(pipeline.name),
    spec: { cronExpressions: schedule.crons, timezone: schedule.timezone },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: "1 hour", pauseOnFailure: false },
    action: {
      type: "startWorkflow", workflowType: "sync", workflowId: syncId(pipeline.name), taskQueue,
      args: [{ pipeline: pipeline.name, heartbeatMs }],
      workflowTaskTimeout: "5 seconds",
      staticSummary: `sync ${pipeline.name}: what changed in the source, into the target`,
      typedSearchAttributes: searchAttributes(pipeline.name, "sync"),
    },
    typedSearchAttributes: searchAttributes(pipeline.name, "sync"),
  };
}

function auditSchedule({ name }: PipelineConfig, audit: NonNullable<PipelineConfig["audit"]>, { taskQueue, heartbeatMs }: Common): SyncSchedule {
  return {
    scheduleId: `audit/${name}`,
    spec: { cronExpressions: audit.crons, timezone: audit.timezone },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: "1 hour", pauseOnFailure: false },
    action: {
      type: "startWorkflow", workflowType: "audit", workflowId: `audit/${name}`, taskQueue,
      args: [{ pipeline: name, heartbeatMs, options: { byIds: audit.byIds, repair: audit.repair, target: audit.target, ...(audit.lastMs === null ? {} : { lastMs: audit.lastMs }) } }],
      workflowTaskTimeout: "5 seconds",
      staticSummary: `audit ${name}: is everything there that the source reports?`,
      typedSearchAttributes: searchAttributes(name, "audit"),
    },
    typedSearchAttributes: searchAttributes(name, "audit"),
  };
}

function refreshSchedule(account: string, { taskQueue, heartbeatMs }: Common): SyncSchedule {
  return {
    scheduleId: `refresh-token/${account}`,
    spec: { cronExpressions: [REFRESH_CRON], timezone: "Asia/Shanghai" },
    policies: { overlap: ScheduleOverlapPolicy.SKIP, catchupWindow: "1 hour", pauseOnFailure: false },
    action: {
      type: "startWorkflow", workflowType: "refreshToken", workflowId: `refresh-token/${account}`, taskQueue,
      args: [{ account, heartbeatMs }],
      staticSummary: `refresh the token of account ${account} when that takes effect`,
      typedSearchAttributes: searchAttributes(account, "refresh-token"),
    },
    typedSearchAttributes: searchAttributes(account, "refresh-token"),
  };
}

/** When a pipeline's schedule starts the next run. */
export interface ScheduleState {
  /** ISO 8601, UTC; null while it is paused. */
  nextRunAt: string | null;
  paused: boolean;
}

/** @returns null when the pipeline has no schedule */
export async function scheduleState(client: Client, pipeline: string): Promise<ScheduleState | null> {
  try {
    const { state, info } = await client.schedule.getHandle(syncId(pipeline)).describe();
    return { nextRunAt: state.paused ? null : (info.nextActionTimes[0]?.toISOString() ?? null), paused: state.paused };
  } catch (error) {
    if (error instanceof ScheduleNotFoundError) return null;
    throw error;
  }
}

/** Creates or updates the config's schedules. Repeating it changes nothing; a pause set by an operator stays. */
export async function deploySchedules(client: Client, config: TidemarkConfig): Promise<ScheduleChange[]> {
  const changes: ScheduleChange[] = [];
  for (const wanted of wantedSchedules(config)) {
    const { cronExpressions: crons = [], timezone = "UTC" } = wanted.spec;
    changes.push({ id: wanted.scheduleId, change: await deploySchedule(client, wanted), crons, timezone });
  }
  return changes;
}

async function deploySchedule(client: Client, wanted: SyncSchedule): Promise<ScheduleChange["change"]> {
  const hash = createHash("sha256").update(JSON.stringify([wanted.spec, wanted.policies, wanted.action])).digest("hex").slice(0, 16);
  const note = `tidemark ${hash}`;
  try {
    await client.schedule.create({ ...wanted, memo: { tidemark: hash }, state: { note } });
    return "created";
  } catch (error) {
    if (!(error instanceof ScheduleAlreadyRunning)) throw error;
  }
  const handle = client.schedule.getHandle(wanted.scheduleId);
  const before = await handle.describe();
  // A schedule's memo cannot be updated, so the configuration's hash lives in the note; a pause note of an operator is kept.
  const known = before.state.note?.includes(note) ?? false;
  if (known) return "unchanged";
  await handle.update((previous) => ({
    spec: wanted.spec, policies: wanted.policies ?? {}, action: wanted.action,
    state: { ...previous.state, note: previous.state.paused ? `${previous.state.note ?? ""} (${note})` : note },
  }));
  return "updated";
}
