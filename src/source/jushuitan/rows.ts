import { decimalDigits, elementsWithMembers, findPath, scalarText, type Element } from "../../json/raw.ts";
import type { ApiDescription, SourceRow } from "../contract.ts";
import { parseShanghai } from "../time.ts";
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

/** The rows of an answer with what the cursors need; entries that are not objects are rows without an id. */
export function rowsOf(outcome: Outcome, api: ApiDescription): { rows: SourceRow[]; paging: Paging } {
  const { elements, paging } = listOf(outcome, api.listFields, fieldsOf(api));
  return { rows: elements.map((element) => rowOf(outcome.text, element)), paging };
}

/** Rows that were kept as text, as if they had just been read. @param texts each a JSON value */
export function rowsFromTexts(texts: readonly string[], api: ApiDescription): SourceRow[] {
  const list = `[${texts.join(",")}]`;
  return elementsWithMembers(list, 0, fieldsOf(api)).map((element) => rowOf(list, element));
}

function fieldsOf({ idField, modifiedField, versionField }: ApiDescription): string[] {
  return [idField, modifiedField, SHOP_FIELD, ...(versionField === null ? [] : [versionField])];
}

function rowOf(text: string, { start, end, members }: Element): SourceRow {
  const [id, modified, shopId, version] = members.map((span) => (span === undefined ? null : text.slice(span.start, span.end)));
  const modifiedText = modified?.startsWith('"') === true ? scalarText(modified) : null;
  return {
    id: id == null ? null : scalarText(id),
    version: version == null ? null : decimalDigits(version),
    modifiedMs: modifiedText === null ? null : parseShanghai(modifiedText),
    shopId: shopId == null ? null : scalarText(shopId),
    raw: text.slice(start, end),
  };
}
