import type { SourceAnswer } from "./contract.ts";

/** A stored page of a pass over a window: all that the next step depends on. */
export interface WindowMark {
  pageNo: number;
  /** Rows of the whole window as this answer announced them. */
  total: number | null;
  rowCount: number;
  /** By this answer nothing follows it. */
  isLast: boolean;
}

export type WindowStep =
  | { do: "read"; page: number }
  /** The pass is complete; its distinct ids are still to be judged. */
  | { do: "judge" }
  /** More than a slice should hold. */
  | { do: "split"; parts: number }
  /** A second that holds more pages than may be asked for. */
  | { do: "giveUp" };

/** Without a total nobody knows how much of a window lies behind a full page. */
const BLIND_PARTS = 4;

/**
 * The next step of a pass over a closed window. Page 1 comes first, for the count, and is the whole pass if it holds
 * everything; otherwise pages are read from the last to the second and page 1 again at the end. Rows only ever leave a
 * closed window, so what shifts moves toward pages that are still to be read. Where answers announce no total, a window is
 * split until page 1 is all of it; a single second is then read page by page until nothing follows.
 * @param marks the stored pages of this pass, in reading order
 */
export function nextWindowStep(marks: readonly WindowMark[], { pageSize, maxRecords, maxPages, divisible }: WindowLimits): WindowStep {
  const first = marks[0];
  if (first === undefined) return { do: "read", page: 1 };
  if (isWhole(first, pageSize)) return { do: "judge" };
  const latest = marks[marks.length - 1]!;
  if (first.total === null) {
    if (divisible) return { do: "split", parts: BLIND_PARTS };
    if (latest.isLast) return { do: "judge" };
    return latest.pageNo >= (maxPages ?? Infinity) ? { do: "giveUp" } : { do: "read", page: latest.pageNo + 1 };
  }
  const { total } = first;
  const most = Math.min(2 * maxRecords, (maxPages ?? Infinity) * pageSize);
  if (divisible && total > most) return { do: "split", parts: Math.min(Math.ceil(total / Math.min(maxRecords, most)), 64) };
  if (maxPages !== null && total > maxPages * pageSize) return { do: "giveUp" };
  if (marks.length === 1) return { do: "read", page: Math.ceil(Math.max(total, first.rowCount) / pageSize) };
  return latest.pageNo > 1 ? { do: "read", page: latest.pageNo - 1 } : { do: "judge" };
}

/** What bounds a pass. */
export interface WindowLimits {
  pageSize: number;
  /** More records than about twice as many are too much for a slice. */
  maxRecords: number;
  /** Pages beyond this number cannot be asked for; null: no such limit. */
  maxPages: number | null;
  /** Whether the window is longer than a second. */
  divisible: boolean;
}

/** Whether page 1 alone is the whole window: by the source's own count or, without one, since nothing follows it. */
export function isWhole(first: WindowMark, pageSize: number): boolean {
  return first.total === null ? first.isLast : first.total <= pageSize && first.rowCount >= first.total;
}

/** Whether nothing follows an answer: it is not full, and does not say otherwise. */
export function isLastAnswer({ rows, hasNext }: Pick<SourceAnswer, "rows" | "hasNext">, pageSize: number): boolean {
  return rows.length === 0 || (rows.length < pageSize && hasNext !== true);
}

export interface PassCounts {
  rows: number;
  distinct: number;
}

/**
 * Whether a finished pass proves that the window was read completely. Rows that leave explain a falling total and, one
 * for one, an id that comes twice; nothing else is explained.
 * @returns null when it does, else what does not add up
 */
export function judgePass(marks: readonly WindowMark[], counts: PassCounts): string | null {
  if (marks.length === 1 && marks[0]!.total === null && marks[0]!.isLast) return null;
  const totals = marks.map((mark) => mark.total);
  if (totals.some((total) => total === null)) return "an answer announces no total";
  const known = totals as number[];
  const first = known[0]!;
  const last = known[known.length - 1]!;
  if (known.some((total, i) => i > 0 && total > known[i - 1]!)) return "the announced total grew while the window was read";
  if (counts.rows - counts.distinct > first - last) return "an id came twice without a row having left the window";
  if (counts.distinct < last) return `${counts.distinct} different ids were read, ${last} were announced`;
  return null;
}

/** Borders that cut [from, to] (ms, whole seconds) into at most `parts` windows which share their border seconds. */
export function cutWindow(from: number, to: number, parts: number): number[] {
  const seconds = Math.round((to - from) / 1000);
  const count = Math.max(1, Math.min(parts, seconds));
  return Array.from({ length: count + 1 }, (_, i) => from + Math.round((seconds * i) / count) * 1000);
}
