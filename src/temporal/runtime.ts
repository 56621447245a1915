import { DefaultLogger, makeTelemetryFilterString, Runtime } from "@temporalio/worker";

let installed = false;

/**
 * Sets up the SDK's runtime, once a process and before any worker: its log lines go to standard error from this level on.
 * The process itself decides about signals, so that it can close its connections in order.
 */
export function installRuntime(level: "WARN" | "INFO" | "ERROR" = "WARN"): void {
  if (installed) return;
  installed = true;
  Runtime.install({
    logger: new DefaultLogger(level, ({ level: severity, message, meta }) => {
      const { error, workflowId, activityType, attempt } = (meta ?? {}) as Record<string, unknown>;
      const where = Object.entries({ workflowId, activityType, attempt }).filter(([, value]) => value !== undefined);
      const cause = error instanceof Error ? ` ${error.message}` : "";
      process.stderr.write(`${new Date().toISOString()} ${severity} ${message}${cause} ${JSON.stringify(Object.fromEntries(where))}\n`);
    }),
    telemetryOptions: { logging: { filter: makeTelemetryFilterString({ core: "WARN", other: "ERROR" }), forward: {} } },
    shutdownSignals: [],
  });
}
