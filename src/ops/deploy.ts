import { ensureStream, findStream, fingerprints, keepStream, refuseChanged, reloadStream } from "../store/streams.ts";
import { accountOf, pipelineOf, type Services } from "../sync/services.ts";
import { type BuildReport, switchBuild } from "../temporal/current-build.ts";
import { deploySchedules, type ScheduleChange } from "../temporal/schedules.ts";
import { registerSearchAttributes } from "../temporal/search-attributes.ts";
import type { OpenedTemporal } from "./open.ts";

export interface DeployOptions {
  /** Pipelines whose changed source or target is to be loaded anew. */
  reload: readonly string[];
  /** Pipelines whose records are already at the changed target. */
  keep: readonly string[];
}

export interface DeployReport {
  schedules: ScheduleChange[];
  pipelines: { name: string; change: "new" | "unchanged" | "reloaded" | "kept" }[];
  /** null without worker versioning. */
  build: BuildReport | null;
}

/**
 * Creates or updates the schedules of the config, and makes this build the current one. Refused, with nothing changed, while a pipeline's source, target or mapping
 * differs from what its index belongs to and neither `reload` nor `keep` names it.
 * @throws StoreError `TM_PIPELINE_CHANGED`
 */
export async function deploy(services: Services, temporal: OpenedTemporal, options: DeployOptions): Promise<DeployReport> {
  const { config, store } = services;
  for (const name of [...options.reload, ...options.keep]) pipelineOf(config, name);
  const decided = new Set([...options.reload, ...options.keep]);
  for (const pipeline of Object.values(config.pipelines)) {
    const stream = await findStream(store.db, pipeline.name);
    if (stream !== null && !decided.has(pipeline.name)) refuseChanged(pipeline, stream, fingerprints(pipeline, accountOf(config, pipeline.source.account)));
  }
  const pipelines: DeployReport["pipelines"] = [];
  for (const pipeline of Object.values(config.pipelines)) {
    const account = accountOf(config, pipeline.source.account);
    const known = (await findStream(store.db, pipeline.name)) !== null;
    const change = options.reload.includes(pipeline.name) ? "reloaded" : options.keep.includes(pipeline.name) ? "kept" : known ? "unchanged" : "new";
    if (change === "reloaded") await reloadStream(store, pipeline, account);
    else if (change === "kept") await keepStream(store, pipeline, account);
    else await ensureStream(store, pipeline, account);
    pipelines.push({ name: pipeline.name, change });
  }
  await registerSearchAttributes(temporal);
  const schedules = await deploySchedules(temporal.client, config);
  return { schedules, pipelines, build: await switchBuild(services, temporal) };
}
