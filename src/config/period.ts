import { CronExpressionParser } from "cron-parser";

const DAY_MS = 86_400_000;
/** Periods are measured from here, so that a schedule always has the same. */
const FIRST_DAY = Date.UTC(2026, 0, 5) / DAY_MS;
/** Two leap days lie in it. */
const DAYS = 3_000;

/** The longest time between two runs of expressions as `temporalCrons` gives them (ms), nights and weekends included. */
export function longestPeriod(crons: readonly string[]): number {
  const schedules = crons.map(fieldsOf);
  const known = new Map<string, RunsOfDay>();
  let last: number | null = null;
  let longest = 0;
  for (let day = FIRST_DAY; day < FIRST_DAY + DAYS; day++) {
    const date = new Date(day * DAY_MS);
    const running = schedules.filter(({ days, months, weekdays }) => days.has(date.getUTCDate()) && months.has(date.getUTCMonth() + 1) && weekdays.has(date.getUTCDay()));
    if (running.length === 0) continue;
    const key = running.map(({ cron }) => cron).join();
    const runs = known.get(key) ?? runsOf(running);
    known.set(key, runs);
    longest = Math.max(longest, runs.longest, last === null ? 0 : day * DAY_MS + runs.first - last);
    last = day * DAY_MS + runs.last;
  }
  return longest === 0 ? DAYS * DAY_MS : longest;
}

/** When an expression runs; Temporal wants a day to fit all of its fields. */
interface CronFields {
  cron: string;
  days: Set<number>;
  months: Set<number>;
  weekdays: Set<number>;
  /** ms since midnight. */
  times: number[];
}

function fieldsOf(cron: string): CronFields {
  const parts = cron.split(" ");
  const { second, minute, hour, dayOfMonth, month, dayOfWeek } = CronExpressionParser.parse(parts.slice(0, 6).join(" "), { tz: "UTC" }).fields;
  const times = hour.values.flatMap((hour) => minute.values.flatMap((minute) => second.values.map((second) => ((hour * 60 + minute) * 60 + second) * 1_000)));
  return { cron, days: new Set(dayOfMonth.values.map(Number)), months: new Set(month.values), weekdays: new Set(dayOfWeek.values.map((day) => Number(day) % 7)), times };
}

/** ms since midnight, and between two runs. */
interface RunsOfDay {
  first: number;
  last: number;
  longest: number;
}

function runsOf(schedules: readonly CronFields[]): RunsOfDay {
  const times = [...new Set(schedules.flatMap(({ times }) => times))].toSorted((a, b) => a - b);
  return { first: times[0]!, last: times.at(-1)!, longest: times.slice(1).reduce((longest, time, i) => Math.max(longest, time - times[i]!), 0) };
}
