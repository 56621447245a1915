import { fieldValue, randomDigits, reportIn, type Context, type Scope } from "./context.ts";
import { FILTERS, filterInstant, instantOf } from "./dates.ts";
import { notice, type Report } from "./notice.ts";
import { isNumber, textOf, type Value } from "./value.ts";

/** A piece of a text: literal, or `{{name|filter}}`. */
export type Segment = { text: string } | Template;

export interface Template {
  name: string;
  /** Whether the name is a reserved one; else it is a path in the row. */
  variable: boolean;
  /** In lower case; undefined: none, or one that is unknown. */
  filter: string | undefined;
}

const TEMPLATE = /(\{)?\{\{([^{}]*)\}\}(\})?|\{((?:LAST_SYNC_TIME|CURRENT_TIME|DAYS_AGO_\d+|PAGINATION_(?:START_PAGE|PAGE_SIZE|START_ROW))(?:\|[^{}]*)?)\}/g;
const VARIABLE = /^(?:LAST_SYNC_TIME|CURRENT_TIME|DAYS_AGO_(\d+)|PAGINATION_START_PAGE|PAGINATION_PAGE_SIZE|PAGINATION_START_ROW|random)$/;
const LIKE_VARIABLE = /^(?:LAST_SYNC|CURRENT_TIME|DAYS_AGO|PAGINATION_)/i;

/** The pieces of a text; what is odd about it goes to `report` with the given path. */
export function readTemplate(text: string, path: string, report: Report): Segment[] {
  const segments: Segment[] = [];
  const literal = (piece: string): void => {
    if (piece === "") return;
    if (/\{\{|^[^{]*\}\}/.test(piece)) report(notice("TM_QEASY_BRACES", path, `${JSON.stringify(piece)} stays literal text`));
    segments.push({ text: piece });
  };
  let at = 0;
  for (const match of text.matchAll(TEMPLATE)) {
    const stray = match[1] !== undefined && match[3] === undefined;
    if (stray) report(notice("TM_QEASY_BRACES", path, `a stray brace in ${JSON.stringify(match[0])} is dropped`));
    // `{` and `}` round a template are text of their own, as in JSON that an author writes.
    literal(text.slice(at, match.index) + (match[1] !== undefined && !stray ? "{" : ""));
    segments.push(readName(match[2] ?? match[4]!, path, report));
    at = match.index + match[0].length - (match[3] === undefined ? 0 : 1);
  }
  literal(text.slice(at));
  return segments;
}

function readName(inside: string, path: string, report: Report): Segment {
  const [name, filter] = inside.split(/\|(.*)/s).map((part) => part.trim());
  if (name === undefined || name === "") return { text: "" };
  const variable = VARIABLE.test(name);
  if (LIKE_VARIABLE.test(name) && !variable) report(notice("TM_QEASY_VARIABLE", path, JSON.stringify(name)));
  if (name === "random") report(notice("TM_QEASY_RANDOM", path, "", "info"));
  const known = filter === undefined || filter === "" ? undefined : filter.toLowerCase();
  if (known === undefined || FILTERS.includes(known)) return { name, variable, filter: known };
  report(notice("TM_QEASY_FILTER", path, JSON.stringify(filter)));
  return { name, variable, filter: undefined };
}

/** The value of a single template; undefined: the row does not have the field. */
function segmentValue({ name, variable, filter }: Template, scope: Scope): Value | undefined {
  if (variable) return variableValue(name, filter, scope.context);
  const value = fieldValue(scope, name);
  if (filter === undefined || (typeof value !== "string" && !isNumber(value))) return value;
  const instant = instantOf(String(value), scope.context.zone);
  return instant === null ? value : filterInstant(instant, filter, scope.context.zone);
}

function variableValue(name: string, filter: string | undefined, context: Context): Value {
  if (name === "random") return randomDigits(context);
  if (name === "PAGINATION_START_PAGE") return context.page;
  if (name === "PAGINATION_PAGE_SIZE") return context.pageSize;
  if (name === "PAGINATION_START_ROW") return (context.page - 1) * context.pageSize;
  const daysAgo = VARIABLE.exec(name)?.[1];
  const instant = name === "LAST_SYNC_TIME" ? context.lastSyncTime : context.now - Number(daysAgo ?? 0) * 86_400_000;
  return filterInstant(instant, filter ?? "timestamp", context.zone);
}

/** The value of a whole text: one template alone keeps its native type, anything else becomes text. */
export function templateValue(segments: readonly Segment[], scope: Scope, path: string): Value | undefined {
  return segments.length === 1 ? readSegment(segments[0]!, scope, path) : segments.map((segment) => textOf(readSegment(segment, scope, path))).join("");
}

/** The value of a piece; a field that the row does not have is reported. */
export function readSegment(segment: Segment, scope: Scope, path: string): Value | undefined {
  if ("text" in segment) return segment.text;
  const value = segmentValue(segment, scope);
  if (value === undefined) reportIn(scope, "TM_QEASY_FIELD_MISSING", path, segment.name);
  return value;
}
