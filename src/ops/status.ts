import { sql } from "kysely";
import type { SourceConfig, TidemarkConfig } from "../config/types.ts";
import { getApi } from "../source/jushuitan/index.ts";
import type { SafeCursor } from "../source/contract.ts";
import type { Store } from "../store/db.ts";
import type { Gap } from "../store/gaps.ts";
import { findStream } from "../store/streams.ts";
import { checkpointOf, formatInstant } from "../sync/labels.ts";
import { type RemapStatus, remapStatus } from "../sync/remaps.ts";
import { type BackfillStatus, backfillStatus } from "../sync/requests.ts";
import { pipelineGaps } from "./gaps.ts";
import { type KeptRows, keptRows } from "./kept.ts";

/** How a pipeline stands, from the store alone. */
export interface PipelineStatus {
  name: string;
  /** null before the first run. */
  cursor: SafeCursor | "call" | null;
  /** A version, or an ISO 8601 time. */
  checkpoint: string | null;
  newestCommitAt: string | null;
  /** ms since the newest commit; null before the first. */
  ageMs: number | null;
  /** Above this age (ms) the pipeline is late. */
  limitMs: number;
  late: boolean;
  /** Records in quarantine. */
  quarantined: number;
  /** Records that a person gave up, with a reason: not in the target in this version, and in no quarantine. */
  discarded: number;
  /** Ids whose newest version will be sent again, since an earlier request may still be under way. */
  doubtful: number;
  /** Slices that are not committed yet. */
  openSlices: number;
  /** Windows that could not be proved so far; every run tries them again. */
  unproven: number;
  /** Modified time that was skipped on a person's word, and is neither read nor verified since. */
  gaps: GapStatus[];
  /** Nothing doubtful, nothing open. */
  settled: boolean;
  /** Whether a sync run has the pipeline now. */
  running: boolean;
  initialLoad: { complete: boolean; waitingFor: string | null };
  backfills: BackfillStatus[];
  remaps: RemapStatus[];
  /** Raw rows that stay in the store; null: none. */
  kept: KeptRows | null;
  /** `source.keepRows`; a number: ms. */
  keepRows: SourceConfig["keepRows"];
  loaded: number;
  /** Records whose newest version the mapping leaves out. */
  filtered: number;
  neverReturns: readonly string[];
  /** Why nothing that is said of this pipeline is proved; null: it is. */
  notProvable: string | null;
}

export interface GapStatus {
  from: string;
  to: string;
  because: string;
  acceptedAt: string;
}

export async function pipelineStatus(store: Store, config: TidemarkConfig, name: string): Promise<PipelineStatus> {
  const pipeline = config.pipelines[name]!;
  const stream = await findStream(store.db, name);
  const { neverReturns, notProvable } = getApi(pipeline.source.api, config.apis);
  const base = { name, limitMs: pipeline.freshnessMs, keepRows: pipeline.source.keepRows, neverReturns, notProvable };
  if (stream === null) {
    return {
      ...base, cursor: null, checkpoint: null, newestCommitAt: null, ageMs: null, late: false, quarantined: 0, discarded: 0, doubtful: 0, openSlices: 0, unproven: 0, gaps: [],
      settled: true, running: false, initialLoad: { complete: false, waitingFor: "its first run" }, backfills: [], remaps: [], kept: null, loaded: 0, filtered: 0,
    };
  }
  const { rows } = await sql<{
    quarantined: number; discarded: number; doubtful: number; openSlices: number; running: boolean; loaded: number; filtered: number; ageMs: number | null;
    initialOpen: number; rereadAt: number | null; headRead: boolean; unproven: number; borderOpen: boolean;
  }>`
    select (select count(*)::int from quarantine where stream_id = t.id and state = 'open') as quarantined,
      (select count(*)::int from quarantine where stream_id = t.id and state = 'discarded') as discarded,
      (select count(distinct id)::int from doubt where stream_id = t.id) as doubtful,
      (select count(*)::int from slice where stream_id = t.id and state in ('open', 'extracted', 'classified')) as "openSlices",
      exists (select 1 from lease where stream_id = t.id and lane = 'forward' and until > clock_timestamp()) as running,
      (select count(*)::int from record where stream_id = t.id and held = 'loaded') as loaded,
      (select count(*)::int from record where stream_id = t.id and held = 'filtered') as filtered,
      (extract(epoch from clock_timestamp() - t.newest_commit_at) * 1000)::float8 as "ageMs",
      (select count(*)::int from load_range where stream_id = t.id and purpose in ('initial', 'reread') and state in ('open', 'planned'))
        + (select count(*)::int from sweep where stream_id = t.id and archive and completed_at is null) as "initialOpen",
      (select (extract(epoch from max(not_before)) * 1000)::float8 from load_range
        where stream_id = t.id and purpose = 'reread' and state in ('open', 'planned')) as "rereadAt",
      exists (select 1 from slice where stream_id = t.id and purpose = 'forward' and state = 'committed' and reached_end) as "headRead",
      (select count(*)::int from slice where stream_id = t.id and state = 'open' and unproven_by is not null) as unproven,
      -- by windows, the sweeps read the border of the first load once more
      (cursor = 'window' and proven_at < t.started_at) as "borderOpen"
    from stream t where t.id = ${stream.id}
  `.execute(store.db);
  const row = rows[0]!;
  const complete = row.headRead && row.initialOpen === 0 && !row.borderOpen;
  return {
    ...base, cursor: getApi(pipeline.source.api, config.apis).call === true ? "call" : stream.cursor,
    checkpoint: checkpointOf(stream),
    newestCommitAt: formatInstant(stream.newestCommitAt), ageMs: row.ageMs === null ? null : Math.round(row.ageMs),
    late: row.ageMs !== null && row.ageMs > pipeline.freshnessMs,
    quarantined: row.quarantined, discarded: row.discarded, doubtful: row.doubtful, openSlices: row.openSlices, unproven: row.unproven,
    gaps: (await pipelineGaps(store.db, config, stream)).map(gapStatus),
    settled: row.openSlices === 0 && row.doubtful === 0, running: row.running,
    initialLoad: { complete, waitingFor: complete ? null : waitingFor(row) },
    backfills: await backfillStatus(store.db, stream.id), remaps: await remapStatus(store.db, stream.id),
    kept: await keptRows(store.db, stream.id, pipeline.source.keepRows), loaded: row.loaded, filtered: row.filtered,
  };
}

function gapStatus({ from, to, because, acceptedAt }: Gap): GapStatus {
  return { from: formatInstant(from)!, to: formatInstant(to)!, because, acceptedAt: formatInstant(acceptedAt)! };
}

function waitingFor(row: { initialOpen: number; rereadAt: number | null; headRead: boolean }): string {
  if (!row.headRead) return "the head of the source";
  if (row.rereadAt !== null && row.rereadAt > Date.now()) return `one more reading of the border, due at ${formatInstant(row.rereadAt)}`;
  return row.initialOpen === 0 ? "one more reading of the border, by a sweep" : "its remaining windows or archived records";
}
