import type { ApiDescription } from "../../contract.ts";

const DAY_MS = 86_400_000;

/** What a row of the catalogue has to say; the rest is usual. */
export type ApiFacts = Pick<ApiDescription, "path" | "title" | "idField"> & Partial<ApiDescription>;

/** The widest window that is asked for (ms): the platform checks its spans strictly; integrators' notes advise a minute less. */
export function days(count: number): number {
  return count * DAY_MS - 60_000;
}

/** Page sizes up to a maximum, which is also what is asked for. A page of one row could not advance a version walk. */
export function pages(max: number): ApiDescription["pageSize"] {
  return { min: 2, default: max, max };
}

/** A row of the catalogue, with what most APIs have in common: windows of 7 days, pages of 50, totals. */
export function describe(facts: ApiFacts): ApiDescription {
  const byVersion = facts.versionParam != null;
  return {
    method: null, historyMethod: null, listFields: ["datas"], flat: false, modifiedField: "modified", versionField: null, versionParam: null, versionAlone: false,
    pageSize: pages(50), maxPages: null, windowMs: days(7), windowKeys: ["modified_begin", "modified_end"], otherWindowKeys: null, windowParams: {}, params: {},
    totals: true, totalsParam: byVersion, archive: false, archiveParam: "archive", cursors: byVersion ? ["version", "window"] : ["window"], notProvable: null,
    dateTypes: null, parameters: [], oddities: [], neverReturns: [], ...facts,
  };
}

/** What an API that is read whole has in common. */
export const WHOLE = { windowKeys: null, otherWindowKeys: null, windowMs: 0, totals: false, cursors: ["snapshot"] } as const satisfies Partial<ApiDescription>;
