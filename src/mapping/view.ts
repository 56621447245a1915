import { elementsOf, membersOf, type Member } from "../json/raw.ts";

/** An object of the source, opened: its members by name, opened themselves where somebody looks into them. */
export interface View {
  members: readonly Member[];
  /** The raw value of each name; a later one wins, as in JSON.parse. */
  values: ReadonlyMap<string, string>;
  inner: Map<string, View | null>;
  /** The record that this is, or is an item of. */
  top: View;
  /** What expressions see, made once. */
  expressionValue?: unknown;
}

/** @param raw a JSON value @returns null when it is no object */
export function openObject(raw: string, top?: View): View | null {
  if (!raw.startsWith("{")) return null;
  const members = membersOf(raw);
  const view = { members, values: new Map(members.map(({ name, raw: value }) => [name, value])), inner: new Map<string, View | null>(), top: top as View };
  view.top ??= view;
  return view;
}

/** The object under a name, or null. */
export function innerObject(view: View, name: string): View | null {
  let inner = view.inner.get(name);
  if (inner === undefined) {
    inner = openObject(view.values.get(name) ?? "", view.top);
    view.inner.set(name, inner);
  }
  return inner;
}

/** `a.b`, `items.0.sku_id`; `$.a` begins at the record; `\.` is a dot of a name. */
export function parsePath(text: string): string[] {
  return text.split(/(?<!\\)\./).map((part) => part.replaceAll("\\.", "."));
}

/** The raw value at a path, or undefined. */
export function valueAt(view: View, [name = "", ...rest]: readonly string[]): string | undefined {
  if (name === "$" && rest.length > 0) return valueAt(view.top, rest);
  const raw = view.values.get(name);
  if (rest.length === 0 || raw === undefined) return raw;
  const inner = innerObject(view, name);
  return inner === null ? elementAt(raw, rest, view.top) : valueAt(inner, rest);
}

function elementAt(raw: string, [index = "", ...rest]: readonly string[], top: View): string | undefined {
  if (!raw.startsWith("[") || !/^\d+$/.test(index)) return undefined;
  const element = elementsOf(raw)[Number(index)];
  if (element === undefined || rest.length === 0) return element;
  const inner = openObject(element, top);
  return inner === null ? elementAt(element, rest, top) : valueAt(inner, rest);
}
