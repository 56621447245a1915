import { type Batch, finishBatch, renewClaims, takeBatch } from "../../src/store/batches.ts";
import { markExtracted } from "../../src/store/classify.ts";
import { commitSlice, type SliceCounts } from "../../src/store/commit.ts";
import type { Slice } from "../../src/store/slices.ts";
import type { SliceContext } from "../../src/sync/context.ts";
import { transformSlice } from "../../src/sync/transform.ts";
import { type Bench, sliceContext, stage } from "./pipeline.ts";

/** The target ids of a batch's members, in its order. */
export const ids = (batch: Batch | null) => batch?.members.map((member) => member.id) ?? null;

/** What store tests do with slices of the bench that they have then. */
export function sliceTools(bench: () => Bench) {
  const sender = (attempt = 1, activityId = "1") => ({ token: bench().token, activityId, attempt });
  const context = (slice: Slice): SliceContext => sliceContext(bench(), slice);

  /** A version slice that was read completely. */
  async function extracted(rows: Parameters<typeof stage>[2], from = "1", purpose: Slice["purpose"] = "forward"): Promise<Slice> {
    const slice = await bench().slice({ kind: "version", fromVersion: from }, purpose);
    await stage(bench(), slice, rows);
    await markExtracted(bench().store, slice, { endVersion: rows.at(-1)?.version ?? from });
    return slice;
  }

  /** Sends everything there is. @returns the ids sent */
  async function loadAll(slice: Slice): Promise<string[]> {
    const { store, pipeline } = bench();
    const sent: string[] = [];
    for (;;) {
      const batch = await takeBatch(store, slice, sender(), pipeline.target);
      if (batch === null) return sent;
      const allowed = await renewClaims(store, slice, batch.id, sender(), 4_000);
      const loaded = ids(batch)!.filter((id) => allowed!.has(id));
      await finishBatch(store, slice, batch, sender(), { loaded, refused: [] });
      sent.push(...loaded);
    }
  }

  /** Reads rows of a window, loads what is new and commits. @returns the counts */
  async function loadWindow(pages: Parameters<typeof stage>[2][], purpose: Slice["purpose"] = "initial", readNo?: string): Promise<SliceCounts> {
    const slice = await bench().slice({ kind: "window", fromAt: 0, toAt: 1000 }, purpose);
    for (const [i, rows] of pages.entries()) {
      await stage(bench(), slice, rows, { seq: i + 1, lastVersion: null, total: rows.length, ...(readNo === undefined ? {} : { readNo }) });
    }
    await markExtracted(bench().store, slice, {});
    await transformSlice(context(slice), 1);
    await loadAll(slice);
    return (await commitSlice(bench().store, slice, 0)).counts;
  }

  return { sender, context, extracted, loadAll, loadWindow };
}
