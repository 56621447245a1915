import type { UserPipeline, UserSource } from "../config/user-config.ts";
import type { JsonValue } from "../config/types.ts";
import type { ApiDescription } from "../source/contract.ts";
import { hasCounts } from "../source/pages.ts";
import { formatShanghai, parseShanghai } from "../source/time.ts";
import { temporalCrons } from "./cron.ts";
import { compileEntries } from "./entries.ts";
import type { ImportedHalf } from "./import.ts";
import { isLiteral, literalValue } from "./literal.ts";
import type { Entry, OmissionRemedy, Strategy } from "./model.ts";
import { notice, QeasyError, type Report } from "./notice.ts";
import { textOf } from "./value.ts";
import { MOVING_TIME, windowOf } from "./window.ts";

const FIRST_LOOK_BACK_MS = 30 * 86_400_000;
const LEAST_PAGE = 2;

const MISSES = "what does not match when a run or an audit asks would be missed, and nothing could prove what was read. Take it out, and all that was modified comes; or a fixed value in source.params takes its place";

/** The `source` of a pipeline that reads what the strategy reads; what it cannot do goes to `report` as refused. @param given parameters that the config sets by itself */
export async function pipelineSource({ strategy }: ImportedHalf, api: ApiDescription, report: Report, given: readonly string[] = []): Promise<Omit<UserSource, "account">> {
  const { params, from } = await readRequest(strategy, api, given, report);
  if (api.call === true) {
    for (const name of Object.keys(params)) report(notice("TM_QEASY_NOT_YET", `source.request.${name}`, `${api.path} takes no parameters`, "refused"));
    return { api: api.path, ...(strategy.number === undefined ? {} : { number: strategy.number }) };
  }
  const whole = api.cursors[0] === "snapshot";
  return {
    api: api.path, pageSize: Math.min(api.pageSize.max, Math.max(LEAST_PAGE, strategy.pageSize)), cursor: "auto", ...(whole ? { from: "all" } : from === undefined ? {} : { from }),
    ...(Object.keys(params).length === 0 ? {} : { params }),
  };
}

/** Where a first run begins that nothing tells. @param now epoch ms */
export function placeholderFrom(now: number, report: Report): string {
  const from = formatShanghai(now - FIRST_LOOK_BACK_MS).slice(0, 10);
  report(notice("TM_QEASY_FROM", "source.request", `LAST_SYNC_TIME is the checkpoint, and the first run begins at ${from}, 30 days ago`));
  return from;
}

/** What would make other rows of those that are read, and no mapping says. */
export function refuseRowChanges(strategy: Strategy, report: Report): void {
  const refuse = (key: string, detail: string): void => report(notice("TM_QEASY_NOT_YET", `source.${key}`, detail, "refused"));
  if (strategy.condition.length > 0) refuse("condition", "rows that fail it would be sent");
  if (strategy.operation.method === "splitArray") refuse("operation", "rows would stay whole");
  if (strategy.beatFlat.length > 0) refuse("beatFlat", "rows would stay whole");
  if (strategy.formatResponse.length > 0) refuse("formatResponse", "the formatted fields would be missing");
  if (strategy.id?.includes(".") === true) refuse("id", `${JSON.stringify(strategy.id)} lies inside another field`);
}

/** Parameters that stand in the request as they are; windows and pages are the cursor's. */
async function readRequest(strategy: Strategy, api: ApiDescription, given: readonly string[], report: Report): Promise<{ params: Record<string, JsonValue>; from: string | undefined }> {
  const window = windowOf(strategy);
  const params: Record<string, JsonValue> = {};
  let from: string | undefined;
  const others = otherParameters(strategy, api, report);
  const entries = [...compileEntries(strategy.request, "source.request", () => undefined), ...compileEntries(others, "source.otherRequest", () => undefined)];
  for (const entry of entries.filter(({ field }) => !given.includes(field))) {
    const { field, path } = entry;
    const written = writtenIn([...strategy.request, ...others], field);
    const refuse = (detail: string): void => report(notice("TM_QEASY_NOT_YET", path, detail, "refused"));
    const [begin, end] = api.windowKeys ?? [];
    const bound = [begin, end, ...(api.otherWindowKeys ?? [])].includes(field);
    const choice = Object.hasOwn(api.windowParams, field);
    if ((bound || choice) && written === "") continue;
    if (field === "__proto__") refuse("no config holds a field of this name");
    if (field === window.page || field === window.pageSize || field === "is_get_total" || written.includes("PAGINATION_")) continue;
    if (bound && !isLiteral(entry)) continue;
    if (field === api.versionParam) {
      if (written !== "" && Number(written) !== 0 && isLiteral(entry)) report(notice("TM_QEASY_UNUSED", path, `the cursor sets it, and begins at source.from instead of ${written}`));
    } else if (!isLiteral(entry) && api.windowKeys === null && MOVING_TIME.test(written)) {
      report(notice("TM_QEASY_UNUSED", path, `${written}; ${api.path} is read whole each time, so that more comes than by this selection`));
    } else if (!isLiteral(entry)) {
      const how = MOVING_TIME.test(written) ? `selects by a time that moves, and is not ${begin} to ${end}` : "selects otherwise each time";
      refuse(`${written === "" ? "it" : JSON.stringify(written)} ${how}: ${MISSES}`);
    } else if (bound && parseShanghai(written) === null) refuse(`${JSON.stringify(written)} is no time; take the entry out, or write {{${field === begin ? "LAST_SYNC_TIME" : "CURRENT_TIME"}|datetime}}`);
    else if (field === begin) from = written;
    else if (bound) refuse("a window that stands still is a backfill: tidemark backfill NAME --from … --to …");
    else if (choice) {
      if (textOf(api.windowParams[field]) !== written) refuse(`with ${JSON.stringify(written)} it selects by another time than the modified time`);
    } else {
      const value = await literalValue(entry, report);
      if (value !== undefined) params[field] = value;
    }
  }
  return { params, from };
}

/** What stands as a field's value in a list of entries: of several the last one that is not empty. */
function writtenIn(entries: readonly Entry[], field: string): string {
  return entries.filter((each) => each.field === field).map(({ value, default: instead }) => textOf(value ?? instead)).findLast((text) => text !== "") ?? "";
}

/** Of `otherRequest` what the API knows as a parameter: a further one, by the same rules. Nothing is known of an effect of the rest. */
function otherParameters({ request, otherRequest }: Strategy, api: ApiDescription, report: Report): Entry[] {
  const known = new Set([...(api.windowKeys ?? []), ...Object.keys(api.windowParams), ...Object.keys(api.params), ...api.parameters.flatMap((text) => text.match(/\w+/g) ?? [])]);
  const taken = otherRequest.filter(({ field }) => known.has(field) && !request.some((entry) => entry.field === field));
  for (const { field } of otherRequest) {
    const sent = taken.some((entry) => entry.field === field);
    report(notice(sent ? "TM_QEASY_OTHER_REQUEST" : "TM_QEASY_UNUSED", `source.otherRequest.${field}`, sent ? api.path : `${api.path} has no such parameter that is not set already`, sent ? "warning" : "info"));
  }
  return taken;
}

/** When the pipeline runs: the source's own crontab, else the target's. */
export function pipelineSchedule(halves: readonly ImportedHalf[], report: Report): UserPipeline["schedule"] {
  const found = halves.find(({ json }) => textOf(json.crontab).trim() !== "");
  const schedule = found === undefined ? undefined : cronOf(textOf(found.json.crontab), `${found.side}.crontab`, report);
  if (schedule === undefined) report(notice("TM_QEASY_SCHEDULE", "", "runs start only by tidemark sync, until the pipeline has one"));
  return schedule;
}

/** `omissionRemedy` as an audit, where there is something to compare with. @param given parameters that the config sets by itself */
export function pipelineAudit({ strategy, json }: ImportedHalf, api: ApiDescription, report: Report, given: readonly string[] = []): UserPipeline["audit"] {
  const { omissionRemedy } = strategy;
  if (omissionRemedy === undefined) return undefined;
  checkRemedy(strategy, omissionRemedy, api, given, report);
  if (omissionRemedy.adapter !== undefined && omissionRemedy.adapter !== textOf(json.adapter)) report(notice("TM_QEASY_UNUSED", "source.omissionRemedy.adapter", `${omissionRemedy.adapter}; audits read ${api.path}, as runs do`));
  if (api.call === true || api.cursors[0] === "snapshot") {
    report(notice("TM_QEASY_AUDIT", "source.omissionRemedy", `not needed: ${api.call === true ? "a call has no past" : "each run reads all of it"}`, "info"));
    return undefined;
  }
  const audit = cronOf(omissionRemedy.crontab, "source.omissionRemedy.crontab", report);
  const days = daysBack(omissionRemedy);
  const dear = days !== undefined || hasCounts(api) ? "" : `. ${api.path} announces no counts, so that each audit reads all rows since source.from again: once a day, or a week, may do`;
  if (audit !== undefined) report(notice("TM_QEASY_AUDIT", "source.omissionRemedy", `${days === undefined ? "of all closed time" : `of the last ${days} days`}; what is missing is loaded${dear}`, dear === "" ? "info" : "warning"));
  return audit === undefined || days === undefined ? audit : { ...audit, last: `${days}d` };
}

/** How far back a remedy looks, where it is told in days: n may be counted from now or from midnight. */
function daysBack({ takeOverRequest }: OmissionRemedy): number | undefined {
  const days = takeOverRequest.flatMap(({ value }) => [...textOf(value).matchAll(/\{\{?\s*DAYS_AGO_(\d+)/g)].map(([, n]) => Number(n) + 1));
  return days.length === 0 ? undefined : Math.max(...days);
}

/** An audit reads what the request selects; a remedy that selects otherwise may read rows that no run would. */
function checkRemedy({ request }: Strategy, { takeOverRequest }: OmissionRemedy, api: ApiDescription, given: readonly string[], report: Report): void {
  const window = windowOf({ request: [...request, ...takeOverRequest] });
  // What moves in the request itself is the window, left out, or refused already.
  const moving = compileEntries(request, "source.request", () => undefined).flatMap((entry) => (isLiteral(entry) ? [] : [entry.field]));
  const own = [...(api.windowKeys ?? []), ...(api.otherWindowKeys ?? []), ...Object.keys(api.windowParams), api.versionParam, window.page, window.pageSize, "is_get_total", ...moving, ...given];
  for (const entry of compileEntries(takeOverRequest, "source.omissionRemedy.takeOverRequest", () => undefined)) {
    const { field, path } = entry;
    const [runs, remedy] = [writtenIn(request, field), writtenIn(takeOverRequest, field)];
    if (own.includes(field) || runs === remedy || (runs === "" && !isLiteral(entry))) continue;
    if (runs === "") report(notice("TM_QEASY_UNUSED", path, "audits read what the request selects. If this selects other rows, they need a pipeline of their own"));
    else report(notice("TM_QEASY_NOT_YET", path, "it selects by another value than the request, so that the remedy reads rows that no run reads: import them as a strategy of their own, and take the entry out here", "refused"));
  }
}

function cronOf(crontab: string, path: string, report: Report): { cron: string } | undefined {
  try {
    temporalCrons(crontab);
    return { cron: crontab.trim() };
  } catch (error) {
    if (!(error instanceof QeasyError)) throw error;
    report(notice("TM_QEASY_SCHEDULE", path, error.message));
  }
  return undefined;
}
