import pc from "picocolors";
import type { BackfillProgress } from "../../../workflows/types.ts";
import type { LoadedConfig } from "../../config/load.ts";
import type { KeptRows, LeftRows } from "../../ops/kept.ts";
import type { PipelineStatus } from "../../ops/status.ts";
import type { ScheduleState } from "../../temporal/schedules.ts";
import { TidemarkError } from "../../errors.ts";
import { countOf } from "../../sync/labels.ts";
import { withStore } from "../connected.ts";
import { defineCommand } from "../command.ts";
import { requirePipeline } from "../known-pipeline.ts";
import { formatBytes, formatSpan, list, paceOf, REMAP_COLUMNS, remapCells, table } from "../output.ts";

/** Where Temporal is, and whether it answers. */
interface TemporalStatus {
  ok: boolean;
  address: string | null;
  namespace: string | null;
  uiUrl: string | null;
  /** Why it does not answer. */
  problem: string | null;
}

export const status = defineCommand<{ fresh?: true }>({
  name: "status",
  summary: "how every pipeline stands: checkpoint, age, quarantine, backfills",
  examples: ["tidemark status", "tidemark status orders    # one pipeline", "tidemark status --fresh    # ends with 1 when a pipeline's newest commit is older than its limit", "tidemark status --json | jq '.pipelines[] | select(.late)'"],
  configure: (command) => command.argument("[pipeline]", "name of the pipeline in the config (default: all)").option("--fresh", "end with 1 when a pipeline is late, for a monitor"),
  async run(context, { fresh = false }, [name]) {
    const config = await context.config("none");
    if (name !== undefined) requirePipeline(config, name);
    const [{ leftRows }, { pipelineStatus }, { tokenNotices }, { resolveServices }, { liveWorkers }] = await Promise.all([
      import("../../ops/kept.ts"), import("../../ops/status.ts"), import("../../ops/tokens.ts"), import("../../local/environment.ts"), import("../../ops/workers.ts"),
    ]);
    return withStore(config, async (services) => {
      const stored = await Promise.all((name === undefined ? Object.keys(config.pipelines) : [name]).map((one) => pipelineStatus(services.store, config, one)));
      const left = name === undefined ? await leftRows(services.store, config) : [];
      const store = { ok: true, from: resolveServices(config.home).store?.from ?? null };
      const workers = await liveWorkers(services);
      // Without a worker nobody answers.
      const reading = workers === 0 ? [] : stored.filter(({ backfills, remaps }) => backfills.some(({ place }) => place !== null) || remaps.some(({ state }) => state !== "done" && state !== "cancelled")).map(({ name }) => name);
      const { temporal, backfills, schedules } = await temporalStatus(config, reading);
      const notices = await tokenNotices(services, name);
      const pipelines = stored.map((pipeline) => ({ ...pipeline, schedule: schedules.get(pipeline.name) ?? null, backfill: backfills.get(pipeline.name) ?? null }));
      return { json: { temporal, store, workers, notices, pipelines, left }, text: printed(temporal, store.from, workers, pipelines, notices, left), exitCode: fresh && pipelines.some(({ late }) => late) ? 1 : 0 };
    });
  },
});

/** A pipeline, its schedule (null: none, or Temporal does not answer), and how its backfill goes by its own word where one reads. */
type Shown = PipelineStatus & { schedule: ScheduleState | null; backfill: BackfillProgress | null };

interface FromTemporal {
  temporal: TemporalStatus;
  backfills: Map<string, BackfillProgress | null>;
  schedules: Map<string, ScheduleState | null>;
}

/** A Temporal that does not answer is part of the answer: the store tells the rest. @param reading pipelines whose backfill is asked how it goes */
async function temporalStatus(config: LoadedConfig, reading: readonly string[]): Promise<FromTemporal> {
  const [{ openTemporal }, { backfillNow }, { scheduleState }] = await Promise.all([import("../../ops/open.ts"), import("../../ops/backfills.ts"), import("../../temporal/schedules.ts")]);
  try {
    const temporal = await openTemporal(config);
    try {
      const backfills = new Map(await Promise.all(reading.map(async (name) => [name, (await backfillNow(temporal.client, name)).progress] as const)));
      const schedules = new Map(await Promise.all(Object.keys(config.pipelines).map(async (name) => [name, await scheduleState(temporal.client, name).catch(() => null)] as const)));
      const { address, namespace, uiUrl } = temporal;
      return { temporal: { ok: true, address, namespace, uiUrl, problem: null }, backfills, schedules };
    } finally {
      await temporal.close();
    }
  } catch (error) {
    if (!(error instanceof TidemarkError)) throw error;
    const { address = null, namespace = null } = error.details as { address?: string; namespace?: string };
    return { temporal: { ok: false, address, namespace, uiUrl: null, problem: error.message }, backfills: new Map(), schedules: new Map() };
  }
}

function printed(temporal: TemporalStatus, store: string | null, workers: number, pipelines: readonly Shown[], notices: readonly string[], left: readonly LeftRows[]): string {
  const gaps = pipelines.flatMap(({ name, gaps }) => gaps.map((one) => [name, one.from, one.to, one.acceptedAt, one.because]));
  const backfills = pipelines.flatMap(({ name, backfills }) => backfills.map((one) => [name, one.from, one.to, one.state, `${one.percent} %`, one.read, one.loaded]));
  const remaps = pipelines.flatMap(({ name, remaps }) => remaps.map((one) => [name, ...remapCells(one)]));
  const kept = [...pipelines.flatMap(({ name, kept, keepRows }) => (kept === null ? [] : [{ pipeline: name, ...kept, until: untilWhen(kept, keepRows) }])), ...left.map((one) => ({ ...one, until: untilLeft(one) }))];
  return [
    list([
      ["Temporal", temporal.ok ? `${temporal.address}, namespace ${temporal.namespace}${temporal.uiUrl === null ? "" : `, ${temporal.uiUrl}`}` : pc.red(temporal.problem ?? "no answer")],
      ["store", store === "dev" ? "Postgres of tidemark dev" : "DATABASE_URL"],
      ["workers", workers === 0 ? pc.red("none: nothing is copied") : String(workers)],
    ]),
    "",
    table(
      ["pipeline", "cursor", "checkpoint", "newest commit", "loaded", "filtered", "quarantined", "doubtful", "next run", "state"],
      pipelines.map((one) => [one.name, one.cursor ?? "-", one.checkpoint ?? "-", one.ageMs === null ? "-" : `${formatSpan(one.ageMs)} ago`, one.loaded, one.filtered, one.quarantined, one.doubtful, nextRun(one), stateOf(one)]),
    ),
    ...(gaps.length === 0 ? [] : ["", table(["gap of", "from", "to", "accepted", "because"], gaps)]),
    ...(backfills.length === 0 ? [] : ["", table(["backfill of", "from", "to", "state", "done", "read", "loaded"], backfills)]),
    ...(remaps.length === 0 ? [] : ["", table(["remap of", ...REMAP_COLUMNS], remaps)]),
    ...(kept.length === 0 ? [] : ["", table(["rows kept of", "rows", "about", "since", "until"], kept.map(({ pipeline, rows, bytes, since, until }) => [pipeline, rows, formatBytes(bytes), since, until]))]),
    ...(notices.length === 0 ? [] : ["", ...notices.map((notice) => pc.red(notice))]),
    ...pipelines.flatMap(({ name, backfill }) => (backfill === null ? [] : paceOf(backfill).map(([what, text]) => `${name}: ${what} ${text}`))),
  ].join("\n");
}

function untilWhen({ goneBy }: KeptRows, keepRows: PipelineStatus["keepRows"]): string {
  if (goneBy !== null) return `${goneBy}: keepRows is "none"`;
  return keepRows === "forever" ? "for ever" : `${formatSpan(Number(keepRows))} after they were read last`;
}

function untilLeft({ why, goneBy }: LeftRows): string {
  return why === "removed" ? `${goneBy}: no config has the pipeline` : "a worker runs for a minute: replaced by a reload";
}

function nextRun({ schedule }: Shown): string {
  if (schedule?.paused === true) return pc.red("paused");
  const at = schedule?.nextRunAt ?? null;
  return at === null ? "-" : `in ${formatSpan(Math.max(Date.parse(at) - Date.now(), 0))}`;
}

function stateOf(pipeline: PipelineStatus): string {
  return `${pipeline.notProvable === null ? "" : "not provable; "}${progressOf(pipeline)}`;
}

function progressOf({ cursor, late, limitMs, running, unproven, initialLoad, gaps }: PipelineStatus): string {
  if (late) return pc.red(`late: older than ${formatSpan(limitMs)}`);
  if (unproven > 0) return cursor === "snapshot" ? "unproven: no two readings agreed; the next run tries again" : `unproven: ${countOf(unproven, "window")}; the next run tries again`;
  if (!initialLoad.complete) return `initial load waits for ${initialLoad.waitingFor ?? "its end"}`;
  if (gaps.length > 0) return pc.red(`gaps, not read: ${gaps.length}`);
  return running ? "running" : "up to date";
}
