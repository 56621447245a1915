import { log } from "@temporalio/activity";
import { accountOf, type Services, tokensOf } from "../src/sync/services.ts";
import { run } from "./support.ts";
import type { TokenActivities } from "./types.ts";

/** Refreshes an account's token when that takes effect. */
export function createTokenActivities(services: Services): TokenActivities {
  return {
    refreshToken: (account) =>
      run(async ({ signal }) => {
        const report = await tokensOf(services, accountOf(services.config, account)).refreshIfDue(signal);
        if (report.notice !== null) log.warn(report.notice, { account, outcome: report.outcome });
        return report;
      }),
  };
}
