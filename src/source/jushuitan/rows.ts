import { decimalDigits, elementsWithMembers, findPath, scalarText, type Element } from "../../json/raw.ts";
import type { JsonValue } from "../../config/types.ts";
import type { ApiDescription, SourceRow } from "../contract.ts";
import { parseShanghai } from "../time.ts";
import { asked, idParts } from "./biz.ts";
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
 * @throws SourceError transient `TM_SOURCE_ANSWER` when the list is missing or is none
 */
export function listOf(outcome: Outcome, listFields: readonly string[], members: readonly string[]): RawList {
  const place = findList(outcome.envelope, listFields);
  if (typeof place === "string") throw shapeError(place, outcome.context);
  const span = place.empty ? null : findPath(outcome.text, place.path);
  return { elements: span === null ? [] : elementsWithMembers(outcome.text, span.start, members), paging: place.paging };
}

/**
 * The rows of an answer with what the cursors need; entries that are not objects are rows without an id.
 * @param params what was asked: an id's part that rows lack comes from it
 */
export function rowsOf(outcome: Outcome, api: ApiDescription, params: Params): { rows: SourceRow[]; paging: Paging } {
  const { elements, paging } = listOf(outcome, api.listFields, membersOf(api));
  return { rows: elements.map((element) => rowOf(outcome.text, element, api, params)), paging };
}

/** Rows that were kept as text, as if they had just been read. @param texts each a JSON value */
export function rowsFromTexts(texts: readonly string[], api: ApiDescription, params: Params = {}): SourceRow[] {
  const list = `[${texts.join(",")}]`;
  return elementsWithMembers(list, 0, membersOf(api)).map((element) => rowOf(list, element, api, asked(api, { params })));
}

type Params = Readonly<Record<string, JsonValue>>;

function membersOf(api: ApiDescription): string[] {
  return [...new Set([api.modifiedField ?? "", SHOP_FIELD, api.versionField ?? "", ...idParts(api)])];
}

function rowOf(text: string, { start, end, members }: Element, api: ApiDescription, params: Params): SourceRow {
  const names = membersOf(api);
  const member = (name: string | null): string | null => {
    const span = name === null ? undefined : members[names.indexOf(name)];
    return span === undefined ? null : text.slice(span.start, span.end);
  };
  const [modified, shopId, version] = [member(api.modifiedField), member(SHOP_FIELD), member(api.versionField)];
  const modifiedText = modified?.startsWith('"') === true ? scalarText(modified) : null;
  return {
    id: idOf(idParts(api).map((name) => scalarText(member(name) ?? JSON.stringify(params[name] ?? null)))),
    version: version === null ? null : decimalDigits(version),
    modifiedMs: modifiedText === null ? null : parseShanghai(modifiedText),
    shopId: shopId === null ? null : scalarText(shopId),
    raw: text.slice(start, end),
  };
}

/**
 * One field's text as it is; several joined by `|`, with `%` and `|` of theirs as `%25` and `%7C`, so that no two rows share
 * an id. The first has to be there, the others may be empty.
 */
function idOf([first = null, ...others]: readonly (string | null)[]): string | null {
  if (first === null || others.length === 0) return first;
  return [first, ...others].map((part) => (part ?? "").replace(/[%|]/g, (sign) => (sign === "%" ? "%25" : "%7C"))).join("|");
}
