import type { ApiDescription, Source, SourceAnswer, WindowQuery } from "./contract.ts";
import { isLastAnswer } from "./walk-window.ts";

/** Whether the source's count of a window can be compared with that of what was read: rows without a modified time lie in no window. */
export function hasCounts({ totals, modifiedField }: ApiDescription): boolean {
  return totals && modifiedField !== null;
}

/** The pages of a window, first to last: good for a look, since what changes meanwhile may be missed. @throws SourceError */
export async function* windowPages(source: Source, query: Omit<WindowQuery, "page">, signal: AbortSignal): AsyncGenerator<SourceAnswer> {
  for (let page = 1; page <= (source.api.maxPages ?? Infinity); page++) {
    const answer = await source.readWindow({ ...query, page }, signal);
    yield answer;
    if (answer.total === null ? isLastAnswer(answer, query.pageSize) : page * query.pageSize >= answer.total) return;
  }
}

/** Page 1 of a window, or of the whole list where the API has no windows. @throws SourceError */
export function readNewest(source: Source, query: Omit<WindowQuery, "page" | "archive">, signal: AbortSignal): Promise<SourceAnswer> {
  return source.api.windowKeys === null ? source.readList({ ...query, page: 1 }, signal) : source.readWindow({ ...query, page: 1, archive: false }, signal);
}
