import { castValue, TYPES } from "./cast.ts";
import { fieldValue, reportIn, type Scope } from "./context.ts";
import { compileExpression, evaluateExpression, evaluatePlain, fieldsOf, type Expression } from "./expression.ts";
import type { Entry } from "./model.ts";
import { notice, RowError, type Report } from "./notice.ts";
import { applyParser, knownParsers, type Parser } from "./parsers.ts";
import { isEmpty, isMembers, newMembers, textOf, type Members, type Value } from "./value.ts";

/** An entry, read once and evaluated for each row. */
export interface CompiledEntry {
  field: string;
  path: string;
  type: string;
  required: boolean;
  /** Undefined: neither value nor default. */
  expression: Expression | undefined;
  parsers: Parser[];
  /** Only with `array` and `object`. */
  children: CompiledEntry[] | undefined;
  /** Of an array: its value as written, the name of a list of the row; undefined: absent, or a page's placeholder. */
  arrayName: string | undefined;
  /** Of an array without a name: the row fields that its children read. */
  childFields: string[];
}

const DEEPEST = 30;

export interface CompileOptions {
  /** Names of the `response` entries: they fill a `FieldKeys` without value. */
  responseFields?: readonly string[];
}

/** Reads a list of entries; whatever is odd goes to `report`. */
export function compileEntries(entries: readonly Entry[], path: string, report: Report, options: CompileOptions = {}, depth = 0): CompiledEntry[] {
  if (depth > DEEPEST) {
    report(notice("TM_QEASY_DEPTH", path, "", "refused"));
    return [];
  }
  return withoutDoubles(entries, path, report).map((entry) => compileEntry(entry, `${path}.${entry.field}`, report, options, depth));
}

/** Of entries with the same field the last one that has a value counts. */
function withoutDoubles(entries: readonly Entry[], path: string, report: Report): Entry[] {
  const winners = new Map<string, Entry>();
  const odd = entries.filter(({ field }) => field === "" || /[.()（）\s]/.test(field)).map(({ field }) => JSON.stringify(field));
  if (odd.length > 0) report(notice("TM_QEASY_FIELD_NAME", path, odd.join(", "), odd.includes('""') ? "warning" : "info"));
  for (const entry of entries) {
    const other = winners.get(entry.field);
    if (other !== undefined && entry.field !== "") report(notice("TM_QEASY_DUPLICATE_FIELD", path, JSON.stringify(entry.field)));
    if (other === undefined || !isEmpty(entry.value) || entry.children !== undefined) winners.set(entry.field, entry);
  }
  return entries.filter((entry) => entry.field !== "" && winners.get(entry.field) === entry);
}

function compileEntry(entry: Entry, path: string, report: Report, options: CompileOptions, depth: number): CompiledEntry {
  const nests = entry.type === "array" || entry.type === "object";
  if (!TYPES.includes(entry.type)) report(notice("TM_QEASY_TYPE", path, JSON.stringify(entry.type)));
  if (entry.children !== undefined && !nests) report(notice("TM_QEASY_CHILDREN", path));
  const children = nests && entry.children !== undefined ? compileEntries(entry.children, path, report, options, depth + 1) : undefined;
  const given = entry.value ?? entry.default ?? (entry.field === "FieldKeys" && entry.type === "array" ? [...(options.responseFields ?? [])] : undefined);
  const arrayName = entry.type === "array" && typeof entry.value === "string" && !/^\s*\d*\s*$/.test(entry.value) ? plainName(entry.value) : undefined;
  if (nests && children === undefined && isEmpty(entry.parser) && typeof given !== "object" && (given === "1" || entry.type === "array")) report(notice("TM_QEASY_FLAT", path));
  return {
    field: entry.field,
    path,
    type: entry.type,
    required: entry.required,
    // The value of an entry with children names a list, or is a page's placeholder.
    expression: children !== undefined || given === undefined || given === null ? undefined : compileExpression(given, path, report),
    parsers: knownParsers(entry.parser, path, report),
    children,
    arrayName,
    childFields: children === undefined || arrayName !== undefined ? [] : children.flatMap(fieldsBelow),
  };
}

/** `items` and, as some write it, `{{items}}`. */
function plainName(value: string): string {
  return (/^\{\{([^{}|]*)\}\}$/.exec(value.trim())?.[1] ?? value).trim();
}

function fieldsBelow(entry: CompiledEntry): string[] {
  return [...(entry.expression === undefined ? [] : fieldsOf(entry.expression)), ...(entry.children ?? []).flatMap(fieldsBelow)];
}

/** The object that the entries make of a row; what comes out empty is left out. @throws RowError when the row cannot be written. */
export async function evaluateEntries(entries: readonly CompiledEntry[], scope: Scope): Promise<Members> {
  const result = newMembers();
  for (const entry of entries) {
    const { expression } = entry;
    const plain = expression?.kind === "constant" || expression?.kind === "template";
    const value = entry.children === undefined ? finish(entry, plain ? evaluatePlain(expression, scope) : await evaluated(entry, scope), scope) : await nested(entry, scope);
    if (entry.required && (isEmpty(value) || (Array.isArray(value) && value.length === 0))) throw missing(entry);
    if (value !== undefined && value !== null) result[entry.field] = value;
  }
  return result;
}

async function evaluated(entry: CompiledEntry, scope: Scope): Promise<Value | undefined> {
  return entry.expression === undefined ? undefined : evaluateExpression(entry.expression, scope);
}

/** Parser, then cast by type; null meets neither. */
function finish(entry: CompiledEntry, given: Value | undefined, scope: Scope): Value | undefined {
  // An array entry of the old flat form whose value names a list of the row is that list.
  const named = entry.type === "array" && entry.arrayName !== undefined && given === entry.arrayName ? fieldValue(scope, entry.arrayName) : undefined;
  const value = Array.isArray(named) ? named : given;
  if (value === undefined || value === null) return value;
  const parsed = entry.parsers.reduce<Value>((each, parser) => applyParser(parser, each, scope, entry.path), value);
  const cast = castValue(parsed, entry.type);
  if (cast === undefined) reportIn(scope, "TM_QEASY_CAST", entry.path, entry.type);
  return cast ?? parsed;
}

function missing(entry: CompiledEntry): RowError {
  const { path, expression } = entry;
  if (expression?.kind === "lookup") {
    const fix = "Let the strategy that is looked up run first, or correct the condition.";
    return new RowError("TM_QEASY_LOOKUP_EMPTY", `lookup found nothing: ${expression.source}`, { path, fix, retryable: true });
  }
  return new RowError("TM_QEASY_REQUIRED", `${entry.field} is required and came out empty`, { path, fix: "Fill the field in the source system, or give the entry a value." });
}

async function nested(entry: CompiledEntry, scope: Scope): Promise<Value | undefined> {
  const children = entry.children!;
  if (entry.type === "object") {
    const members = await evaluateEntries(children, scope);
    return Object.keys(members).length === 0 ? undefined : finish(entry, members, scope);
  }
  const list = listFor(entry, scope);
  const lines: Value[] = [];
  if (list === undefined) {
    const line = await evaluateEntries(children, scope);
    if (Object.keys(line).length > 0) lines.push(line);
  } else {
    for (const element of list.elements) {
      const elements = [...scope.elements, ...list.paths.map((path) => ({ path, value: element }))];
      lines.push(await evaluateEntries(children, { ...scope, elements }));
    }
  }
  return finish(entry, lines, scope);
}

/** The list of the row that an array entry runs over; undefined: none, its children make one line. */
function listFor(entry: CompiledEntry, scope: Scope): { paths: string[]; elements: Value[] } | undefined {
  if (entry.arrayName !== undefined) {
    const own = fieldValue(scope, entry.arrayName);
    const within = scope.elements.at(-1)?.path;
    const longer = `${within}.${entry.arrayName}`;
    const value = own === undefined && within !== undefined ? fieldValue(scope, longer) : own;
    const elements = Array.isArray(value) ? value : isMembers(value) ? [value] : [];
    if (value === undefined) reportIn(scope, "TM_QEASY_FIELD_MISSING", entry.path, entry.arrayName);
    return { paths: own === undefined && within !== undefined ? [entry.arrayName, longer] : [entry.arrayName], elements };
  }
  const lists = new Map<string, Value[]>();
  for (const field of entry.childFields) {
    const segments = field.split(".");
    for (let length = 1; length < segments.length; length++) {
      const path = segments.slice(0, length).join(".");
      const value = fieldValue(scope, path);
      if (!Array.isArray(value)) continue;
      lists.set(path, value);
      break;
    }
  }
  if (lists.size > 1) {
    throw new RowError("TM_QEASY_UNSUPPORTED", `the children of ${entry.field} read several lists: ${[...lists.keys()].join(", ")}`, {
      path: entry.path,
      fix: "Write the name of the list as the entry's value.",
    });
  }
  const [only] = lists;
  return only === undefined ? undefined : { paths: [only[0]], elements: only[1] };
}

/** Evaluates `request` or `otherRequest` outside of any row, as a source does. */
export function sourceScope(context: Scope["context"]): Scope {
  return { context, row: newMembers(), elements: [] };
}

export function rowScope(context: Scope["context"], row: Value): Scope {
  return { context, row, elements: [] };
}

/** The text of an evaluated member, for settings such as `FormId` or `statusKey`; undefined: not there. */
export function memberText(members: Members, name: string): string | undefined {
  const value = members[name];
  return value === undefined || value === null ? undefined : textOf(value);
}
