import { ConfigError } from "../../errors.ts";
import type { JsonValue } from "../../config/types.ts";
import type { ApiDescription, VersionQuery, WindowQuery } from "../contract.ts";
import { ceilToSecond, floorToSecond, formatShanghai } from "../time.ts";

/** Keys that the cursors set, whichever is in use. */
const CURSOR_KEYS = ["start_ts", "end_ts", "is_get_total", "modified_begin", "modified_end", "page_index", "page_size"];
/** Parameters that choose the fields of the answer: a choice without id, version and modified time blinds the cursor. */
const FIELD_CHOICES = ["order_flds", "InoutFlds"];

/**
 * Checks a pipeline's own parameters: none may take the place of a cursor's, and a choice of fields must keep those that
 * Tidemark reads.
 * @param path where the parameters stand in the configuration
 * @throws ConfigError `TM_CONFIG_PARAMS`, naming the key
 */
export function checkParams(api: ApiDescription, params: Record<string, JsonValue>, path = "source.params"): void {
  const reserved = new Set([...CURSOR_KEYS, ...Object.keys(api.windowParams), ...(api.archive ? ["archive"] : [])]);
  if (api.versionParam !== null) reserved.add(api.versionParam);
  const needed = [api.idField, api.modifiedField, ...(api.versionField === null ? [] : [api.versionField])];
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
    ["is_get_total", "false"],
    ["page_index", "1"],
    ["page_size", String(query.pageSize)],
    ...archived(query),
    ...pairs(query.params),
  ]);
}

/** The business parameters of a window query as the exact text to be signed and sent. @throws ConfigError */
export function windowBiz(api: ApiDescription, query: WindowQuery): string {
  checkParams(api, query.params);
  return jsonObject([
    ["modified_begin", JSON.stringify(formatShanghai(floorToSecond(query.from)))],
    ["modified_end", JSON.stringify(formatShanghai(ceilToSecond(query.to)))],
    ...pairs(api.windowParams),
    ["page_index", String(query.page)],
    ["page_size", String(query.pageSize)],
    ...archived(query),
    ...pairs(query.params),
  ]);
}

function archived({ archive }: { archive?: boolean }): (readonly [string, string])[] {
  return archive === true ? [["archive", "true"]] : [];
}

function pairs(params: Readonly<Record<string, JsonValue>>): (readonly [string, string])[] {
  return Object.entries(params).map(([key, value]) => [key, JSON.stringify(value)] as const);
}

function jsonObject(members: readonly (readonly [string, string])[]): string {
  return `{${members.map(([key, raw]) => `${JSON.stringify(key)}:${raw}`).join(",")}}`;
}
