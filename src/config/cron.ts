import { CronExpressionParser } from "cron-parser";

/** What was expected in the place of a crontab. */
export class CronProblem extends Error {}

interface Field {
  name: string;
  least: number;
  most: number;
  names?: readonly string[];
}

const WEEKDAY: Field = { name: "weekdays", least: 0, most: 7, names: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"] };
const DAY: Field = { name: "days of month", least: 1, most: 31 };
const FIELDS: readonly Field[] = [
  { name: "seconds", least: 0, most: 59 },
  { name: "minutes", least: 0, most: 59 },
  { name: "hours", least: 0, most: 23 },
  DAY,
  { name: "months", least: 1, most: 12, names: ["", "JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"] },
  WEEKDAY,
];

/**
 * Cron expressions of Temporal's schedules (`cronExpressions`) that together mean the same as a crontab of 5 fields, of 6
 * (seconds first), or of Quartz with `?`: five fields, or seven (seconds first, the year last) where the seconds are not 0.
 * There are two where day of month and weekday are both restricted: a crontab then runs on either, Temporal would run on
 * days that are both.
 * @throws CronProblem
 */
export function temporalCrons(crontab: string): string[] {
  const fields = crontab.trim().toUpperCase().split(/\s+/);
  if (fields.length !== 5 && fields.length !== 6) throw new CronProblem(`5 fields (minute hour day month weekday), or 6 with seconds first${fields.length === 7 ? "; leave out the year" : ""}`);
  const weekday = fields.at(-1)!;
  if (fields.includes("?") && /\d/.test(weekday.replaceAll(/\/\d+/g, ""))) {
    throw new CronProblem(`with "?" a weekday by its name, such as MON, not ${JSON.stringify(weekday)}: Quartz counts from Sunday as 1, others from Sunday as 0`);
  }
  const six = fields.length === 5 ? ["0", ...fields] : fields;
  const [second, minute, hour, day, month, days] = six.map((field, i) => field.split(",").map((part) => written(part, FIELDS[i]!)).join(",")) as [string, string, string, string, string, string];
  try {
    CronExpressionParser.parse(`0 0 ${day} ${month} *`, { tz: "UTC" }).next();
  } catch {
    throw new CronProblem(`a day that there is, not ${JSON.stringify(day)} in month ${JSON.stringify(month)}`);
  }
  const either = !day.startsWith("*") && !days.startsWith("*");
  const five = either ? [`${minute} ${hour} ${day} ${month} *`, `${minute} ${hour} * ${month} ${days}`] : [`${minute} ${hour} ${day} ${month} ${days}`];
  return /^0+$/.test(second) ? five : five.map((each) => `${second} ${each} *`);
}

/** One part of a field: `?` is `*`, Sunday is 0, and `5/10` runs on to the field's end. */
function written(part: string, field: Field): string {
  const { name, least, most } = field;
  const [, range = "", step] = /^(\*|\?|\w+(?:-\w+)?)(?:\/([1-9]\d?))?$/.exec(part) ?? [];
  if (range === "*" && Number(step ?? 1) <= most) return part;
  if (part === "?" && (field === DAY || field === WEEKDAY)) return "*";
  const [from, to] = range.split("-").map((value) => numberOf(value, field)) as [number, number?];
  const last = to ?? (step === undefined ? from : field === WEEKDAY ? 6 : most);
  const wrong = [from, last, Number(step ?? 1)].some((number) => !(number <= most)) || Math.min(from, last) < least || (last < from && field !== WEEKDAY);
  if (wrong) throw new CronProblem(`${name} from ${least} to ${most}${field.names === undefined ? "" : ` or names such as ${field.names[1]}`}, with "*", "-", "/" and "," only (no L, W or #), not ${JSON.stringify(part)}`);
  if (field !== WEEKDAY) return step !== undefined && to === undefined ? `${from}-${most}/${step}` : part;
  // SUN as the end of a range is the day after Saturday.
  const end = last < from ? last + 7 : last;
  const list: number[] = [];
  for (let day = from; day <= end; day += Number(step ?? 1)) list.push(day % 7);
  return [...new Set(list)].toSorted((a, b) => a - b).join(",");
}

function numberOf(value: string, { names = [] }: Field): number {
  return value !== "" && names.includes(value) ? names.indexOf(value) : /^\d{1,2}$/.test(value) ? Number(value) : Number.NaN;
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
