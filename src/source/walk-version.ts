import { SourceError } from "../errors.ts";
import type { SourceAnswer } from "./contract.ts";

/** What a page of a version walk says about going on. */
export interface VersionPage {
  /** Highest version of the page, or the version asked for when it holds none. */
  last: string;
  /** The source has nothing above the version asked for, or not a whole page of it. */
  reachedEnd: boolean;
}

/**
 * Checks one answer of a version walk (`version >= from`, page 1) against everything the cursor relies on.
 * `has_next` is ignored: only an answer that is not full, or holds nothing above `from`, ends the walk.
 * @throws SourceError kind `walk`: `TM_VERSION_MISSING`, `TM_VERSION_ORDER`, `TM_VERSION_STUCK`
 */
export function checkVersionPage(from: string, pageSize: number, answer: Pick<SourceAnswer, "rows">): VersionPage {
  const asked = BigInt(from);
  let last = asked;
  let previous = 0n;
  for (const row of answer.rows) {
    if (row.version === null) {
      throw walkError("TM_VERSION_MISSING", "a row of a version walk carries no version, so the cursor cannot advance safely");
    }
    const version = BigInt(row.version);
    if (version < asked) {
      throw walkError("TM_VERSION_ORDER", `the source answered version ${version} although ${from} and above was asked for: it ignores the version parameter`);
    }
    if (version < previous) {
      throw walkError("TM_VERSION_ORDER", `the source answered version ${version} after ${previous}: a page that is not ascending may hide rows`);
    }
    previous = version;
    if (version > last) last = version;
  }
  const isFull = answer.rows.length >= pageSize;
  if (isFull && last === asked) {
    throw walkError("TM_VERSION_STUCK", `a full page of ${answer.rows.length} rows holds nothing above version ${from}: the cursor cannot advance`);
  }
  return { last: last.toString(), reachedEnd: !isFull || last === asked };
}

function walkError(code: string, message: string): SourceError {
  return new SourceError("walk", code, message, {
    fix: 'Set source.cursor to "auto" (windows are used instead) or "window"; what was read so far is kept and nothing was skipped.',
  });
}
