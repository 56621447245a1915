import { type Command, InvalidArgumentError } from "commander";
import { type CommandResult, defineGroup } from "../command.ts";
import { UsageError } from "../failure.ts";
import { interrupted, untilInterrupted } from "../interrupt.ts";
import { list, say } from "../output.ts";

export const simulate = defineGroup("simulate", "a simulated Jushuitan or Qeasy on this machine", [
  "tidemark simulate jushuitan --orders 20000 --changes 2",
  "tidemark simulate qeasy --secret s3cret",
  "tidemark simulate jushuitan --help",
]);

/** Switches that both simulators have. */
export interface SimulatorOptions {
  host?: string;
  port?: number;
  seed?: number;
  latency?: number;
  faults?: number;
  options?: Record<string, unknown>;
}

/** Adds the switches that both simulators have. */
export function withCommonOptions(command: Command): Command {
  return command
    .option("--host <address>", "address to listen on (default: 127.0.0.1; 0.0.0.0 inside a container)")
    .option("--port <number>", "port (default: a free one)", wholeNumber)
    .option("--seed <number>", "everything random follows from it", wholeNumber)
    .option("--latency <ms>", "milliseconds from arrival to answer", wholeNumber)
    .option("--faults <share>", "share of the requests that meet a fault, 0 to 1, evenly over all kinds that a client has to survive", share)
    .option("--options <json>", "every switch there is, as one JSON object; the other options win", jsonObject);
}

/** The kinds of fault with their part of the share. */
export function spread(share: number, kinds: readonly string[]): Record<string, number> {
  return Object.fromEntries(kinds.map((kind) => [kind, share / kinds.length]));
}

/** Leaves out what was not given, so that it does not take a default's place. */
export function given(options: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined));
}

/** Tells where a simulator is and how to use it, and runs it until it is interrupted. */
export async function serve(json: boolean, simulator: { url: string; close(): Promise<void> }, env: Record<string, string>): Promise<CommandResult> {
  if (json) process.stdout.write(`${JSON.stringify({ url: simulator.url, env })}\n`);
  else {
    process.stdout.write(`${Object.entries(env).map(([name, value]) => `export ${name}=${value}`).join("\n")}\n`);
    say(`\n${list([["listens on", simulator.url], ["its state", `${simulator.url}/_admin/state`]])}\nRun the lines above in the shell that runs Tidemark. Ctrl-C ends it.`);
  }
  await interrupted(untilInterrupted({ limitMs: 3_000 }));
  await simulator.close();
  return {};
}

/** Switches that have an option of the same name. */
const FLAGS = ["host", "port", "seed", "orders", "days"];

/** Starts a simulator; options that it refuses are a wrong use. */
export async function startOrRefuse<Simulator>(start: () => Promise<Simulator>): Promise<Simulator> {
  try {
    return await start();
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    if ("code" in error && error.code === "EADDRINUSE") throw new UsageError("TM_PORT", `the port is taken: ${error.message}`, { path: "--port", fix: "Give another port, or none for a free one." });
    if (!("issues" in error) || !Array.isArray(error.issues)) throw error;
    const issues = error.issues as { path: PropertyKey[]; message: string }[];
    throw new UsageError("TM_USAGE", issues.map(({ path, message }) => `${path.length === 0 ? "" : `${path.join(".")}: `}${message}`).join("; "), {
      path: FLAGS.includes(String(issues[0]?.path[0])) ? `--${String(issues[0]?.path[0])}` : "--options", fix: "docs/development.md lists every switch with its values.",
    });
  }
}

export function wholeNumber(text: string): number {
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw new InvalidArgumentError("Give a whole number.");
}

export function share(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 1) return value;
  throw new InvalidArgumentError("Give a number from 0 to 1, such as 0.05.");
}

function jsonObject(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  } catch {
    // told below
  }
  throw new InvalidArgumentError('Give a JSON object, such as \'{"oddities":false}\'.');
}
