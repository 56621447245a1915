import type { Collection } from "./collection.ts";
import type { JushuitanSettings } from "./options.ts";
import type { Query } from "./query.ts";
import type { Store } from "./store.ts";

/** The rows of a page, by number, and what an answer says about the rest. */
export interface Page {
  indexes: number[];
  total: number;
  hasNext: boolean;
}

/** Reads a page of what is visible now. */
export function readPage(store: Store, table: Collection, query: Query): Page {
  const skip = (query.page - 1) * query.pageSize;
  if (query.ids !== null) return slice(byIds(table, query), skip, query.pageSize);
  const { log } = table;
  const { view, startTs } = query;
  const fromTs = startTs === null ? 0 : log.firstVersion(store.distanceOf(startTs));
  const window = windowOf(store, query);
  const { windowOrder } = store.settings;
  const inOrder = window === null || isSorted(table);
  if (!inOrder || query.statuses !== null || (startTs === null && windowOrder === "id")) return slice(scan(store, table, query, fromTs, window), skip, query.pageSize);

  const from = window === null ? fromTs : Math.max(fromTs, log.firstModified(window.begin));
  const before = log.countBefore(view, from);
  const total = Math.max(0, log.countBefore(view, window === null ? log.size : log.firstModified(window.end)) - before);
  const count = Math.max(0, Math.min(query.pageSize, total - skip));
  const descending = startTs === null && windowOrder === "modified-desc";
  const first = descending ? total - skip - count : skip;
  const indexes: number[] = [];
  if (count > 0) {
    for (let at = log.select(view, before + first); indexes.length < count; at++) {
      if (log.sees(view, at)) indexes.push(log.records[at] as number);
    }
  }
  return { indexes: descending ? indexes.toReversed() : indexes, total, hasNext: total > skip + count };
}

interface Window {
  begin: number;
  /** Not in it any more. */
  end: number;
}

function windowOf({ settings }: Store, { window }: Query): Window | null {
  return window && { begin: window.begin, end: settings.windowEnd === "inclusive" ? window.end + 1 : window.end };
}

/** Whether the log is in the order of the rows' times: not where the clock was put back, nor where rows have two. */
function isSorted({ log, table }: Collection): boolean {
  return log.ascending && table.wire?.otherTimes == null;
}

/** Looks at every row: for what the log's order does not answer. */
function scan({ settings }: Store, table: Collection, { view, startTs, statuses, byOtherTime }: Query, fromTs: number, window: Window | null): number[] {
  const { log } = table;
  const sorted = isSorted(table);
  const timeOf = (index: number) => table.timesOf(index)[byOtherTime ? "otherModified" : "modified"];
  const indexes: number[] = [];
  const [from, to] = window !== null && sorted ? [Math.max(fromTs, log.firstModified(window.begin)), log.firstModified(window.end)] : [fromTs, log.size];
  for (let at = from; at < to; at++) {
    const index = log.records[at] as number;
    if (log.sees(view, at) && (window === null || (timeOf(index) >= window.begin && timeOf(index) < window.end))) indexes.push(index);
  }
  if (startTs === null && settings.windowOrder === "id" && statuses === null) indexes.sort((a, b) => a - b);
  else if (startTs === null && !sorted) {
    const sign = settings.windowOrder === "modified-desc" ? -1 : 1;
    indexes.sort((a, b) => sign * (timeOf(a) - timeOf(b) || table.placeOf(a) - table.placeOf(b)));
  }
  return statuses === null ? indexes : indexes.filter((index) => statuses.includes(table.statusOf(index, settings.seed) ?? ""));
}

function byIds(table: Collection, query: Query): number[] {
  const indexes = [...new Set((query.ids ?? []).map((id) => table.indexOf(id)))].sort((a, b) => a - b);
  return indexes.filter((index) => table.isVisible(index) && table.log.sees(query.view, table.placeOf(index)));
}

function slice(indexes: number[], skip: number, size: number): Page {
  return { indexes: indexes.slice(skip, skip + size), total: indexes.length, hasNext: indexes.length > skip + size };
}

/** How an answer says that more follows, in the wire's three spellings. */
export function hasNextText(truth: boolean, settings: JushuitanSettings): string {
  const said = settings.hasNext === "truthful" ? truth : settings.hasNext === "always-true";
  if (settings.hasNextType === "number") return said ? "1" : "0";
  return settings.hasNextType === "text" ? `"${said}"` : String(said);
}
