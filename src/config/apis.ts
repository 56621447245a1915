import { describe, WHOLE } from "../source/jushuitan/catalogue/describe.ts";
import type { ApiDescription } from "../source/contract.ts";
import { CATALOGUE } from "../source/jushuitan/catalogue.ts";
import { valueAt } from "./environment-values.ts";
import { type ConfigProblem, problemAt } from "./problems.ts";
import { apiShape, type ShapedApi } from "./schema.ts";

/** The platform checks its spans strictly (ms). */
const MARGIN_MS = 60_000;

/** The APIs that a configuration describes, of a tree that may be wrong elsewhere; those that are wrong themselves are left out. */
export function describedApis(tree: unknown): ApiDescription[] {
  return Object.entries(tableAt(tree)).flatMap(([path, written]) => {
    const parsed = apiShape.safeParse(written);
    return parsed.success ? [descriptionOf(path, parsed.data)] : [];
  });
}

/** Descriptions of what needs none. */
export function apiProblems(tree: unknown): ConfigProblem[] {
  const known = Object.keys(tableAt(tree)).filter((path) => CATALOGUE.some((api) => api.path === path));
  return known.map((path) => problemAt(["apis", path], path, { expected: `an API that Tidemark does not know; it knows this one: tidemark apis show ${path}` }));
}

function descriptionOf(path: string, { title, pageSize, window, windowKeys, archiveParam, cursor, ...rest }: ShapedApi): ApiDescription {
  const first = cursor ?? (rest.versionParam === null ? "window" : "version");
  const { totalsParam, ...facts } = rest;
  const common = {
    ...facts, path, title: title ?? path, pageSize: { min: 2, default: pageSize, max: pageSize }, archive: archiveParam !== null, archiveParam: archiveParam ?? "archive",
    ...(totalsParam === undefined ? {} : { totalsParam }),
  };
  if (first === "snapshot") return describe({ ...common, ...WHOLE });
  return describe({ ...common, windowKeys, totals: facts.totals && facts.otherWindowKeys === null, windowMs: window - MARGIN_MS, cursors: first === "version" ? ["version", "window"] : ["window"] });
}

function tableAt(tree: unknown): Record<string, unknown> {
  const table = valueAt(tree, ["apis"]);
  return typeof table === "object" && table !== null && !Array.isArray(table) ? (table as Record<string, unknown>) : {};
}
