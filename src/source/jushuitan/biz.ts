import { ConfigError } from "../../errors.ts";
import type { JsonValue } from "../../config/types.ts";
import type { ApiDescription, ListQuery, VersionQuery, WindowQuery } from "../contract.ts";
import { ceilToSecond, floorToSecond, formatShanghai } from "../time.ts";

/** Keys that the cursors set, whichever is in use. */
const CURSOR_KEYS = ["start_ts", "end_ts", "is_get_total", "modified_begin", "modified_end", "page_index", "page_size"];
/** Parameters that choose the fields of the answer: a choice without id, version and modified time blinds the cursor. */
const FIELD_CHOICES = ["order_flds", "InoutFlds", "flds", "item_flds"];

/**
 * Checks a pipeline's own parameters: none may take the place of a cursor's, and a choice of fields must keep those that
 * Tidemark reads.
 * @param path where the parameters stand in the configuration
 * @throws ConfigError `TM_CONFIG_PARAMS`, naming the key
 */
export function checkParams(api: ApiDescription, params: Record<string, JsonValue>, path = "source.params"): void {
  const reserved = new Set([...CURSOR_KEYS, ...Object.keys(api.windowParams), ...(api.windowKeys ?? []), ...(api.otherWindowKeys ?? []), ...(api.archive ? [api.archiveParam] : [])]);
  if (api.versionParam !== null) reserved.add(api.versionParam);
  const needed = [...idParts(api), ...modifiedParts(api), api.versionField].filter((field) => field !== null && !(field in api.params));
  for (const [key, value] of Object.entries(params)) {
    if (reserved.has(key)) {
      throw new ConfigError("TM_CONFIG_PARAMS", `The parameter ${key} belongs to the cursor`, {
        path: `${path}.${key}`,
        fix: `Remove ${key} from params: Tidemark sets it itself.`,
      });
    }
    const missing = FIELD_CHOICES.includes(key) && Array.isArray(value) ? needed.filter((field) => !value.includes(field)) : [];
    if (missing.length > 0) {
      throw new ConfigError("TM_CONFIG_PARAMS", `The choice of fields ${key} leaves out ${missing.join(", ")}`, {
        path: `${path}.${key}`,
        fix: `Add ${missing.join(", ")} to ${key}: without them no change can be followed.`,
      });
    }
  }
}

/**
 * The business parameters of a version query as the exact text to be signed and sent: the version as raw digits, never
 * through a number. @throws ConfigError
 */
export function versionBiz(api: ApiDescription, query: VersionQuery): string {
  checkParams(api, query.params);
  if (api.versionParam === null) {
    throw new ConfigError("TM_CONFIG_CURSOR", `${api.path} cannot be followed by version`, { fix: 'Set source.cursor to "window".' });
  }
  if (!/^\d+$/.test(query.from)) throw new TypeError(`A version is decimal digits, not ${JSON.stringify(query.from)}`);
  return jsonObject([
    [api.versionParam, query.from],
    ...(api.totalsParam ? [["is_get_total", "false"] as const] : []),
    ["page_index", "1"],
    ["page_size", String(query.pageSize)],
    ...archived(api, query),
    ...(api.versionAlone ? [] : pairs(asked(api, query))),
  ]);
}

/** The business parameters of a window query as the exact text to be signed and sent. @param keys its begin and end @throws ConfigError */
export function windowBiz(api: ApiDescription, query: WindowQuery, keys = api.windowKeys): string {
  checkParams(api, query.params);
  if (keys === null) throw new ConfigError("TM_NO_WINDOWS", `${api.path} has no windows of modified time: each run reads all of it`, { fix: 'Run "tidemark sync" instead.' });
  const [begin, end] = keys;
  return jsonObject([
    [begin, JSON.stringify(formatShanghai(floorToSecond(query.from)))],
    [end, JSON.stringify(formatShanghai(ceilToSecond(query.to)))],
    ...pairs(api.windowParams),
    ["page_index", String(query.page)],
    ["page_size", String(query.pageSize)],
    ...archived(api, query),
    ...pairs(asked(api, query)),
  ]);
}

/** The business parameters of a page of the whole list. @throws ConfigError */
export function listBiz(api: ApiDescription, query: ListQuery): string {
  checkParams(api, query.params);
  return jsonObject([["page_index", String(query.page)], ["page_size", String(query.pageSize)], ...pairs(asked(api, query))]);
}

/** The fields that make up a row's id. */
export function idParts(api: Pick<ApiDescription, "idField">): string[] {
  return api.idField.split("+");
}

/** The fields with a row's modified times. */
export function modifiedParts(api: Pick<ApiDescription, "modifiedField">): string[] {
  return api.modifiedField?.split("+") ?? [];
}

/** The parameters of a query: the pipeline's own, and what is sent unless it says otherwise. */
export function asked(api: Pick<ApiDescription, "params">, { params }: Pick<ListQuery, "params">): Record<string, JsonValue> {
  return { ...api.params, ...params };
}

function archived(api: ApiDescription, { archive }: { archive?: boolean }): (readonly [string, string])[] {
  return archive === true ? [[api.archiveParam, "true"]] : [];
}

function pairs(params: Readonly<Record<string, JsonValue>>): (readonly [string, string])[] {
  return Object.entries(params).map(([key, value]) => [key, JSON.stringify(value)] as const);
}

function jsonObject(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([key, raw]) => `${JSON.stringify(key)}:${raw}`).join(",")}}`;
}
