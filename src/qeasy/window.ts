import type { Entry } from "./model.ts";
import { textOf } from "./value.ts";

/** Which request fields a source uses for its window and its pages; undefined: none. */
export interface RequestWindow {
  /** The field that LAST_SYNC_TIME or DAYS_AGO_n feeds. */
  begin: string | undefined;
  /** The field that CURRENT_TIME feeds, or a second DAYS_AGO_n. */
  end: string | undefined;
  page: string | undefined;
  pageSize: string | undefined;
}

/** A template of a time that is another one at each dispatch. */
export const MOVING_TIME = /\{\{?\s*(?:LAST_SYNC_TIME|CURRENT_TIME|DAYS_AGO_\d)/;
const PAGE = /^(?:page|page_?index|page_?no|pageno|startrow)$/i;
const PAGE_SIZE = /^(?:page_?size|limit)$/i;

/** Reads the window of a source's request, by the variables in the values and by the names of the fields. */
export function windowOf({ request }: { request: readonly Entry[] }): RequestWindow {
  const where = (test: (value: string, field: string) => boolean): Entry[] => request.filter(({ value, field }) => test(textOf(value), field));
  const moving = where((value) => /\{\{?\s*(?:LAST_SYNC_TIME|DAYS_AGO_\d+)/.test(value)).map(({ field }) => field);
  const now = where((value) => /\{\{?\s*CURRENT_TIME/.test(value)).map(({ field }) => field);
  const field = (variable: string, name: RegExp): string | undefined => where((value, field) => value.includes(variable) || name.test(field))[0]?.field;
  return {
    begin: moving[0],
    end: now.find((each) => each !== moving[0]) ?? moving[1],
    page: field("PAGINATION_START_", PAGE),
    pageSize: field("PAGINATION_PAGE_SIZE", PAGE_SIZE),
  };
}
