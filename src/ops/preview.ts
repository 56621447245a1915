import { withStringMember } from "../json/raw.ts";
import { readNewest } from "../source/pages.ts";
import { memberText } from "../sync/staged.ts";
import { accountOf, listPipelineOf, pipelineContext, type Services } from "../sync/services.ts";

/** One page of a pipeline's source, mapped as the target would get it. Nothing is written. */
export interface Preview {
  pipeline: string;
  api: string;
  /** The mapped records; those without a usable id carry the reason instead. */
  records: { id: string | null; version: string | null; json: string; problem: string | null }[];
}

const HOUR_MS = 3_600_000;

/** Reads the newest page: the last hour, day or week that holds something. @throws SourceError, ConfigError */
export async function preview(services: Services, name: string, signal: AbortSignal): Promise<Preview> {
  const pipeline = listPipelineOf(services.config, name);
  accountOf(services.config, pipeline.source.account);
  const context = pipelineContext(services, name, "backfill", { signal, progress: () => undefined });
  const { source } = context.source();
  const { pageSize, params, settleMs } = pipeline.source;
  const to = Math.floor((Date.now() - settleMs) / 1000) * 1000;
  for (let width = HOUR_MS; ; width = Math.min(width * 24, source.api.windowMs)) {
    const answer = await readNewest(source, { from: to - width, to, pageSize, params }, signal);
    if (answer.rows.length === 0 && width < source.api.windowMs) continue;
    return {
      pipeline: name, api: source.api.path,
      records: answer.rows.map((row) => {
        const id = pipeline.mapping.id === source.api.idField ? row.id : memberText(row.raw, pipeline.mapping.id);
        return {
          id, version: row.version, json: id === null ? row.raw : withStringMember(row.raw, "id", id),
          problem: id === null ? `no usable ${pipeline.mapping.id}: would be quarantined (TM_NO_ID)` : null,
        };
      }),
    };
  }
}
