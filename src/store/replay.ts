import { sql } from "kysely";
import type { SourceConfig } from "../config/types.ts";
import type { Store, Tx } from "./db.ts";
import { type NewPage, type StagedRow, stagePage } from "./pages.ts";
import { type EntryFilter, type ReplayEntry, takeEntries } from "./quarantine-entries.ts";
import { addRange } from "./ranges.ts";
import { insertSlice, type Slice } from "./slices.ts";

/** What became of the entries that were to be tried again. */
export interface ReplayPlan {
  /** Their slice, which the backfill lane works on; null when there is nothing to try. */
  slice: string | null;
  replayed: number;
  /** A newer version was loaded since: resolved without a try. */
  newer: number;
  /** Their text is not kept: they are read from the source again, by the next run. */
  reread: number;
  /** Neither text nor modified time is known: only a change at the source brings them again. */
  unreachable: number;
}

export interface ReplayInput {
  streamId: string;
  source: SourceConfig;
  /** Archived records are asked for separately. */
  archive: boolean;
  filter: EntryFilter;
  /** Texts as rows, in the same order. */
  read: (texts: readonly string[]) => StagedRow[];
}

const PAGE_ROWS = 200;

/**
 * Stages the texts of quarantined records as a slice of their own, which goes the ordinary way: sorted against the index,
 * mapped, claimed, sent, committed with a ledger row. One transaction.
 */
export function planReplay(store: Store, input: ReplayInput): Promise<ReplayPlan> {
  const { streamId, source } = input;
  return store.transaction(async (tx) => {
    const { entries, newer } = await takeEntries(tx, streamId, input.filter);
    const kept = entries.filter((entry) => entry.raw !== null);
    const lost = entries.filter((entry) => entry.raw === null);
    await sql`
      update record r set resend = true
      where r.stream_id = ${streamId} and r.held = 'quarantined' and r.source_id = any(${entries.map((entry) => entry.sourceId)}::text[])
    `.execute(tx);
    const reread = await readAgain(tx, input, lost);
    const plan = { newer, reread, unreachable: lost.length - reread, replayed: kept.length };
    if (kept.length === 0) return { ...plan, slice: null };
    // Adopted by the lane's next run, under its token.
    const slice = await insertSlice(tx, { streamId, lane: "backfill", purpose: "replay", token: "0", source, bounds: { kind: "rows" } });
    await stage(tx, slice, input.read(kept.map((entry) => entry.raw!)), kept.map((entry) => entry.readNo));
    return { ...plan, slice: slice.id };
  });
}

async function stage(tx: Tx, slice: Slice, rows: readonly StagedRow[], readNos: readonly string[]): Promise<void> {
  for (let at = 0; at < rows.length; at += PAGE_ROWS) {
    const page: NewPage = {
      pass: 1, seq: at / PAGE_ROWS + 1, pageNo: 1, fromVersion: null, lastVersion: null, total: null, rows: rows.slice(at, at + PAGE_ROWS),
      // Nothing is read: each counts as of when it was.
      requests: 0, readNo: "0", readNos: readNos.slice(at, at + PAGE_ROWS), reachedEnd: false, isLast: true,
    };
    await stagePage(tx, slice, page);
  }
  await sql`update slice set state = 'extracted' where id = ${slice.id}`.execute(tx);
}

async function readAgain(tx: Tx, { streamId, archive }: ReplayInput, entries: readonly ReplayEntry[]): Promise<number> {
  const seconds = new Set(entries.flatMap(({ modified }) => (modified === null ? [] : [Math.floor(modified / 1000) * 1000])));
  for (const second of seconds) await addRange(tx, { streamId, purpose: "resend", fromAt: second, toAt: second, archiveToo: archive });
  return entries.filter(({ modified }) => modified !== null).length;
}
