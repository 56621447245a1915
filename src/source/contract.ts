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

/** What is known of an API: a row of the catalogue. */
export interface ApiDescription {
  /** The path, for example `/open/orders/single/query`. */
  path: string;
  /** The same API's name on the old platform, for example `orders.single.query`; null: it has none. */
  method: string | null;
  /** true: a call whose rows tell what it did, not a state of the source; one request a run. */
  call?: true;
  title: string;
  /** Possible keys of the list in the answer, first match wins. */
  listFields: readonly string[];
  idField: string;
  modifiedField: string;
  /** null: the rows carry no version. */
  versionField: string | null;
  /** The request parameter that starts a version walk; null when the API has none. */
  versionParam: string | null;
  pageSize: { min: number; default: number; max: number };
  /** The widest window in ms, margin already taken off. */
  windowMs: number;
  /** Parameters that a window query needs to select by modified time. */
  windowParams: Readonly<Record<string, JsonValue>>;
  /** Whether window answers announce totals. */
  totals: boolean;
  /** Whether archived records have to be asked for separately. */
  archive: boolean;
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
