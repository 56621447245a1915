import { createHash } from "node:crypto";
import { memberSpans, scalarText } from "../json/raw.ts";
import type { SourceRow } from "../source/contract.ts";
import { NO_ID, type StagedRow } from "../store/pages.ts";

/**
 * Rows as they are staged: every row gets a source id and a target id, so that none is lost for lack of one.
 * @param mappedId the field that the target's id comes from
 * @param idField the API's own id
 */
export function stagedRows(mappedId: string, idField: string, rows: readonly SourceRow[]): StagedRow[] {
  return rows.map((row) => {
    const hash = row.version === null || row.id === null ? createHash("sha256").update(row.raw).digest("hex") : null;
    const sourceId = row.id ?? `${NO_ID}${hash}`;
    const targetId = row.id === null ? null : mappedId === idField ? row.id : memberText(row.raw, mappedId);
    return { ...row, hash, sourceId, targetId: targetId ?? (sourceId.startsWith(NO_ID) ? sourceId : `${NO_ID}${sourceId}`) };
  });
}

/** A top-level member of a row as text; null when it is missing, empty or no plain value. */
export function memberText(raw: string, name: string): string | null {
  const [span] = memberSpans(raw, 0, [name]);
  return span === undefined ? null : scalarText(raw.slice(span.start, span.end));
}
