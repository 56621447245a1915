import { CronExpressionParser } from "cron-parser";

/** A Monday; periods are measured from it, so that a schedule always has the same. */
const START = new Date("2026-01-05T00:00:00Z");
const HORIZON_MS = 8 * 86_400_000;
const MINUTE_MS = 60_000;

/** What is wrong with a cron expression of Temporal's schedules, or null. */
export function cronProblem(cron: string): string | null {
  const fields = cron.trim().split(/\s+/);
  if (fields.length === 6 || fields.length === 7) {
    return `5 fields (minute hour day month weekday), not ${fields.length}: leave out the seconds; for less than a minute write schedule: { every: "10s" }`;
  }
  if (fields.length !== 5) return "5 fields: minute hour day month weekday";
  // Temporal knows fewer forms than cron-parser: no L, W, # or ?.
  const odd = fields.find((field) => !/^(?:\*|[0-9]+|[A-Za-z]{3})(?:-(?:[0-9]+|[A-Za-z]{3}))?(?:\/[0-9]+)?(?:,(?:\*|[0-9]+|[A-Za-z]{3})(?:-(?:[0-9]+|[A-Za-z]{3}))?(?:\/[0-9]+)?)*$/.test(field));
  if (odd !== undefined) return `numbers, three-letter names, "*", "-", "," and "/" only; not ${JSON.stringify(odd)}`;
  try {
    CronExpressionParser.parse(cron, { currentDate: START, tz: "UTC" }).next();
    return null;
  } catch (error) {
    return `a valid cron expression (${error instanceof Error ? error.message : String(error)})`;
  }
}

/** The longest time between two runs of a valid cron expression (ms), nights and weekends included. */
export function longestPeriod(cron: string): number {
  const { minute, hour } = CronExpressionParser.parse(cron, { currentDate: START, tz: "UTC" }).fields;
  const minutes = hour.values.flatMap((hour) => minute.values.map((minute) => hour * 60 + minute));
  const overNight = longestDayGap(cron) + (minutes[0]! - minutes.at(-1)!) * MINUTE_MS;
  return Math.max(overNight, ...minutes.slice(1).map((minute, i) => (minute - minutes[i]!) * MINUTE_MS));
}

/** The longest time from a day with runs to the next such day (ms); walking through every run would take a second. */
function longestDayGap(cron: string): number {
  const days = CronExpressionParser.parse(["0 0", ...cron.trim().split(/\s+/).slice(2)].join(" "), { currentDate: START, tz: "UTC" });
  let last = days.next().getTime();
  let longest = 0;
  while (longest === 0 || last < START.getTime() + HORIZON_MS) {
    const next = days.next().getTime();
    longest = Math.max(longest, next - last);
    last = next;
  }
  return longest;
}

/** Whether this Node knows the time zone by its IANA name. */
export function isTimezone(name: string): boolean {
  if (/^[+-]/.test(name)) return false; // newer Nodes take offsets, Temporal does not
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone !== "";
  } catch {
    return false;
  }
}
