import type { Lookup } from "./lookup.ts";
import type { NoticeCode, Report } from "./notice.ts";
import { notice } from "./notice.ts";
import { isMembers, type Value, valueAt } from "./value.ts";

/** All that an expression depends on besides the row, so that the same context and row always give the same result. */
export interface Context {
  /** Dispatch time, epoch ms. */
  now: number;
  /** Where the window begins: the time of the last successful run, epoch ms. */
  lastSyncTime: number;
  /** IANA name; Qeasy's is Asia/Shanghai. */
  zone: string;
  /** From 1. */
  page: number;
  pageSize: number;
  /** At least 0, below 1; feeds `{{random}}`, `RAND()` and `UUID()`. A retry must send what the first attempt computed. */
  random: () => number;
  /** Reads rows that another strategy has stored; without it a lookup fails its row. */
  lookup?: Lookup;
  /** Reads `_mongoQuery` in the shape that is generally known, instead of failing the row. */
  mongoQuery?: boolean;
  /** `text` sends the text of a failed `_function`, as the platform does; `error` (the default) fails the row. */
  onFunctionError?: "error" | "text";
  /** Gets what is noticed while rows are evaluated: fields that are missing, casts that failed, ambiguous lookups; again for each row, so give it a `collector()`. */
  report?: Report;
}

/** What a template sees: the row and, inside array entries, the elements at hand. */
export interface Scope {
  context: Context;
  row: Value;
  /** By the array's path, innermost last. */
  elements: readonly { path: string; value: Value }[];
  /** Which element of a list an aggregate is at; undefined outside of aggregates. */
  index?: number;
  /** A path that is not there is looked for without regard to letter case, as write-backs are written. */
  anyCase?: boolean;
}

/** The value that a path names in a scope; undefined: not there. */
export function fieldValue(scope: Scope, path: string): Value | undefined {
  for (let i = scope.elements.length - 1; i >= 0; i--) {
    const element = scope.elements[i]!;
    if (path === element.path) return element.value;
    if (path.startsWith(`${element.path}.`)) return valueAt(element.value, path.slice(element.path.length + 1));
  }
  const exact = valueAt(scope.row, path);
  return exact ?? (scope.anyCase ? inAnyCase(scope.row, path.toLowerCase()) : exact);
}

function inAnyCase(value: Value | undefined, path: string): Value | undefined {
  if (path === "" || !isMembers(value)) return path === "" ? value : undefined;
  const key = Object.keys(value).find((name) => path === name.toLowerCase() || path.startsWith(`${name.toLowerCase()}.`));
  return key === undefined ? undefined : inAnyCase(value[key], path.slice(key.length + 1));
}

export function randomDigits(context: Context): string {
  const eight = (): string => String(Math.floor(context.random() * 1e8)).padStart(8, "0");
  return `${eight()}${eight()}`;
}

export function reportIn(scope: Scope, code: NoticeCode, path: string, detail: string): void {
  scope.context.report?.(notice(code, path, detail));
}
