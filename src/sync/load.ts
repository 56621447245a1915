import { sql } from "kysely";
import { TargetError } from "../errors.ts";
import { elementsOf } from "../json/raw.ts";
import { type Batch, type BatchMember, type BatchOutcome, documentsOf, doubtLost, finishBatch, renewClaims, type Sender, takeBatch } from "../store/batches.ts";
import { pageBody } from "../store/pages.ts";
import type { Refusal } from "../store/quarantine.ts";
import type { OutRecord } from "../target/contract.ts";
import { deliver, type Recheck, type RefusedRecord } from "../target/deliver.ts";
import type { SliceContext } from "./context.ts";

/** Time (ms) that must be left on the lease beyond the request's own time limit when it is written. */
const LEASE_SLACK_MS = 500;

/**
 * Sends the slice's batches, one after the other, until nobody has any left to send. Several senders may work on one slice.
 * @throws TargetError `retry`, `misconfigured`; StoreError
 */
export async function loadBatches(context: SliceContext, sender: Sender): Promise<{ batches: number }> {
  const { store, slice, pipeline } = context;
  let batches = 0;
  for (;;) {
    const batch = await takeBatch(store, slice, sender, pipeline.target);
    if (batch === null) return { batches };
    await sendBatch(context, sender, batch);
    batches++;
    context.progress(batches);
  }
}

/** Ids whose requests were written: those that were answered, and those of the latest one, of which nothing was heard yet. */
interface Sent {
  answered: Set<string>;
  open: Set<string>;
}

async function sendBatch(context: SliceContext, sender: Sender, batch: Batch): Promise<void> {
  const { store, slice, pipeline } = context;
  const documents = documentsOf(batch);
  const records = batch.members.flatMap(({ id: recordId, sourceId, version }, i) => documents[i]!.map(({ id, json }): OutRecord => ({ id, recordId, sourceId, version, slice: slice.id, json })));
  const sent: Sent = { answered: new Set(), open: new Set() };
  const delivery = await deliver(context.target(), records, slice.purpose === "remap" ? `${batch.form}/${slice.id}` : batch.form, pipeline.target.maxRefused, recheck(context, sender, batch, sent)).catch(async (error: unknown) => {
    await doubtLost(store, slice, batch, sender, [...sent.answered], 0);
    // Given up, not ended: it may still reach the target, later than what another sender sends meanwhile.
    await doubtLost(store, slice, batch, sender, [...sent.open], pipeline.target.zombieAfterMs);
    throw error;
  });
  const taken = new Map<string, number>();
  for (const { recordId } of delivery.loaded) taken.set(recordId, (taken.get(recordId) ?? 0) + 1);
  const isWhole = ({ id }: BatchMember, i: number) => taken.get(id) === documents[i]!.length;
  const outcome: BatchOutcome = {
    loaded: batch.members.filter(isWhole).map(({ id }) => id),
    begun: batch.members.filter((member, i) => taken.has(member.id) && !isWhole(member, i)).map(({ id }) => id),
    refused: await Promise.all(delivery.refused.map((refused) => refusalOf(context, refused))),
  };
  // false: another sender owns the batch; what was sent is written down as doubtful, the rest is its business.
  await finishBatch(store, slice, batch, sender, outcome);
}

/**
 * Renews the claims before each request and fixes the moment, by the monotonic clock, after which the request must not be
 * written any more: a worker that was frozen in between finds that out before it sends.
 */
function recheck(context: SliceContext, sender: Sender, batch: Batch, sent: Sent): Recheck {
  const { store, slice, pipeline, signal } = context;
  const { leaseMs, timeoutMs } = pipeline.target;
  return async () => {
    // One request at a time: whoever asks for the next one has heard of the last.
    for (const id of sent.open) sent.answered.add(id);
    sent.open.clear();
    signal.throwIfAborted();
    const [asked, askedAt] = [performance.now(), Date.now()];
    const allowed = await renewClaims(store, slice, batch.id, sender, leaseMs);
    // Not the end of the run: the next attempt sees whether the slice is still its own.
    if (allowed === null) throw new TargetError("lease-lost", "TM_LEASE_EXPIRED", "another sender has taken over this batch");
    context.progress(0);
    const leftMs = leaseMs - timeoutMs - LEASE_SLACK_MS;
    return {
      allowed,
      written: (ids) => {
        for (const id of ids) {
          sent.answered.delete(id);
          sent.open.add(id);
        }
      },
      guard: {
        signal,
        beforeWrite: () => {
          // The monotonic clock stands still while the machine sleeps, the other one may be set back: both have to agree.
          if (performance.now() <= asked + leftMs && Date.now() <= askedAt + leftMs) return;
          throw new TargetError("lease-lost", "TM_LEASE_EXPIRED", "the claims on this batch would have run out before its request could be answered, so it was not sent");
        },
      },
    };
  };
}

async function refusalOf({ store, slice }: SliceContext, { record, error }: RefusedRecord): Promise<Refusal> {
  const received = error.details.received;
  const of = record.id === record.recordId ? "" : `document ${JSON.stringify(record.id)}: `;
  return {
    sourceId: record.sourceId, code: error.code,
    reason: of + (typeof received === "string" && received !== "" ? `${error.message}: ${received}` : error.message),
    raw: await rawRow(),
  };

  /** The record as the source sent it, from its page. */
  async function rawRow(): Promise<string | null> {
    const { rows } = await sql<{ pass: number; seq: number; ord: number }>`
      select pass, seq, ord from item where slice_id = ${slice.id} and source_id = ${record.sourceId}
    `.execute(store.db);
    const at = rows[0];
    return at === undefined ? null : (elementsOf(await pageBody(store.db, slice.id, at.pass, at.seq))[at.ord - 1] ?? null);
  }
}
