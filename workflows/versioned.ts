import { setWorkflowOptions } from "@temporalio/workflow";
import { backfill } from "./backfill.ts";

// What workers with a build run; Temporal refuses a behaviour of those without one. A backfill goes on with the current build,
// since it may live for weeks. Everything else is short, and stays with the build that began it.
setWorkflowOptions({ versioningBehavior: "AUTO_UPGRADE" }, backfill);

export * from "./index.ts";
