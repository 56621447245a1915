import { createHash } from "node:crypto";
import { sql } from "kysely";
import { SourceError } from "../errors.ts";
import type { BearerAnswer, BearerEntry } from "../source/jushuitan/index.ts";
import type { Tx } from "../store/db.ts";
import { markExtracted } from "../store/classify.ts";
import { pageMarks, stagePage, type StagedRow } from "../store/pages.ts";
import { getSlice } from "../store/slices.ts";
import type { BudgetedCall, SliceContext } from "./context.ts";
import { memberText, stagedRows } from "./staged.ts";

/**
 * Makes a call, once a slice: tokens and the records that tell of it are stored in one transaction, so neither is there
 * without the other, whoever owns the slice by then.
 * @throws SourceError; StoreError `TM_LEASE_LOST`
 */
export async function extractCall(context: SliceContext): Promise<void> {
  const { store, slice, signal } = context;
  const { tokens, readNo, seal } = context.call();
  const isMade = async () => (await pageMarks(store.db, slice.id)).length > 0;
  if (!(await isMade())) {
    const answer = await tokens.exchange(signal, isMade, (tx, got, used) => stageCall(tx, context, got, { used, readNo: readNo(), seal }));
    if (answer !== null) checkCount(context, answer);
    context.progress(1);
  }
  const [page] = await pageMarks(store.db, slice.id);
  await markExtracted(store, slice, { endVersion: page!.lastVersion!, reachedEnd: true });
}

async function stageCall(tx: Tx, { slice, account, pipeline }: SliceContext, answer: BearerAnswer, { used, readNo, seal }: { used: { id: string | null; token: string }; readNo: string; seal: BudgetedCall["seal"] }): Promise<void> {
  // Another run may own the slice by now; the page is good for it as well. Of a slice that was dropped nothing is wanted.
  const now = await getSlice(tx, slice.id);
  if (now === null || now.state !== "open") return;
  // By one clock, and above every call before, whatever that clock does.
  const { rows } = await sql<{ at: string; version: string }>`
    select (floor(extract(epoch from clock_timestamp()) * 1000))::bigint::text as at,
      greatest(floor(extract(epoch from clock_timestamp()) * 1000), (select max(end_version) + 1 from slice where stream_id = ${slice.streamId}))::bigint::text as version
  `.execute(tx);
  const { at, version } = rows[0]!;
  const time = new Date(Number(at)).toISOString();
  const id = used.id ?? account.name;
  const records = answer.unchanged
    ? [{ id, raw: JSON.stringify({ id, time, fingerprint: sha256(used.token), renewed: false }) }]
    : answer.entries.map((entry) => ({ id: entry.id, raw: recordOf(entry, time, pipeline.source.number, seal) }));
  const read = records.map(({ id, raw }) => ({ id, version, modifiedMs: null, shopId: null, raw }));
  const staged: StagedRow[] = stagedRows(pipeline.mapping.id, "id", read);
  await stagePage(tx, now, {
    pass: 1, seq: 1, pageNo: 1, fromVersion: null, lastVersion: version, total: staged.length, rows: staged, requests: answer.requests, readNo, reachedEnd: true, isLast: true,
  });
}

/** What tells of a new token; never the token but sealed. @param number a field of the entry that goes along for people to know it by */
function recordOf({ id, token, raw }: BearerEntry, time: string, number: string | undefined, seal: BudgetedCall["seal"]): string {
  const shown = number === undefined ? null : memberText(raw, number);
  const code = shown === null || number === undefined || shown === token || ["id", "time", "fingerprint", "renewed"].includes(number) ? {} : { [number]: shown };
  return JSON.stringify({ id, time, fingerprint: sha256(token), renewed: true, ...code, ...(seal === null ? {} : { token: seal(token) }) });
}

/** `number` where it is a count, or a list, of the answer: it has to be that of the rows read. */
function checkCount({ pipeline }: SliceContext, { body, entries, incomplete, unchanged }: BearerAnswer): void {
  const { number } = pipeline.source;
  const value = number === undefined ? undefined : body[number];
  const digits = typeof value === "string" && /^\d{1,9}$/.test(value) ? Number(value) : value;
  const announced = Array.isArray(digits) ? digits.length : digits;
  const read = entries.length + incomplete;
  if (unchanged || typeof announced !== "number" || announced === read) return;
  throw new SourceError("final", "TM_CALL_COUNT", `${pipeline.source.api} announced ${announced} rows under ${number} and answered ${read}; what it answered is stored`, {
    path: `pipelines.${pipeline.name}.source.number`, fix: "The next run loads what is stored and makes the call again. If it goes on, number does not name the count of these rows: take it out.",
  });
}

function sha256(token: string): string {
  return createHash("sha256").update(token).digest("hex");
}
