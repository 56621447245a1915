import { decimalDigits, elementsWithMembers, findPath, memberSpans, scalarText, type Element } from "../../json/raw.ts";
import type { JsonValue } from "../../config/types.ts";
import type { ApiDescription, SourceRow } from "../contract.ts";
import { parseShanghai } from "../time.ts";
import { asked, idParts, modifiedParts } from "./biz.ts";
import type { Outcome } from "./call.ts";
import { findList, type Paging } from "./envelope.ts";
import { shapeError } from "./errors.ts";

const SHOP_FIELD = "shop_id";

/** A list of an answer: its elements where they stand in the text, with the members asked for. */
export interface RawList {
  elements: Element[];
  paging: Paging;
}

/**
 * The list of an answer, its elements untouched.
 * @param idOfRow the field by which an object in the list's place is known as a row
 * @throws SourceError transient `TM_SOURCE_ANSWER` when the list is missing or is none
 */
export function listOf(outcome: Outcome, listFields: readonly string[], members: readonly string[], idOfRow?: string): RawList {
  const place = findList(outcome.envelope, listFields, idOfRow);
  if (typeof place === "string") throw shapeError(place, outcome.context);
  const span = place.empty ? null : findPath(outcome.text, place.path);
  if (span !== null && place.oneRow) return { elements: [{ ...span, members: memberSpans(outcome.text, span.start, members) }], paging: place.paging };
  return { elements: span === null ? [] : elementsWithMembers(outcome.text, span.start, members), paging: place.paging };
}

/**
 * The rows of an answer with what the cursors need; entries that are not objects are rows without an id.
 * @param params what was asked: an id's part that rows lack comes from it
 */
export function rowsOf(outcome: Outcome, api: ApiDescription, params: Params): { rows: SourceRow[]; paging: Paging } {
  const { names, rowOf } = reader(api, params);
  const { elements, paging } = listOf(outcome, api.listFields, names, api.rowAsObject === true ? idParts(api)[0] : undefined);
  return { rows: elements.map((element) => rowOf(outcome.text, element)), paging };
}

/** Rows that were kept as text, as if they had just been read. @param texts each a JSON value */
export function rowsFromTexts(texts: readonly string[], api: ApiDescription, params: Params = {}): SourceRow[] {
  const list = `[${texts.join(",")}]`;
  const { names, rowOf } = reader(api, asked(api, { params }));
  return elementsWithMembers(list, 0, names).map((element) => rowOf(list, element));
}

type Params = Record<string, JsonValue>;

/** The members that are read off a row, and how a row is made of them. */
function reader({ idField, modifiedField, versionField }: ApiDescription, params: Params): { names: string[]; rowOf: (text: string, element: Element) => SourceRow } {
  const ids = idParts({ idField });
  const times = modifiedParts({ modifiedField });
  const names = [...new Set([SHOP_FIELD, versionField, ...times, ...ids])].filter((name) => name !== null);
  const otherwise = ids.map((name) => scalarText(JSON.stringify(params[name] ?? null)));
  const placeOf = (name: string | null) => (name === null ? -1 : names.indexOf(name));
  const [shopAt, versionAt, timesAt, idsAt] = [placeOf(SHOP_FIELD), placeOf(versionField), times.map(placeOf), ids.map(placeOf)];
  const rowOf = (text: string, { start, end, members }: Element): SourceRow => {
    const member = (at: number): string | null => {
      const span = members[at];
      return span === undefined ? null : text.slice(span.start, span.end);
    };
    const [shopId, version] = [member(shopAt), member(versionAt)];
    const modified = timesAt.map((at) => timeOf(member(at))).filter((time) => time !== null);
    return {
      id: idOf(idsAt.map((at, i) => {
        const raw = member(at);
        return raw === null ? otherwise[i]! : scalarText(raw);
      })),
      version: version === null ? null : decimalDigits(version),
      modifiedMs: modified.length === 0 ? null : Math.max(...modified),
      shopId: shopId === null ? null : scalarText(shopId),
      raw: text.slice(start, end),
    };
  };
  return { names, rowOf };
}

function timeOf(raw: string | null): number | null {
  const text = raw?.startsWith('"') === true ? scalarText(raw) : null;
  return text === null ? null : parseShanghai(text);
}

/**
 * One field's text as it is; several joined by `|`, with `%` and `|` of theirs as `%25` and `%7C`, so that no two rows share
 * an id. The first has to be there, the others may be empty.
 */
function idOf([first = null, ...others]: readonly (string | null)[]): string | null {
  if (first === null || others.length === 0) return first;
  return [first, ...others].map((part) => (part ?? "").replace(/[%|]/g, (sign) => (sign === "%" ? "%25" : "%7C"))).join("|");
}
