import type { Services } from "../src/sync/services.ts";
import { createAuditActivities } from "./audit.ts";
import { createBackfillActivities } from "./backfill.ts";
import { createRunActivities } from "./run.ts";
import { createTokenActivities } from "./tokens.ts";

/** All activities of a worker. */
export function createActivities(services: Services) {
  return { ...createRunActivities(services), ...createBackfillActivities(services), ...createAuditActivities(services), ...createTokenActivities(services) };
}
