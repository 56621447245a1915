import { elementsOf } from "../json/raw.ts";
import { converter } from "./convert.ts";
import { expressionReader } from "./expression.ts";
import { type NameStyle, restyled, styledName } from "./names.ts";
import { MappingRefusal, refuseValue } from "./refusal.ts";
import { templateReader } from "./template.ts";
import type { FieldMapping, RecordMapping } from "./types.ts";
import { innerObject, openObject, parsePath, valueAt, type View } from "./view.ts";

/** What writes one field: raw JSON, or undefined to leave it out. */
type Write = (view: View) => string | undefined;

/** An object of the target: its fields, and what stays of the source's object. */
interface Shape {
  fields: Map<string, Write | Shape>;
}

/** Source paths that do not stay: true, or those below it. */
type Taken = Map<string, true | Taken>;

interface Style {
  rest: "keep" | "drop";
  names: NameStyle | undefined;
  /** What the names of fields begin with in messages: the lists that they are in. */
  at: string;
}

/** What makes a target's record (the members of its object, without braces) of a source's. @throws MappingRefusal when called */
export function recordWriter(mapping: RecordMapping, around: Style, own: ReadonlyMap<string, Write>, hashKey: string): (view: View) => string {
  const style: Style = { rest: mapping.rest ?? around.rest, names: mapping.names ?? around.names, at: around.at };
  const shape: Shape = { fields: new Map(own) };
  for (const [name, field] of Object.entries(mapping.fields ?? {})) place(shape, parsePath(name), fieldWriter(`${style.at}${name}`, field, style, hashKey));
  const flatten = (mapping.flatten ?? []).map(parsePath);
  const dropped = (mapping.drop ?? []).map(parsePath);
  const moved = [...dropped, ...Object.values(mapping.fields ?? {}).flatMap(movedFrom)];
  const taken = takenPaths([...flatten, ...moved]);
  const gone = takenPaths(dropped);
  const lifted = flatten.filter((path) => takenAt(gone, path) !== true).map((path) => ({ path, below: takenAt(takenPaths(moved), path) }));
  return (view) => {
    const members = shapeMembers(shape, view, style.rest === "keep" ? view : null, taken, style.names);
    for (const { path, below } of lifted) members.push(...flattened(view, path, below === true ? undefined : below, gone, shape, style.names));
    if (style.names !== undefined || flatten.length > 0) refuseDoubles(members);
    return members.map(([name, raw]) => `${name}:${raw}`).join(",");
  };
}

/** A member to be written: its name as JSON text, its raw value. */
type Written = readonly [name: string, raw: string];

function shapeMembers(shape: Shape, view: View, kept: View | null, taken: Taken | undefined, names: NameStyle | undefined): Written[] {
  const members: Written[] = [];
  for (const [name, field] of shape.fields) {
    const raw = typeof field === "function" ? field(view) : objectText(field, name);
    if (raw !== undefined) members.push([JSON.stringify(name), raw]);
  }
  for (const { name, rawName, raw } of kept?.members ?? []) {
    const below = taken?.get(name);
    const written = names === undefined ? name : styledName(name, names);
    if (below === true || shape.fields.has(written)) continue;
    const value = below === undefined ? raw : without(kept!, name, raw, below);
    members.push([names === undefined ? rawName : JSON.stringify(written), names === undefined ? value : restyled(value, names)]);
  }
  return members;

  /** An object of the target with what stays of the source's object that has its place. */
  function objectText(inner: Shape, name: string): string {
    const place = kept?.members.findLast((member) => (names === undefined ? member.name : styledName(member.name, names)) === name);
    const below = place === undefined ? undefined : taken?.get(place.name);
    const stays = place === undefined || below === true ? null : innerObject(kept!, place.name);
    return braced(shapeMembers(inner, view, stays, below === true ? undefined : below, names));
  }
}

/** What stays of an inner object, or of each object of a list, once the paths below it are taken out. */
function without(view: View, name: string, raw: string, taken: Taken): string {
  if (raw.startsWith("[")) return `[${elementsOf(raw).map((element) => rest(openObject(element, view.top), element)).join(",")}]`;
  return rest(innerObject(view, name), raw);

  function rest(inner: View | null, text: string): string {
    return inner === null ? text : braced(shapeMembers({ fields: new Map() }, inner, inner, taken, undefined));
  }
}

function flattened(view: View, path: readonly string[], taken: Taken | undefined, gone: Taken, shape: Shape, names: NameStyle | undefined): Written[] {
  const raw = valueAt(view, path);
  if (raw === undefined || raw === "null" || raw === '""') return [];
  const inner = openObject(raw, view.top) ?? refuseValue(path.join("."), raw, "an object to flatten");
  return inner.members.flatMap((member): Written[] => {
    const joined = `${path.at(-1)!}_${member.name}`;
    const name = names === undefined ? joined : styledName(joined, names);
    const below = taken?.get(member.name);
    if (below === true || shape.fields.has(name) || gone.get(joined) === true) return [];
    const value = below === undefined ? member.raw : without(inner, member.name, member.raw, below);
    return [[JSON.stringify(name), names === undefined ? value : restyled(value, names)]];
  });
}

function refuseDoubles(members: readonly Written[]): void {
  const seen = new Set<string>();
  for (const [name] of members) {
    if (seen.has(name)) throw new MappingRefusal("TM_MAPPING_NAMES", `two fields would be called ${name}; expected one`, { path: JSON.parse(name) as string });
    seen.add(name);
  }
}

function braced(members: readonly Written[]): string {
  return `{${members.map(([name, raw]) => `${name}:${raw}`).join(",")}}`;
}

function fieldWriter(name: string, field: FieldMapping, style: Style, hashKey: string): Write {
  if (field.value !== undefined) {
    const raw = JSON.stringify(field.value);
    return () => raw;
  }
  if (field.each !== undefined) return listWriter(name, field, field.each, style, hashKey);
  const convert = converter(name, field, hashKey);
  const read = reader(name, field);
  return (view) => convert(read(view));
}

function reader(name: string, field: FieldMapping): Write {
  if (field.template !== undefined) return templateReader(name, field);
  if (field.expression !== undefined) return expressionReader(name, field.expression);
  const path = parsePath(field.from!);
  return (view) => valueAt(view, path);
}

/** A list of the source, item by item. Missing: an empty list, unless told. */
function listWriter(name: string, field: FieldMapping, from: string, style: Style, hashKey: string): Write {
  const path = parsePath(from);
  const whenMissing = converter(name, { from, missing: field.missing ?? { default: [] } }, hashKey);
  const write = recordWriter(field, { ...style, at: `${name}.` }, new Map(), hashKey);
  return (view) => {
    const raw = valueAt(view, path);
    if (raw === undefined || raw === "null" || raw === '""') return whenMissing(raw);
    if (!raw.startsWith("[")) return refuseValue(name, raw, "a list");
    return `[${elementsOf(raw).map((element, i) => `{${write(openObject(element, view.top) ?? refuseValue(name, element, `an object in the list (item ${i + 1})`))}}`).join(",")}]`;
  };
}

/** The source path that a field's value moves from. Templates and expressions only look. */
function movedFrom({ from, each }: FieldMapping): string[][] {
  const path = from ?? each;
  return path === undefined || path.startsWith("$.") ? [] : [parsePath(path)];
}

function takenPaths(paths: readonly string[][]): Taken {
  const taken: Taken = new Map();
  for (const path of paths) {
    // A place in a list is only looked at.
    const index = path.findIndex((part, i) => i > 0 && /^\d+$/.test(part));
    if (index < 0) take(taken, path);
  }
  return taken;
}

/** What of a path is taken: all of it, what lies below, or nothing. */
function takenAt(taken: Taken, [name = "", ...rest]: readonly string[]): true | Taken | undefined {
  const below = taken.get(name);
  return below === undefined || below === true || rest.length === 0 ? below : takenAt(below, rest);
}

function take(taken: Taken, [name = "", ...rest]: readonly string[]): void {
  const below = taken.get(name);
  if (below === true) return;
  if (rest.length === 0) taken.set(name, true);
  else {
    const inner: Taken = below ?? new Map();
    taken.set(name, inner);
    take(inner, rest);
  }
}

/** The config is checked for fields that are both a value and an object. */
function place(shape: Shape, [name = "", ...rest]: readonly string[], write: Write): void {
  if (rest.length === 0) {
    shape.fields.set(name, write);
    return;
  }
  const there = shape.fields.get(name);
  const inner: Shape = typeof there === "object" ? there : { fields: new Map() };
  shape.fields.set(name, inner);
  place(inner, rest, write);
}
