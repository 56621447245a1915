import { setCurrentDetails } from "@temporalio/workflow";
import type { RefreshReport } from "../src/tokens/tokens.ts";
import { runActivities } from "./options.ts";

export interface RefreshInput {
  account: string;
  heartbeatMs: number;
}

/** Refreshes an account's token if now is within the hours in which that takes effect. One activity. */
export async function refreshToken(input: RefreshInput): Promise<RefreshReport> {
  const report = await runActivities(input.heartbeatMs).refreshToken(input.account);
  setCurrentDetails(`${input.account}: ${report.outcome}; expires ${report.expiresAt ?? "at a time not known"}${report.notice == null ? "" : `\n\n${report.notice}`}`);
  return report;
}
