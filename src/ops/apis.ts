import type { ApiDescription } from "../source/contract.ts";
import { hasCounts } from "../source/pages.ts";
import { CATALOGUE } from "../source/jushuitan/index.ts";

/** An API as `tidemark apis` lists it. */
export interface ApiSummary {
  path: string;
  title: string;
  method: string | null;
  cursor: string;
  pageSize: number;
  provable: boolean;
  /** Whether it comes from the config instead of the catalogue. */
  described: boolean;
}

/** How an API is followed, in words. */
export function cursorWords({ call, cursors, totals, notProvable }: ApiDescription): string {
  if (call === true) return "one call a run";
  const words = { version: "by row version", window: totals ? "by windows with totals" : "by windows without totals", snapshot: "read whole, compared with the last reading" };
  return `${cursors.map((cursor) => words[cursor]).join("; else ")}${notProvable === null ? "" : " (not provable)"}`;
}

/** Why it is followed so, in words for people. */
export function cursorReason({ call, cursors, totals, notProvable, versionField, versionParam, otherWindowKeys }: ApiDescription): string {
  if (call === true) return "each run makes the call once, and its rows tell what it did";
  if (notProvable !== null) return "this way loses least";
  const split = otherWindowKeys === null ? "there are no totals" : "two windows have no total together";
  const windows = totals ? "closed windows are read from the last page to the first, and checked against their total" : `${split}, so a window is split until one answer is all of it, or two readings agree`;
  switch (cursors[0]) {
    case "version":
      return `${versionField} grows with every change, and ${versionParam} asks for the rows at or above one, so that nothing shifts between pages`;
    case "window":
      return `${versionField === null ? "rows carry no version" : `rows carry ${versionField}, but no safe query goes by it`}; ${windows}`;
    default:
      return "no windows of modified time: all of it is read until two readings agree";
  }
}

/** How an audit compares it, in words for people. */
export function auditWords(api: ApiDescription): string {
  if (api.call === true) return "none: there is nothing to compare with";
  if (api.windowKeys === null) return "none: each run reads all of it";
  return `${hasCounts(api) ? "by counts, and by ids where they differ" : "by ids: there are no counts to compare"}${api.notProvable === null ? "" : "; its verdict is at best unproven"}`;
}

/** Every API that a pipeline may name. */
export function listApis(described: readonly ApiDescription[]): ApiSummary[] {
  return [...described, ...CATALOGUE].map((api) => ({
    path: api.path, title: api.title, method: api.method, cursor: api.call === true ? "call" : api.cursors[0], pageSize: api.pageSize.max, provable: api.notProvable === null, described: described.includes(api),
  }));
}
