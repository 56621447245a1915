import type { SourceRow } from "../source/contract.ts";
import { withStringMember } from "../json/raw.ts";
import { type Document, oneDocument, openMapper } from "../mapping/mapper.ts";
import type { StrategyContext } from "../mapping/qeasy.ts";
import type { MappingConfig, RecordMapping } from "../mapping/types.ts";
import type { Notice } from "../qeasy/notice.ts";
import { readNewest } from "../source/pages.ts";
import { memberText } from "../sync/staged.ts";
import type { PipelineConfig } from "../config/types.ts";
import { accountOf, listPipelineOf, pipelineContext, type Services } from "../sync/services.ts";

/** One page of a pipeline's source, mapped as the target would get it. Nothing is written. */
export interface Preview {
  pipeline: string;
  api: string;
  /** What the mapping declares; null where rows pass through but for their id. */
  mapping: PreviewMapping | null;
  records: PreviewRecord[];
  /** What was noticed while a strategy's expressions were worked out: fields that rows do not have, values of another type, lookups with several answers. */
  notices: PreviewNotice[];
}

export interface PreviewNotice extends Notice {
  /** How often on this page. */
  times: number;
}

/** What a mapping declares, and the field that the id comes from. */
export type PreviewMapping = RecordMapping & { id: string };

export interface PreviewRecord {
  id: string | null;
  version: string | null;
  /** The row as the source sent it. */
  source: string;
  /** What the target would get; none when the record would be filtered out or set aside. */
  documents: Document[];
  /** Why it would be set aside. */
  problem: string | null;
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
    return { pipeline: name, api: source.api.path, ...(await mapped(pipeline, source.api.idField, answer.rows, await context.strategy(), signal)) };
  }
}

async function mapped(pipeline: PipelineConfig, idField: string, rows: readonly SourceRow[], strategy: StrategyContext, signal: AbortSignal): Promise<Pick<Preview, "mapping" | "records" | "notices">> {
  const { mapping } = pipeline;
  const ids = rows.map((row) => (mapping.id === idField ? row.id : memberText(row.raw, mapping.id)));
  const usable = rows.map((row, i) => ({ id: ids[i]!, raw: row.raw })).filter(({ id }) => id !== null);
  const noticed = new Map<string, PreviewNotice>();
  const report = (notice: Notice) => {
    const key = `${notice.path}\n${notice.text}`;
    noticed.set(key, { ...notice, times: (noticed.get(key)?.times ?? 0) + 1 });
  };
  const mapper = openMapper(pipeline, { ...strategy, report });
  try {
    const made = mapper === null ? usable.map(({ id, raw }) => oneDocument(id, withStringMember(raw, "id", id))) : await mapper.map(usable, signal);
    const next = made.values();
    const records = rows.map((row, i): PreviewRecord => {
      const record = { id: ids[i]!, version: row.version, source: row.raw };
      if (record.id === null) return { ...record, documents: [], problem: `no usable ${mapping.id}: would be quarantined (TM_NO_ID)` };
      const outcome = next.next().value!;
      return "documents" in outcome ? { ...record, documents: outcome.documents, problem: null } : { ...record, documents: [], problem: `${outcome.reason}: would be quarantined (${outcome.code})` };
    });
    return { mapping: mapper === null ? null : { ...mapping.record, ...(await ofStrategy(mapping)), id: mapping.id }, records, notices: [...noticed.values()] };
  } finally {
    await mapper?.close();
  }
}

/** What a strategy's request declares, as the mapping would. */
async function ofStrategy({ qeasy }: MappingConfig): Promise<RecordMapping> {
  if (qeasy === undefined) return {};
  return { fields: (await import("../mapping/qeasy.ts")).strategyFields(qeasy) };
}
