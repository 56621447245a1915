import { ConfigError } from "../errors.ts";
import { parseShanghai } from "../source/time.ts";

const FORMS = "2026-01-31, 2026-01-31 08:30:00 (both Asia/Shanghai) or 2026-01-31T00:30:00Z";

/**
 * An instant that a person wrote: a date or a time, Asia/Shanghai unless it names a zone.
 * @param name what is wrong when it is wrong, such as `--from`
 * @returns epoch ms UTC
 * @throws ConfigError `TM_DATE`
 */
export function parseDate(text: string, name: string): number {
  const at = parseShanghai(text);
  if (at !== null) return at;
  throw new ConfigError("TM_DATE", `${name} is ${JSON.stringify(text)}, which is no date`, { path: name, fix: `Write it as ${FORMS}.` });
}

/** The same of a time that has passed. @throws ConfigError `TM_DATE` */
export function parsePast(text: string, name: string): number {
  const at = parseDate(text, name);
  if (at <= Date.now()) return at;
  throw new ConfigError("TM_DATE", `${name} (${text}) lies in the future, where nothing was modified yet`, { path: name, fix: `Write a past time, as ${FORMS}.` });
}

/**
 * The range of modified time that `--from` (inclusive) and `--to` (exclusive) mean, in epoch ms UTC.
 * @throws ConfigError `TM_DATE`
 */
export function parseDateRange(range: { from: string; to: string }): { from: number; to: number } {
  const from = parsePast(range.from, "--from");
  const to = parseDate(range.to, "--to");
  if (from < to) return { from, to };
  throw new ConfigError("TM_DATE", `--to (${range.to}) does not come after --from (${range.from})`, {
    path: "--to", fix: "--from is included and --to is not: for one whole day give the next day as --to.",
  });
}
