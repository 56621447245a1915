/** A stored page of a pass over a window: all that the next step depends on. */
export interface WindowMark {
  pageNo: number;
  /** Rows of the whole window as this answer announced them. */
  total: number | null;
  rowCount: number;
}

export type WindowStep =
  | { do: "read"; page: number }
  /** The pass is complete; its distinct ids are still to be judged. */
  | { do: "judge" }
  /** More than a slice should hold. */
  | { do: "split"; parts: number };

/**
 * The next step of a pass over a closed window. Page 1 comes first, for the count, and is the whole pass if it holds
 * everything; otherwise pages are read from the last to the second and page 1 again at the end. Rows only ever leave a
 * closed window, so what shifts moves toward pages that are still to be read.
 * @param marks the stored pages of this pass, in reading order
 */
export function nextWindowStep(marks: readonly WindowMark[], pageSize: number, maxRecords: number, divisible: boolean): WindowStep {
  const first = marks[0];
  if (first === undefined) return { do: "read", page: 1 };
  if (isWhole(first, pageSize)) return { do: "judge" };
  const total = first.total ?? 0;
  if (divisible && total > 2 * maxRecords) return { do: "split", parts: Math.min(Math.ceil(total / maxRecords), 64) };
  const latest = marks[marks.length - 1]!;
  if (marks.length === 1) return { do: "read", page: Math.ceil(Math.max(total, first.rowCount) / pageSize) };
  return latest.pageNo > 1 ? { do: "read", page: latest.pageNo - 1 } : { do: "judge" };
}

/** Whether page 1 alone is the whole window by the source's own count. */
export function isWhole(first: WindowMark, pageSize: number): boolean {
  return first.total !== null && first.total <= pageSize && first.rowCount >= first.total;
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
