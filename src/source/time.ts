/**
 * The source writes local time of Asia/Shanghai without a zone. China has had no daylight saving since 1991, so the
 * zone is UTC+8 throughout; inside Tidemark an instant is epoch ms UTC.
 */
const ZONE_MS = 8 * 3_600_000;
const FIRST_REAL_YEAR = 1971; // 0001-01-01, 1900-01-01 and 1970-01-01 08:00:00 stand for "none"
const LAST_REAL_YEAR = 9998; // so does 9999-12-31

const PATTERN =
  /^(\d{4})[-/](\d{1,2})[-/](\d{1,2})(?:[T ]+(\d{1,2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i;

/** The second an instant lies in: epoch ms, rounded down to a whole second. */
export function floorToSecond(ms: number): number {
  return Math.floor(ms / 1000) * 1000;
}

/** Epoch ms, rounded up to a whole second. */
export function ceilToSecond(ms: number): number {
  return Math.ceil(ms / 1000) * 1000;
}

/** ISO 8601 UTC without fractions, or null. */
export function formatInstant(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString().replace(/\.\d{3}Z$/, "Z");
}

/** `YYYY-MM-DD HH:mm:ss` in Asia/Shanghai of an instant (epoch ms UTC), its milliseconds cut off. */
export function formatShanghai(ms: number): string {
  return new Date(floorToSecond(ms) + ZONE_MS).toISOString().slice(0, 19).replace("T", " ");
}

/**
 * Epoch ms UTC of a time as the source writes it: Asia/Shanghai unless the text names a zone, with or without
 * milliseconds, or a date alone (its midnight). Null for empty or unreadable text, impossible dates, and
 * placeholders (years before 1971 and 9999).
 */
export function parseShanghai(text: string): number | null {
  const match = PATTERN.exec(text.trim());
  if (match === null) return null;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map((part) => Number(part ?? 0));
  if (year < FIRST_REAL_YEAR || year > LAST_REAL_YEAR) return null;
  if (hour > 23 || minute > 59 || second > 59) return null;
  const local = Date.UTC(year, month - 1, day, hour, minute, second);
  if (new Date(local).getUTCMonth() !== month - 1) return null; // a day that the month does not have
  const fraction = match[7] === undefined ? 0 : Number(match[7].padEnd(3, "0").slice(0, 3));
  return local + fraction - zoneMs(match[8]);
}

function zoneMs(zone: string | undefined): number {
  if (zone === undefined) return ZONE_MS;
  if (zone === "Z" || zone === "z") return 0;
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(3).replace(":", ""));
  return (zone.startsWith("-") ? -minutes : minutes) * 60_000;
}
