import { CronExpressionParser } from "cron-parser";
import { describe, expect, it } from "vitest";
import { cronProblem } from "../../src/config/cron.ts";
import { temporalCrons } from "../../src/qeasy/index.ts";

/** The first run of any of the expressions after a moment, as Temporal reads them: five fields, or seconds first and the year last. */
function next(crons: readonly string[], after: string): string {
  const times = crons.map((cron) => {
    const fields = cron.split(" ");
    return CronExpressionParser.parse(fields.length === 7 ? fields.slice(0, 6).join(" ") : cron, { currentDate: after, tz: "Asia/Shanghai" }).next().getTime();
  });
  return new Date(Math.min(...times) + 8 * 3_600_000).toISOString().slice(0, 19).replace("T", " ");
}

describe("crontabs of strategies", () => {
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
  ])("%s is %j", (crontab, expected) => {
    expect(temporalCrons(crontab)).toEqual(expected);
    for (const cron of expected.filter((cron) => cron.split(" ").length === 5)) expect(cronProblem(cron)).toBeNull();
  });

  it.each(["0 0 2 ? * 2", "0 0 L * ?", "0 0 15W * ?", "0 0 2 ? * MON#1", "0 0 2 ? * 6L", "0 0 2 * * ? 2024", "* * *", "", "61 * * * *", "* * * * 8", "*/0 * * * *", "0 0 32 1 *", "a b c d e", "99 * * * * *"])(
    "%s is refused",
    (crontab) => {
      expect(() => temporalCrons(crontab)).toThrow(expect.objectContaining({ code: "TM_QEASY_CRON" }));
    },
  );
});
