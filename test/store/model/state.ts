import type { Pool } from "pg";

export interface SliceState {
  id: number; lane: string; purpose: string; kind: string; state: string; range: number | null; from: number | null; end: number | null;
  fromAt: number | null; toAt: number | null; read: number; duplicate: number; unchanged: number; superseded: number; quarantined: number; filtered: number; loaded: number;
}

/** What is committed in the store at one moment. */
export interface StoreState {
  checkpoint: number | null;
  slices: SliceState[];
  records: { id: string; held: string | null; version: number | null; resend: boolean; batch: number | null; until: number | null }[];
  pages: { slice: number; pass: number; ids: string[]; versions: number[] }[];
  items: { slice: number; id: string; version: number; outcome: string; batch: number | null }[];
  batches: { id: number; slice: number; state: string; owner: string | null; count: number }[];
  doubts: { id: string; batch: number; sender: string }[];
  quarantine: { id: string; version: number; state: string }[];
  ranges: { id: number; purpose: string; state: string; from: number; to: number; next: number }[];
  sweeps: { id: number; done: boolean }[];
}

export async function readState(pool: Pool, streamId: string): Promise<StoreState> {
  const list = (select: string) => `coalesce((select json_agg(x) from (${select}) x), '[]')`;
  const ofStream = "slice_id in (select id from slice where stream_id = $1)";
  const { rows } = await pool.query<{ state: StoreState }>(`select json_build_object(
    'checkpoint', (select checkpoint_version from stream where id = $1),
    'slices', ${list(`select id, lane, purpose, kind, state, range_id as range, from_version as from, end_version as end, ${ms("from_at")} as "fromAt", ${ms("to_at")} as "toAt",
      read, duplicate, unchanged, superseded, quarantined, filtered, loaded from slice where stream_id = $1 order by id`)},
    'records', ${list(`select id, held, version, resend, batch_id as batch, ${ms("claim_until")} as until from record where stream_id = $1`)},
    'pages', ${list(`select slice_id as slice, pass, source_ids as ids, versions from page where ${ofStream}`)},
    'items', ${list(`select slice_id as slice, id, version, outcome, batch_id as batch from item where ${ofStream}`)},
    'batches', ${list("select id, slice_id as slice, state, owner, record_count as count from batch where stream_id = $1")},
    'doubts', ${list("select id, batch_id as batch, sender from doubt where stream_id = $1")},
    'quarantine', ${list("select source_id as id, version, state from quarantine where stream_id = $1")},
    'ranges', ${list(`select id, purpose, state, ${ms("from_at")} as from, ${ms("to_at")} as to, ${ms("next_at")} as next from load_range where stream_id = $1`)},
    'sweeps', ${list("select id, completed_at is not null as done from sweep where stream_id = $1")}) as state`, [streamId]);
  return rows[0]!.state;
}

const ms = (column: string) => `extract(epoch from ${column}) * 1000`;
