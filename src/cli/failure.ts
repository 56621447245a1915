import { CommanderError } from "commander";
import { TidemarkError } from "../errors.ts";
import { interruptCode } from "./interrupt.ts";
import { say, stderrColors as colors } from "./output.ts";

/** The command line itself is wrong: exit code 2. */
export class UsageError extends TidemarkError {}

/** Errors of other parts that are the command line's fault. */
const USAGE_CODES = new Set(["TM_DATE", "TM_ENTRY_UNKNOWN", "TM_PIPELINE_UNKNOWN"]);

/** An error as a caller gets it with `--json`. */
export interface Failure {
  code: string;
  message: string;
  path: string | null;
  fix: string | null;
  details?: Record<string, unknown>;
}

/**
 * Tells of an error, and what the process ends with.
 * @param help the command line that prints the help about what was tried
 * @returns 1 failed, 2 wrong use, 130 interrupted by Ctrl-C
 */
export function report(error: unknown, { json, help }: { json: boolean; help: string }): number {
  const failure = failureOf(error, help);
  if (json) process.stdout.write(`${JSON.stringify({ error: failure })}\n`);
  else say(block(failure));
  if (process.env["TIDEMARK_DEBUG"] && error instanceof Error) say(error.stack ?? "");
  if (failure.code === "TM_INTERRUPTED") return interruptCode(failure.details?.["signal"] as NodeJS.Signals);
  return isWrongUse(error) ? 2 : 1;
}

function isWrongUse(error: unknown): boolean {
  return error instanceof CommanderError || error instanceof UsageError || (error instanceof TidemarkError && USAGE_CODES.has(error.code));
}

function failureOf(given: unknown, help: string): Failure {
  // Node's own waits reject with an AbortError round the reason that the signal carries.
  const error = given instanceof Error && given.name === "AbortError" && given.cause instanceof TidemarkError ? given.cause : given;
  if (error instanceof TidemarkError) {
    const { code, message, path = null, fix = null, details } = error;
    return { code, message, path, fix, ...(Object.keys(details).length === 0 ? {} : { details }) };
  }
  if (error instanceof CommanderError) {
    if (error.code === "commander.help") return { code: "TM_USAGE", message: "no command was given", path: null, fix: `See "${help}".` };
    const [message = "", hint] = error.message.replace(/^error: /, "").split("\n");
    return { code: "TM_USAGE", message, path: null, fix: hint?.replace(/^\(|\)$/g, "") ?? `See "${help}".` };
  }
  const message = error instanceof Error ? error.message : String(error);
  // By name: the client is loaded only by commands that talk to Temporal.
  if (error instanceof Error && error.name === "ServiceError") {
    const why = error.cause instanceof Error ? `: ${error.cause.message}` : "";
    return { code: "TM_TEMPORAL_UNREACHABLE", message: `Temporal did not answer (${message}${why})`, path: null, fix: "Look whether the server runs, and try again. What was started in Temporal goes on there." };
  }
  return { code: "TM_UNEXPECTED", message, path: null, fix: "Set TIDEMARK_DEBUG=1 to see where it happened." };
}

function block({ code, message, path, fix }: Failure): string {
  const lines = [`${colors.red("error")} ${colors.bold(code)}  ${message}`];
  // A plain word is in many a message, and names no place there.
  if (path !== null && (/^[a-z]+$/.test(path) || !message.includes(path))) lines.push(`  at   ${path}`);
  if (fix !== null) lines.push(`  fix  ${fix}`);
  return lines.join("\n");
}
