import { CronProblem, temporalCrons as readCron } from "../config/cron.ts";
import { QeasyError } from "./notice.ts";

/**
 * Cron expressions of Temporal's schedules that together mean the same as a strategy's crontab.
 * @throws QeasyError TM_QEASY_CRON
 */
export function temporalCrons(crontab: string): string[] {
  try {
    return readCron(crontab);
  } catch (error) {
    if (!(error instanceof CronProblem)) throw error;
    throw new QeasyError("TM_QEASY_CRON", `the crontab ${JSON.stringify(crontab)} cannot be taken over; expected: ${error.message}`, {
      fix: 'Give the schedule in the config, such as schedule: { cron: "*/30 * * * *" }.',
    });
  }
}
