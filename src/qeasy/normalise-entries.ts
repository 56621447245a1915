import type { Entry } from "./model.ts";
import { notice, type Report } from "./notice.ts";
import { isMembers, newMembers, textOf, type Members, type Value } from "./value.ts";

const DEEPEST = 30;
const KNOWN: readonly string[] = ["field", "type", "label", "describe", "value", "default", "is_required", "parent", "id", "parser", "children"];

/** Entries in their usual spelling: lists as they are, an object map in its order, null as none. */
export function normaliseEntries(given: Value | undefined, path: string, report: Report): Entry[] {
  const list = entryList(given, path, report);
  return readEntries(nestByParent(list, path, report), path, report, 0);
}

function entryList(given: Value | undefined, path: string, report: Report): Members[] {
  if (given === undefined || given === null) return [];
  if (isMembers(given)) {
    report(notice("TM_QEASY_NORMALISED", path, "an object map, read as entries in its order"));
    return Object.entries(given).map(([field, value]) =>
      isMembers(value) && (Object.hasOwn(value, "value") || Object.hasOwn(value, "type")) ? Object.assign(newMembers({ field }), value) : newMembers({ field, value }),
    );
  }
  if (!Array.isArray(given)) {
    report(notice("TM_QEASY_SHAPE", path, "a list of entries is wanted", "refused"));
    return [];
  }
  const members = given.filter(isMembers);
  if (members.length < given.length) report(notice("TM_QEASY_SHAPE", path, "what is no object is left out"));
  return members;
}

/** The tree that the entries' `parent` tells, where they are not nested already. */
function nestByParent(list: readonly Members[], path: string, report: Report): Members[] {
  const parentOf = (entry: Members): string => textOf(entry.parent);
  const byField = new Map(list.map((entry) => [textOf(entry.field), entry]));
  const below = list.filter((entry) => parentOf(entry) !== "" && byField.has(parentOf(entry)) && parentOf(entry) !== textOf(entry.field));
  if (below.length === 0) {
    if (list.some((entry) => parentOf(entry) !== "" && parentOf(entry) === textOf(entry.field))) report(notice("TM_QEASY_CYCLE", path));
    return [...list];
  }
  const moved = new Set(below.filter((entry) => !inCircle(entry, byField)));
  if (moved.size < below.length) report(notice("TM_QEASY_CYCLE", path));
  report(notice("TM_QEASY_PARENT", path, "", "info"));
  const build = (entry: Members): Members => {
    const children = list.filter((other) => moved.has(other) && byField.get(parentOf(other)) === entry).map(build);
    return children.length === 0 ? entry : Object.assign(newMembers(entry), { children: [...(Array.isArray(entry.children) ? entry.children : []), ...children] });
  };
  return list.filter((entry) => !moved.has(entry)).map(build);
}

function inCircle(entry: Members, byField: ReadonlyMap<string, Members>): boolean {
  const seen = new Set<Members>();
  for (let at: Members | undefined = entry; at !== undefined; at = byField.get(textOf(at.parent))) {
    if (seen.has(at)) return true;
    seen.add(at);
  }
  return false;
}

function readEntries(list: readonly Members[], path: string, report: Report, depth: number): Entry[] {
  if (depth > DEEPEST) {
    report(notice("TM_QEASY_DEPTH", path, "", "refused"));
    return [];
  }
  return list.map((entry) => {
    const field = textOf(entry.field).trim();
    const at = `${path}.${field}`;
    const unknown = Object.keys(entry).filter((key) => !KNOWN.includes(key));
    if (unknown.length > 0) report(notice("TM_QEASY_UNUSED", at, unknown.join(", "), "info"));
    const children = isMembers(entry.children) || Array.isArray(entry.children) ? entryList(entry.children, at, report) : [];
    return {
      field,
      type: entry.type === undefined || entry.type === null ? "" : textOf(entry.type).trim().toLowerCase(),
      value: entry.value,
      default: entry.default,
      required: isTrue(entry.is_required),
      parser: entry.parser,
      children: children.length === 0 ? undefined : readEntries(children, at, report, depth + 1),
    };
  });
}

/** `true`, `1`, `"true"`, `"1"`, `"required"` and `"yes"`. */
export function isTrue(value: Value | undefined): boolean {
  return value === true || /^(?:true|1|required|yes)$/i.test(textOf(value).trim());
}
