import { cronProblem } from "../config/cron.ts";
import { QeasyError } from "./notice.ts";

/** Second to day of week. */
const RANGES: readonly [least: number, most: number][] = [
  [0, 59],
  [0, 59],
  [0, 23],
  [1, 31],
  [1, 12],
  [0, 6],
];

/**
 * Cron expressions of Temporal's schedules (`cronExpressions`) that together mean the same as a strategy's crontab: five
 * fields, or seven (seconds first, the year last) where the seconds are not 0. There are two where day of month and day
 * of week are both restricted: a crontab then runs on either, Temporal would run on days that are both.
 * @throws QeasyError TM_QEASY_CRON
 */
export function temporalCrons(crontab: string): string[] {
  const fields = crontab.trim().split(/\s+/);
  if (fields.length === 7) throw refuse(crontab, "a seventh field (year) is not supported");
  if (fields.length !== 5 && fields.length !== 6) throw refuse(crontab, "5 fields, or 6 with seconds first, are wanted");
  const odd = fields.find((field) => /#|W|L(?!.)/i.test(field.replaceAll(/[A-Za-z]{3}/g, "")));
  if (odd !== undefined) throw refuse(crontab, `L, W and # are not supported: ${JSON.stringify(odd)}`);
  const weekday = fields.at(-1)!;
  // Quartz counts Sunday as 1, other crons as 0 or 7; only the name says which day is meant.
  if (fields.includes("?") && /\d/.test(weekday.replaceAll(/\/\d+/g, ""))) throw refuse(crontab, `with ? the weekday ${JSON.stringify(weekday)} is ambiguous; write its name, such as MON`);
  const six = fields.length === 5 ? ["0", ...fields] : fields;
  const plain = six.map((field, i) => field.split(",").map((part) => written(part.toUpperCase(), i, crontab)).join(","));
  const [seconds, ...rest] = plain as [string, string, string, string, string, string];
  const [minute, hour, day, month, days] = rest;
  const either = !day.startsWith("*") && !days.startsWith("*");
  const five = either ? [`${minute} ${hour} ${day} ${month} *`, `${minute} ${hour} * ${month} ${days}`] : [rest.join(" ")];
  const problem = cronProblem(rest.join(" ")) ?? cronProblem(`${seconds} 0 1 1 *`);
  if (problem !== null) throw refuse(crontab, problem);
  return seconds === "0" ? five : five.map((each) => `${seconds} ${each} *`);
}

/** One part of a field: `?` is `*`, Sunday is 0, and `5/10` runs on to the field's end. */
function written(part: string, place: number, crontab: string): string {
  const [range = "", step] = part.split("/");
  const [least, most] = RANGES[place]!;
  if (step !== undefined && !/^[1-9]\d?$/.test(step)) throw refuse(crontab, `${JSON.stringify(part)} has no step`);
  if (range === "*" || range === "?") return step === undefined ? "*" : `*/${step}`;
  if (place !== 5) return step !== undefined && !range.includes("-") ? `${range}-${most}/${step}` : part;
  const days = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];
  const number = (day: string): number => (days.includes(day) ? days.indexOf(day) : Number(day));
  const [from, to] = range.split("-").map(number);
  const last = to ?? (step === undefined ? from! : most);
  if ([from, last].some((day) => !Number.isInteger(day) || day! < least || day! > 7)) throw refuse(crontab, `${JSON.stringify(part)} is no weekday`);
  // SUN as the end of a range is the day after Saturday.
  const end = last < from! ? last + 7 : last;
  const list: number[] = [];
  for (let day = from!; day <= end; day += Number(step ?? 1)) list.push(day % 7);
  return [...new Set(list)].toSorted((a, b) => a - b).join(",");
}

function refuse(crontab: string, why: string): QeasyError {
  return new QeasyError("TM_QEASY_CRON", `the crontab ${JSON.stringify(crontab)} cannot be taken over: ${why}`, {
    fix: 'Give the schedule in the config, such as schedule: { cron: "*/30 * * * *" }.',
  });
}
