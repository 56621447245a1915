import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import type { CommandContext, CommandResult } from "./command.ts";
import { COMMANDS } from "./commands/index.ts";
import { report } from "./failure.ts";

/** Runs one command line. @param args without node and the script @returns the exit code: 0 done, 1 failed, 2 wrong use, 3 unproven, 130 interrupted */
export async function run(args: string[]): Promise<number> {
  const wantsJson = args.slice(0, args.includes("--") ? args.indexOf("--") : args.length).includes("--json");
  let exitCode: 0 | 1 | 3 = 0;
  const finish = ({ json }: CommandContext, result: CommandResult): void => {
    const answer = json && typeof result.json === "object" ? JSON.stringify(result.json) : json ? result.json : result.text;
    if (answer !== undefined) process.stdout.write(`${answer as string}\n`);
    exitCode = result.exitCode ?? 0;
  };
  try {
    await program(finish).parseAsync(args, { from: "user" });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError && error.exitCode === 0) return 0; // --help, --version
    if (error instanceof CommanderError && error.code === "commander.help" && !wantsJson) return 2; // a group without a command: its help was shown
    return report(error, { json: wantsJson, help: helpFor(args) });
  }
}

function program(finish: (context: CommandContext, result: CommandResult) => void): Command {
  const program = new Command("tidemark")
    .description("Copies every order of a Jushuitan (聚水潭) ERP account into Qeasy (轻易云), on Temporal, and proves that none was missed.")
    .version(version(), "-V, --version")
    .option("--config <file>", "the config file (default: tidemark.config.ts, .js, .mjs, .json, .yaml or .yml in this folder)")
    .option("--json", "print one JSON object on standard output and nothing else")
    .addHelpText("after", `
Examples:
  tidemark init                       write a tidemark.config.ts to begin with
  tidemark check                      see whether everything can be reached
  tidemark dev                        run everything on this machine
  tidemark sync orders --wait         copy what changed, and wait for it
  tidemark sync --help                a command's options and examples`);
  for (const register of COMMANDS) register(program, finish);
  for (const command of withChildren(program)) {
    command.exitOverride().configureHelp({ showGlobalOptions: true, sortSubcommands: false });
    // Errors are told once, in one form, by failure.ts.
    command.configureOutput({ outputError: () => undefined });
  }
  return program;
}

/** The line that prints the help of the command that these arguments name. */
function helpFor(args: readonly string[]): string {
  let command = program(() => undefined);
  const names = ["tidemark"];
  for (const word of args) {
    const next = command.commands.find((one) => one.name() === word);
    if (next === undefined) continue;
    command = next;
    names.push(word);
  }
  return `${names.join(" ")} --help`;
}

function withChildren(command: Command): Command[] {
  return [command, ...command.commands.flatMap((child) => withChildren(child))];
}

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL("../../package.json", import.meta.url), "utf8")) as { version: string };
  return version;
}
