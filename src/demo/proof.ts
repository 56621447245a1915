import { coverageNote, type CoverageNote } from "../ops/coverage-note.ts";
import { runLink } from "../ops/open.ts";
import { compareSourceAndTarget, type Comparison } from "../simulator/compare.ts";
import type { Machines } from "./machines.ts";
import { ORDERS_API, PIPELINE } from "./settings.ts";
import { admin } from "./simulators.ts";

/** What the demo shows at its end; with `--json` this object is all that it prints. */
export interface Proof {
  /** Orders that the frozen source shows. */
  source: number;
  /** Orders that the target holds. */
  target: number;
  missing: number;
  stale: number;
  duplicated: number;
  /** Orders whose text differs from the source's by a single byte. */
  wrongContent: number;
  pagesAskedTwice: number;
  requestsPer1000: number;
  /** Orders that the source changed and added while it was read, and how many of these writes became visible late. */
  changes: number;
  inserts: number;
  late: number;
  workersKilled: number;
  workflows: { id: string; link: string }[];
  neverReturns: readonly string[];
  silentShops: CoverageNote["silentShops"];
  seconds: number;
}

interface SourceState {
  pagesAskedTwice: number;
  requests: { byPath: Record<string, number> };
  writes: { changes: number; inserts: number; late: number };
}

/** Compares source and target order by order. The source has to be frozen. */
export async function prove(machines: Machines, facts: { workersKilled: number; began: number; signal: AbortSignal }): Promise<Proof> {
  const { sourceUrl, targetUrl, store, temporal } = machines;
  const state = await admin<SourceState>(sourceUrl, "state");
  const comparison: Comparison = await compareSourceAndTarget({ jushuitanUrl: sourceUrl, qeasyUrl: targetUrl, api: ORDERS_API });
  const note = await coverageNote(store.services, PIPELINE, facts.signal);
  const requests = state.requests.byPath[ORDERS_API] ?? 0;
  return {
    source: comparison.source, target: comparison.target, missing: comparison.missing, stale: comparison.stale,
    duplicated: comparison.duplicated, wrongContent: comparison.wrongContent, pagesAskedTwice: state.pagesAskedTwice,
    requestsPer1000: Math.round((requests / Math.max(comparison.source, 1)) * 10_000) / 10,
    changes: state.writes.changes, inserts: state.writes.inserts, late: state.writes.late, workersKilled: facts.workersKilled,
    workflows: await workflows(machines, temporal), neverReturns: note.neverReturns, silentShops: note.silentShops,
    seconds: Math.round((performance.now() - facts.began) / 1000),
  };
}

/** Runs that are worth opening: the backfill, and the newest sync runs. */
async function workflows({ temporal }: Machines, at: Machines["temporal"]): Promise<Proof["workflows"]> {
  const found: Proof["workflows"] = [];
  for (const query of [`WorkflowId = "backfill/${PIPELINE}"`, `TidemarkPipeline = "${PIPELINE}" AND TidemarkKind = "sync"`]) {
    let count = 0;
    for await (const run of temporal.client.workflow.list({ query, pageSize: 3 })) {
      found.push({ id: run.workflowId, link: runLink(at, run.workflowId, run.runId) ?? "" });
      if (++count === 2) break;
    }
  }
  return found;
}

/** Whether the proof holds. */
export function holds(proof: Proof): boolean {
  return proof.source > 0 && proof.source === proof.target && proof.missing + proof.stale + proof.duplicated + proof.wrongContent === 0;
}
