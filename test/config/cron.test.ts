import { CronExpressionParser } from "cron-parser";
import { describe, expect, it } from "vitest";
import { temporalCrons } from "../../src/config/cron.ts";
import { longestPeriod } from "../../src/config/period.ts";

/** The first run of any of the expressions after a moment, as Temporal reads them: five fields, or seconds first and the year last. */
function next(crons: readonly string[], after: string): string {
  const times = crons.map((cron) => {
    const fields = cron.split(" ");
    return CronExpressionParser.parse(fields.length === 7 ? fields.slice(0, 6).join(" ") : cron, { currentDate: after, tz: "Asia/Shanghai" }).next().getTime();
  });
  return new Date(Math.min(...times) + 8 * 3_600_000).toISOString().slice(0, 19).replace("T", " ");
}

describe("crontabs as Temporal reads them", () => {
  it.each([
    ["*/30 * * * *", "2024-03-15 11:00:00"],
    ["2 */2 * * *", "2024-03-15 12:02:00"],
    ["0 3 * * 1", "2024-03-18 03:00:00"],
    ["0 0 1 * *", "2024-04-01 00:00:00"],
    ["15 10 * * 0", "2024-03-17 10:15:00"],
    ["15 10 * * 7", "2024-03-17 10:15:00"],
    ["0 */5 * * * *", "2024-03-15 10:35:00"],
    ["0 0 2 * * ?", "2024-03-16 02:00:00"],
    ["0 0 2 ? * MON", "2024-03-18 02:00:00"],
  ])("%s runs next at %s", (crontab, expected) => {
    expect(next(temporalCrons(crontab), "2024-03-15T10:30:00+08:00")).toBe(expected);
  });

  it.each<[string, string[]]>([
    ["*/30 * * * *", ["*/30 * * * *"]],
    [" 0  */5 * * * * ", ["*/5 * * * *"]],
    ["0 0 1 * 1", ["0 0 1 * *", "0 0 * * 1"]],
    ["0 0 1 * *", ["0 0 1 * *"]],
    ["15 0/20 * * * *", ["15 0-59/20 * * * * *"]],
    ["0 9 * * 5-7", ["0 9 * * 0,5,6"]],
    ["0 9 * * FRI-SUN", ["0 9 * * 0,5,6"]],
    ["0 9 * * mon-fri", ["0 9 * * 1,2,3,4,5"]],
    ["0 9 * jan,6 *", ["0 9 * JAN,6 *"]],
    ["0 0/15 8-18 ? * MON-FRI", ["0-59/15 8-18 * * 1,2,3,4,5"]],
    ["00 30 2 * * ?", ["30 2 * * *"]],
    ["0,30 * * * * *", ["0,30 * * * * * *"]],
    ["10 0 0 1 * 1", ["10 0 0 1 * * *", "10 0 0 * * 1 *"]],
    ["0 4 */2 * 1", ["0 4 */2 * 1"]],
  ])("%s is %j", (crontab, expected) => {
    expect(temporalCrons(crontab)).toEqual(expected);
  });

  it.each([
    ["0 0 2 ? * 2", 'with "?" a weekday by its name, such as MON, not "2"'],
    ["0 0 L * ?", 'not "L"'],
    ["0 0 15W * ?", 'not "15W"'],
    ["0 0 2 ? * MON#1", "with"],
    ["0 0 2 ? * 6L", "with"],
    ["0 0 2 * * ? 2024", "leave out the year"],
    ["* * *", "5 fields"],
    ["", "5 fields"],
    ["61 * * * *", 'minutes from 0 to 59, with "*"'],
    ["99 * * * * *", "seconds from 0 to 59"],
    ["* * * * 8", 'weekdays from 0 to 7 or names such as MON, with "*", "-", "/" and "," only (no L, W or #), not "8"'],
    ["* 22-2 * * *", 'not "22-2"'],
    ["*/0 * * * *", 'not "*/0"'],
    ["*/75 * * * *", 'not "*/75"'],
    ["1- * * * *", 'not "1-"'],
    ["1,,2 * * * *", 'not ""'],
    ["? * * * *", 'not "?"'],
    ["0 0 32 1 *", "days of month from 1 to 31"],
    ["0 0 0 1 *", 'not "0"'],
    ["0 0 31 2 *", 'a day that there is, not "31" in month "2"'],
    ["a b c d e", 'not "A"'],
  ])("%s is refused: %s", (crontab, why) => {
    expect(() => temporalCrons(crontab)).toThrow(why);
  });

  it.each<[string[], number]>([
    [["*/5 * * * *"], 5 / 60],
    [["0 9-18 * * 1-5"], 3 * 24 - 9],
    [["* * * * * *"], 1 / 3600],
    [["0 4 1 * *"], 31 * 24],
    [["0 4 1 * 1"], 7 * 24],
    [["0 0 29 2 *"], 4 * 365.25 * 24],
    [["0 9 * * 1-5", "0 12 * * SAT", "0 0 15 ? * SUN"], 27],
    [["0 0 1 1 *", "0 0 1 7 *"], 184 * 24],
  ])("%j leaves at most %d hours between two runs", (crontabs, hours) => {
    expect(longestPeriod(crontabs.flatMap(temporalCrons)) / 3_600_000).toBeCloseTo(hours, 9);
  });
});
