import { sql } from "kysely";
import { StoreError } from "../errors.ts";
import type { SourceAnswer } from "../source/contract.ts";
import { checkVersionPage } from "../source/walk-version.ts";
import { cutWindow, isLastAnswer, isWhole, judgePass, nextWindowStep } from "../source/walk-window.ts";
import { markExtracted } from "../store/classify.ts";
import { readSourceClock, sourceOffset } from "../store/clock.ts";
import { type PageMark, pageMarks, passCounts, stagePage } from "../store/pages.ts";
import { getSlice, splitSlice } from "../store/slices.ts";
import { epochMs } from "../store/streams.ts";
import { extractCall } from "./call.ts";
import type { SliceContext } from "./context.ts";
import { extractList } from "./extract-list.ts";
import { type Extraction, finished, MOST_PASSES, staged, unproven } from "./extraction.ts";

/** Pages a version slice holds at most, however small they are. */
const MOST_PAGES = 400;

/**
 * Reads a slice page by page, from where its stored pages end. Each page is stored before the next position is taken from
 * the stored page, so another attempt may go on at any moment.
 * @throws SourceError; StoreError `TM_LEASE_LOST`
 */
export async function extractSlice(context: SliceContext): Promise<Extraction> {
  const { slice } = context;
  const before = await endedElsewhere(context);
  if (before !== null) return before;
  try {
    if (slice.kind === "rows") {
      await extractCall(context);
      return await finished(context, "extracted");
    }
    return await (slice.kind === "version" ? extractVersions(context) : slice.kind === "snapshot" ? extractList(context) : extractWindow(context));
  } catch (error) {
    const meanwhile = error instanceof StoreError && error.code === "TM_LEASE_LOST" ? await endedElsewhere(context) : null;
    if (meanwhile !== null) return meanwhile;
    throw error;
  }
}

/** How another attempt, or the run before, ended reading this slice; null when it has not, or the slice has a new owner. */
async function endedElsewhere(context: SliceContext): Promise<Extraction | null> {
  const now = await getSlice(context.store.db, context.slice.id);
  if (now === null || now.state === "open" || now.token !== context.slice.token) return null;
  return finished(context, now.state === "split" ? "split" : "extracted");
}

async function extractVersions(context: SliceContext): Promise<Extraction> {
  const { slice, store } = context;
  const run = await runStart(context);
  const marks = await pageMarks(store.db, slice.id);
  const mostPages = Math.min(MOST_PAGES, Math.ceil(slice.maxRecords / (slice.pageSize - 1)));
  let latest: PageMark | undefined = marks[marks.length - 1];
  const { source, readNo } = context.source();
  while (latest?.isLast !== true) {
    const from: string = latest?.lastVersion ?? slice.fromVersion!;
    const answer = await source.readVersions({ from, pageSize: slice.pageSize, params: slice.params, archive: slice.archive }, context.signal);
    const page = checkVersionPage(from, slice.pageSize, answer);
    // What ends a run proves nothing beyond its cursor; a walk that nobody takes up again ends only where nothing follows.
    const reachedEnd = slice.purpose === "forward" ? page.reachedEnd || (await passedRunStart(context, answer, page.last, run)) : page.last === from;
    const bounded = slice.toVersion !== null && BigInt(page.last) >= BigInt(slice.toVersion);
    const seq: number = (latest?.seq ?? 0) + 1;
    latest = await stagePage(store.db, slice, {
      pass: 1, seq, pageNo: 1, fromVersion: from, lastVersion: page.last, total: null, rows: staged(context, answer.rows),
      requests: answer.requests, readNo: readNo(), reachedEnd, isLast: reachedEnd || bounded || seq >= mostPages,
    });
    context.progress(latest.seq);
  }
  await markExtracted(store, slice, { endVersion: latest.lastVersion ?? slice.fromVersion! });
  return finished(context, "extracted");
}

interface RunStart {
  startedAt: number;
  headVersion: string | null;
}

/** When the slice was made by the run that owns the lane, and the highest version seen before that run. */
async function runStart({ store, slice }: SliceContext): Promise<RunStart> {
  const { rows } = await sql<RunStart>`
    select (extract(epoch from greatest(l.started_at, s.created_at)) * 1000)::float8 as "startedAt", l.head_version::text as "headVersion"
    from slice s join lease l on l.stream_id = s.stream_id and l.lane = s.lane where s.id = ${slice.id}
  `.execute(store.db);
  return rows[0]!;
}

/**
 * On a source that never rests a run ends once it has passed everything that was there when it began. A time to come, as a
 * clock that was put back leaves it, says nothing about when its row was written.
 */
async function passedRunStart({ store, account }: SliceContext, answer: SourceAnswer, last: string, run: RunStart): Promise<boolean> {
  const modified = answer.rows[answer.rows.length - 1]?.modifiedMs ?? null;
  if (modified === null || (run.headVersion !== null && BigInt(last) < BigInt(run.headVersion))) return false;
  const { now, offset } = await readSourceClock(store.db, account.name);
  return modified >= run.startedAt + offset + 1000 && modified <= now + 1000;
}

async function extractWindow(context: SliceContext): Promise<Extraction> {
  const { slice, store } = context;
  const { source, readNo } = context.source();
  const divisible = slice.toAt! > slice.fromAt! + 1_000;
  const marks = await pageMarks(store.db, slice.id);
  let pass = Math.max(1, ...marks.map((mark) => mark.pass));
  let passMarks = marks.filter((mark) => mark.pass === pass);
  for (;;) {
    const step = nextWindowStep(passMarks, { pageSize: slice.pageSize, maxRecords: slice.maxRecords, maxPages: source.api.maxPages, divisible });
    if (step.do === "split") return split(context, step.parts);
    if (step.do === "giveUp") return unproven(context, `holds more than ${source.api.maxPages} pages, and the API answers no further ones`);
    if (step.do === "judge") {
      const verdict = await judge(context, pass, passMarks, divisible);
      if (verdict === "good") break;
      if (verdict === "split") return split(context, 2);
      if (verdict === "unproven") return unproven(context);
      pass++;
      passMarks = [];
      continue;
    }
    const answer = await source.readWindow({
      from: slice.fromAt!, to: slice.toAt!, page: step.page, pageSize: slice.pageSize, params: slice.params, archive: slice.archive,
    }, context.signal);
    const isLast = answer.total === null && isLastAnswer(answer, slice.pageSize);
    const mark = { pageNo: step.page, total: answer.total, rowCount: answer.rows.length, isLast };
    // The first answer is there for the count; its rows count only if they are all there are, or no count tells the last page.
    const kept = passMarks.length > 0 || answer.total === null || isWhole(mark, slice.pageSize);
    const seq = passMarks.length + 1;
    const stored = await stagePage(store.db, slice, {
      pass, seq, pageNo: step.page, fromVersion: null, lastVersion: null, total: answer.total, isLast,
      rows: kept ? staged(context, answer.rows) : [], requests: answer.requests, readNo: readNo(), reachedEnd: false,
    });
    passMarks = [...passMarks, stored];
    context.progress(seq);
  }
  await markExtracted(store, slice, { reachedEnd: await endsAtHead(context) });
  return finished(context, "extracted");
}

/** Whether a forward window ends where this run's first look could see, by the earlier of Postgres's and the source's clock. */
async function endsAtHead({ store, slice, pipeline, account }: SliceContext): Promise<boolean> {
  const { rows } = await sql<{ startedAt: number }>`
    select ${epochMs("started_at")} as "startedAt" from lease where stream_id = ${slice.streamId} and lane = ${slice.lane}
  `.execute(store.db);
  const behindMs = Math.min(0, await sourceOffset(store.db, account.name));
  return slice.purpose === "forward" && slice.toAt! >= rows[0]!.startedAt + behindMs - pipeline.source.settleMs - 1_000;
}

/** Whether the finished pass proves the window, by itself or by agreeing with the pass before. */
async function judge(context: SliceContext, pass: number, marks: PageMark[], divisible: boolean): Promise<"good" | "split" | "again" | "unproven"> {
  const { slice, store } = context;
  const counts = await passCounts(store.db, slice.id, pass);
  const doubt = judgePass(marks, counts);
  if (doubt === null && (pass === 1 || isWhole(marks[0]!, slice.pageSize))) return "good";
  if (divisible) return "split";
  if (pass > 1 && counts.digest === (await passCounts(store.db, slice.id, pass - 1)).digest) return "good";
  return pass < MOST_PASSES ? "again" : "unproven";
}

async function split(context: SliceContext, parts: number): Promise<Extraction> {
  const { slice, store } = context;
  await store.transaction((tx) => splitSlice(tx, slice, cutWindow(slice.fromAt!, slice.toAt!, parts)));
  return finished(context, "split");
}
