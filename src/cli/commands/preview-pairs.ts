import { membersOf } from "../../json/raw.ts";
import { styledName } from "../../mapping/names.ts";
import type { PreviewMapping } from "../../ops/preview.ts";

/** A field of the source beside what became of it; values as they are written, empty where there is none. */
export interface Pair {
  source: string;
  before: string;
  target: string;
  after: string;
}

/** The fields of a record beside those of its row that they come from, then what of the row is not sent. Lists stand whole. */
export function pairsOf(source: string, record: string, mapping: PreviewMapping): Pair[] {
  const row = leavesOf(source);
  const places = new Map([...row.keys()].flatMap((path) => writtenAs(path, mapping.names).map((name) => [name, path] as const)));
  const used = new Set<string>();
  const pairs = [...leavesOf(record)].map(([target, after]): Pair => {
    const field = mapping.fields?.[target];
    const made = field?.template ?? field?.expression;
    const path = target === "id" ? mapping.id : field === undefined ? (row.has(target) ? target : places.get(target)) : (field.from ?? field.each);
    if (path === undefined) return { source: made ?? "", before: "", target, after };
    used.add(path);
    return { source: path, before: row.get(path) ?? "", target, after };
  });
  const left = [...row].filter(([path]) => !used.has(path)).map(([path, before]): Pair => ({ source: path, before, target: "", after: "" }));
  return [...pairs, ...left];
}

/** Names that a kept or flattened field may have. */
function writtenAs(path: string, names: PreviewMapping["names"]): string[] {
  const joined = path.replaceAll(".", "_");
  const all = [joined, ...(names === undefined ? [] : [path.split(".").map((part) => styledName(part, names)).join("."), styledName(joined, names)])];
  return [...new Set(all)];
}

/** Every value below objects, by its path. */
function leavesOf(raw: string, at = ""): Map<string, string> {
  return new Map(membersOf(raw).flatMap((member): [string, string][] => {
    const path = `${at}${member.name}`;
    return member.raw.startsWith("{") ? [...leavesOf(member.raw, `${path}.`)] : [[path, member.raw]];
  }));
}
