import { Command } from "commander";
import type { ConfigNeeds, LoadedConfig } from "../config/load.ts";

/** The options that every command has. */
export interface GlobalOptions {
  config?: string;
  json?: true;
}

/** What a command works with. */
export interface CommandContext {
  /** One JSON object on standard output and nothing else. */
  json: boolean;
  /** Loads the configuration. @throws ConfigError */
  config(needs: ConfigNeeds): Promise<LoadedConfig>;
}

/** A command's answer. What ran until it was interrupted has told everything before, and has neither. */
export interface CommandResult {
  /** For `--json`: an object, or the text of one. */
  json?: object | string;
  /** For people. */
  text?: string;
  /** Default 0. 3: unproven. */
  exitCode?: 0 | 1 | 3;
}

/** A command of the command line. */
export interface CommandSpec<Options extends object> {
  /** `sync`, or `simulate jushuitan` for one of a group. */
  name: string;
  summary: string;
  /** More than the summary, for its own help. */
  description?: string;
  /** Full command lines, for its own help. */
  examples: readonly string[];
  hidden?: boolean;
  /** Adds arguments and options. */
  configure?: (command: Command) => Command;
  /** Does it; imports what it needs only then, so that `--help` is quick. Writes to standard error only. */
  run(context: CommandContext, options: Options, args: string[]): Promise<CommandResult>;
}

/** How a finished command is told to the caller. */
export type Finish = (context: CommandContext, result: CommandResult) => void;

/** A command as it is registered: what its options look like is known only inside. */
export type AnyCommand = (parent: Command, finish: Finish) => void;

/** Makes a command from its description. */
export function defineCommand<Options extends object = object>(spec: CommandSpec<Options>): AnyCommand {
  return (parent, finish) => {
    const command = new Command(spec.name.split(" ").at(-1)).summary(spec.summary).description(spec.description ?? spec.summary);
    spec.configure?.(command);
    command.addHelpText("after", `\nExamples:\n${spec.examples.map((line) => `  ${line}`).join("\n")}`);
    command.action(async () => {
      const { config: file, json, ...options } = command.optsWithGlobals<GlobalOptions & Options>();
      const context: CommandContext = {
        json: json === true,
        config: async (needs) => {
          const { loadConfig } = await import("../config/load.ts");
          return loadConfig({ needs, ...(file === undefined ? {} : { file }) });
        },
      };
      finish(context, await spec.run(context, options as unknown as Options, command.args));
    });
    groupOf(spec.name, parent).addCommand(command, { hidden: spec.hidden === true });
  };
}

/** The parent of a command of a group; the group itself is registered before. */
function groupOf(name: string, parent: Command): Command {
  return name.split(" ").slice(0, -1).reduce((group, part) => group.commands.find((command) => command.name() === part) ?? group, parent);
}

/** A name that only groups commands. */
export function defineGroup(name: string, summary: string, examples: readonly string[]): AnyCommand {
  return (parent) => {
    const group = new Command(name).summary(summary).description(summary);
    group.addHelpText("after", `\nExamples:\n${examples.map((line) => `  ${line}`).join("\n")}`);
    parent.addCommand(group);
  };
}
