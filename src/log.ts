import { pino, type Logger } from "pino";
import { ConfigError, TidemarkError } from "./errors.ts";

export type { Logger } from "pino";

const LEVELS = ["trace", "debug", "info", "warn", "error", "fatal", "silent"] as const;
export type LogLevel = (typeof LEVELS)[number];

/** Keys whose values are never written, wherever they stand in the first levels of what is logged. */
const SECRETS = ["appKey", "appSecret", "partnerId", "partnerKey", "accessToken", "refreshToken", "access_token", "refresh_token", "app_key", "app_secret", "sign", "secret", "key", "token", "headers", "authorization", "Authorization", "password"];
const REDACTED = SECRETS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`]);

/**
 * A log to standard error, one JSON object a line. Log ids, counts and codes: order data has no place in it.
 * @param usual the level when TIDEMARK_LOG names none: `info` for workers, `warn` for commands
 * @throws ConfigError `TM_LOG_LEVEL`
 */
export function createLog(usual: LogLevel, env: NodeJS.ProcessEnv = process.env): Logger {
  return pino(
    {
      level: levelOf(env["TIDEMARK_LOG"], usual),
      base: { pid: process.pid },
      timestamp: () => `,"time":"${new Date().toISOString()}"`,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: REDACTED, censor: "(secret)" },
      serializers: { err: describeError },
    },
    pino.destination({ fd: 2, sync: true }),
  );
}

function levelOf(given: string | undefined, usual: LogLevel): LogLevel {
  if (given === undefined || given === "") return usual;
  const level = LEVELS.find((one) => one === given.toLowerCase());
  if (level !== undefined) return level;
  throw new ConfigError("TM_LOG_LEVEL", `TIDEMARK_LOG is ${JSON.stringify(given)}, which is no level`, { path: "TIDEMARK_LOG", fix: `Set it to one of ${LEVELS.join(", ")}.` });
}

/** Only what is known to be safe: errors of HTTP clients carry the request with its secrets, those of Postgres carry rows. */
function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: String(error) };
  const code = "code" in error && typeof error.code === "string" ? error.code : undefined;
  const cause = error.cause === undefined ? undefined : describeError(error.cause);
  const stack = process.env["TIDEMARK_DEBUG"] === undefined ? undefined : error.stack;
  if (error instanceof TidemarkError) return { type: error.name, code, message: error.message, path: error.path, fix: error.fix, cause, stack };
  return { type: error.name, code, message: error.message, cause, stack };
}
