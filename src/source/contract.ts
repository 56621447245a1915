import type { JsonValue } from "../config/types.ts";

/** One row of an answer. `raw` is its JSON byte for byte as received; the rest was read off it. */
export interface SourceRow {
  /** The id field as text (numbers by their digits); null when missing, empty, or not a scalar. */
  id: string | null;
  /** The version field as decimal digits; null when the row has none. */
  version: string | null;
  /** The modified field as epoch ms UTC; null when missing, empty or a placeholder such as 0001-01-01. */
  modifiedMs: number | null;
  /** The row's shop, for naming shops that never delivered an order; null when it has none. */
  shopId: string | null;
  raw: string;
}

/** One answer of the source, validated. */
export interface SourceAnswer {
  rows: SourceRow[];
  /** Announced number of rows of the whole query; null when the API states none. */
  total: number | null;
  pageCount: number | null;
  /** For display only: no walk ends because of it. */
  hasNext: boolean | null;
  /** HTTP requests that this answer took, repeats after a renewed token or a rate pause included. */
  requests: number;
}

/** Rows whose version is at or above `from`, ascending, one page. */
export interface VersionQuery {
  /** Decimal digits. */
  from: string;
  /** Archived records. Whether a version query heeds it is not documented; where it does not, the live ones come once more. */
  archive?: boolean;
  pageSize: number;
  params: Record<string, JsonValue>;
}

/** One page of the rows modified in [from, to], both ends included (epoch ms UTC; sent with second precision, so whole seconds). */
export interface WindowQuery {
  from: number;
  to: number;
  /** From 1. */
  page: number;
  pageSize: number;
  params: Record<string, JsonValue>;
  /** Ask for archived records instead, where the API knows them. */
  archive: boolean;
}

/** One page of everything the API has, in the source's own order. */
export type ListQuery = Pick<WindowQuery, "page" | "pageSize" | "params">;

/** How an API is followed: by row version, by closed windows of modified time, or by reading all of it each time. */
export type SafeCursor = "version" | "window" | "snapshot";

/** What is known of an API: a row of the catalogue. */
export interface ApiDescription {
  /** The path, for example `/open/orders/single/query`. */
  path: string;
  /** Name of the same interface on the old platform (query.aspx); null when it has none. */
  method: string | null;
  /** Name of the old platform's interface for archived records; null when it has none. */
  historyMethod: string | null;
  /** true: a call whose rows tell what it did, not a state of the source; one request a run. */
  call?: true;
  title: string;
  /** true: each row names the shop that it belongs to. */
  shops?: true;
  /** Possible keys of the list in the answer, first match wins. */
  listFields: readonly string[];
  /** Whether the new platform answers without the `data` wrapper. Both forms are read. */
  flat: boolean;
  /** true: a single row may stand in the list's place as an object, by one field text. */
  rowAsObject?: true;
  /** The field that identifies a row, or several joined by `+`: the first has to be there. One that rows lack comes from the parameter of that name. */
  idField: string;
  /** The field with a row's modified time, or several joined by `+`, of which the latest counts; null: the rows carry none. */
  modifiedField: string | null;
  /** null: the rows carry no version. */
  versionField: string | null;
  /** The request parameter that starts a version walk; null when the API has none, or none that is safe. */
  versionParam: string | null;
  /** Whether a version walk takes no other condition than paging. */
  versionAlone: boolean;
  pageSize: { min: number; default: number; max: number };
  /** Pages beyond this number cannot be asked for; null: no such limit. */
  maxPages: number | null;
  /** The widest window in ms, margin already taken off; 0 without windows. */
  windowMs: number;
  /** The request parameters with begin and end of a window; null: the API is read whole. */
  windowKeys: readonly [string, string] | null;
  /** Begin and end of a second window, whose rows belong to the first one's as well: each is asked for; null: one is enough. */
  otherWindowKeys: readonly [string, string] | null;
  /** Parameters that a window query needs to select everything by modified time. */
  windowParams: Readonly<Record<string, JsonValue>>;
  /** Further parameters that are sent unless the pipeline sets them otherwise. */
  params: Readonly<Record<string, JsonValue>>;
  /** Whether a window's number of rows can be had. */
  totals: boolean;
  /** Whether a version query may say `is_get_total: false`. */
  totalsParam: boolean;
  /** Whether archived records have to be asked for separately. */
  archive: boolean;
  /** The parameter that asks for them. */
  archiveParam: string;
  /** The cursors that lose nothing, best first; of an API that is not provable, the one that loses least. */
  cursors: readonly [SafeCursor, ...SafeCursor[]];
  /** Why no way of reading can be proved; null: it can. */
  notProvable: string | null;
  /** Other time selectors than modified time, which Tidemark does not use: rows selected so do not come back when they change. */
  dateTypes: string | null;
  /** Filters and further parameters, with their limits. */
  parameters: readonly string[];
  /** What surprises on the wire. */
  oddities: readonly string[];
  /** What the API never returns, in words for people: part of every proof. */
  neverReturns: readonly string[];
}

/** A source API bound to one account. Implementations retry nothing but what the platform asks for (token, clock, rate). */
export interface Source {
  readonly api: ApiDescription;
  /** @throws SourceError */
  readVersions(query: VersionQuery, signal: AbortSignal): Promise<SourceAnswer>;
  /** @throws SourceError */
  readWindow(query: WindowQuery, signal: AbortSignal): Promise<SourceAnswer>;
  /** @throws SourceError */
  readList(query: ListQuery, signal: AbortSignal): Promise<SourceAnswer>;
}

/** A token as the store holds it. `version` grows with each change. */
export interface AccessToken {
  value: string;
  version: number;
}

/** What a source needs of the outside: tokens, the shared request budget, the shared clock offset. */
export interface SourceDeps {
  /** The newest token, fetched anew for each attempt. @throws SourceError `TM_REAUTHORISE` */
  token(): Promise<AccessToken>;
  /** Makes sure that the store holds a token newer than `used`; single flight over all workers. @throws SourceError */
  renewToken(used: AccessToken): Promise<void>;
  /** Returns when a request may be sent now; waiting is no failure. Rejects only when the signal aborts. */
  acquire(signal: AbortSignal): Promise<void>;
  /** Tells all workers that the source refused for its rate: nobody asks for `ms`. */
  pause(ms: number): Promise<void>;
  /** Source clock minus local clock, ms. */
  clockOffsetMs(): Promise<number>;
  /** A measured offset, from an answer's Date header. */
  reportClock(offsetMs: number): Promise<void>;
}
