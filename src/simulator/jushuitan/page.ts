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
  const { view } = query;
  const [from, to] = bounds(store, table, query);
  const before = log.countBefore(view, from);
  const total = Math.max(0, log.countBefore(view, to) - before);
  const { windowOrder } = store.settings;
  if (query.statuses !== null) return slice(inStatus(store, table, query, from, to), skip, query.pageSize);
  if (query.startTs === null && windowOrder === "id") return slice(byId(table, query, from, to), skip, query.pageSize);

  const count = Math.max(0, Math.min(query.pageSize, total - skip));
  const descending = query.startTs === null && windowOrder === "modified-desc";
  const first = descending ? total - skip - count : skip;
  const indexes: number[] = [];
  if (count > 0) {
    for (let at = log.select(view, before + first); indexes.length < count; at++) {
      if (log.sees(view, at)) indexes.push(log.records[at] as number);
    }
  }
  return { indexes: descending ? indexes.toReversed() : indexes, total, hasNext: total > skip + count };
}

function bounds(store: Store, { log }: Collection, query: Query): [number, number] {
  const { window, startTs } = query;
  const fromTs = startTs === null ? 0 : log.firstVersion(store.distanceOf(startTs));
  if (window === null) return [fromTs, log.size];
  const end = store.settings.windowEnd === "inclusive" ? window.end + 1 : window.end;
  return [Math.max(fromTs, log.firstModified(window.begin)), log.firstModified(end)];
}

function byIds(table: Collection, query: Query): number[] {
  const indexes = [...new Set((query.ids ?? []).map((id) => table.indexOf(id)))].sort((a, b) => a - b);
  return indexes.filter((index) => table.isVisible(index) && table.log.sees(query.view, table.placeOf(index)));
}

function byId({ log }: Collection, { view }: Query, from: number, to: number): number[] {
  const indexes: number[] = [];
  for (let at = from; at < to; at++) if (log.sees(view, at)) indexes.push(log.records[at] as number);
  return indexes.sort((a, b) => a - b);
}

function inStatus({ settings }: Store, table: Collection, { statuses, view }: Query, from: number, to: number): number[] {
  const indexes: number[] = [];
  for (let at = from; at < to; at++) if (table.log.sees(view, at)) indexes.push(table.log.records[at] as number);
  return indexes.filter((index) => statuses?.includes(table.statusOf(index, settings.seed) ?? ""));
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
