import { DefaultLogger, type LogLevel, makeTelemetryFilterString, Runtime } from "@temporalio/worker";
import type { Logger } from "../log.ts";

let installed = false;

/**
 * Sets up the SDK's runtime, once a process and before any worker: what it says goes to the log. The process itself decides
 * about signals, so that it can close its connections in order. From here on the native core holds the process.
 */
export function installRuntime(log: Logger): void {
  if (installed) return;
  installed = true;
  Runtime.install({
    logger: new DefaultLogger("WARN", ({ level, message, meta }) => {
      const { error, workflowId, activityType, attempt } = (meta ?? {}) as Record<string, unknown>;
      log[severity(level)]({ workflowId, activityType, attempt, ...(error instanceof Error ? { err: error } : {}) }, message);
    }),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: "WARN", other: "ERROR" }), forward: {} } },
    shutdownSignals: [],
  });
}

function severity(level: LogLevel): "debug" | "info" | "warn" | "error" {
  return level === "ERROR" ? "error" : level === "WARN" ? "warn" : level === "INFO" ? "info" : "debug";
}
