import type { ApiDescription } from "../source/contract.ts";
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

/** Every API that a pipeline may name. */
export function listApis(described: readonly ApiDescription[]): ApiSummary[] {
  return [...described, ...CATALOGUE].map((api) => ({
    path: api.path, title: api.title, method: api.method, cursor: api.call === true ? "call" : api.cursors[0], pageSize: api.pageSize.max, provable: api.notProvable === null, described: described.includes(api),
  }));
}
