import { elementsOf, findPath, scalarText } from "../json/raw.ts";
import { MappingRefusal, refuseValue } from "./refusal.ts";
import type { ExplodeMapping } from "./types.ts";
import { openObject, parsePath, valueAt } from "./view.ts";

/** A row, or a part of one, that is to become a document of that id. */
interface Part {
  id: string;
  raw: string;
}

/**
 * What makes of a row one part for each element of a list: the row with the element in the place of its list. None for an
 * empty list. @throws MappingRefusal when called
 */
export function exploder({ list, id }: ExplodeMapping): (row: Part) => Part[] {
  const path = parsePath(list);
  const own = id === undefined ? undefined : parsePath(id);
  return (row) => {
    const span = findPath(row.raw, path);
    // Not the same as an empty one: a list that is called otherwise would leave out every record.
    if (span === null) throw new MappingRefusal("TM_MAPPING_MISSING", `field ${JSON.stringify(list)}: the record has no such list to explode`, { path: list });
    const raw = row.raw.slice(span.start, span.end);
    if (raw === "null" || raw === '""') return [];
    if (!raw.startsWith("[")) refuseValue(list, raw, "a list to explode");
    return elementsOf(raw).map((element, i) => ({
      id: `${row.id}-${own === undefined ? i + 1 : ownId(element, own, `${list}.${id}`)}`,
      raw: row.raw.slice(0, span.start) + element + row.raw.slice(span.end),
    }));
  };
}

function ownId(element: string, path: readonly string[], shown: string): string {
  const view = openObject(element);
  const raw = view === null ? undefined : valueAt(view, path);
  return scalarText(raw ?? "") ?? refuseValue(shown, raw, "text or a number, for the document's id");
}
