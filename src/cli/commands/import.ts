import { existsSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import path from "node:path";
import { text as readAll } from "node:stream/consumers";
import { isEnvReference } from "../../config/define.ts";
import type { Side } from "../../qeasy/index.ts";
import { defineCommand, defineGroup } from "../command.ts";
import { UsageError } from "../failure.ts";
import { say } from "../output.ts";

export const importGroup = defineGroup("import", "take over what runs elsewhere: qeasy", ["tidemark import qeasy source.json target.json"]);

const SIDES: readonly Side[] = ["source", "target"];

interface ImportOptions {
  name?: string;
  account?: string;
  out?: string;
  force?: true;
}

export const importQeasyCommand = defineCommand<ImportOptions>({
  name: "import qeasy",
  summary: "make a pipeline of a strategy of Qeasy, and say key by key what became of it",
  description: "Reads a strategy of Qeasy (轻易云) as it is pasted, prints a config file with its pipeline, and says on standard error key by key what was taken over, translated or kept without effect. A strategy that the mapping of a config cannot say runs as it is: the config then names the files given, or with --out copies beside it. Ends with 1 and prints no config where a pipeline would send something else than the strategy. Asks nobody.",
  examples: [
    "tidemark import qeasy source.json target.json > tidemark.config.ts",
    "tidemark import qeasy source.json target.json --name orders --account main --out tidemark.config.ts",
    "tidemark import qeasy - --json < pair.json      # both halves in one text",
  ],
  configure: (command) => command
    .argument("<source>", "the source's JSON, or a text with both halves; - for standard input")
    .argument("[target]", "the target's JSON")
    .option("--name <name>", "of the pipeline; default: after the API")
    .option("--account <account>", "of the account in the config; default main, and simple for refresh.token")
    .option("--out <file>", "write the config there instead of printing it")
    .option("--force", "with --out: write over a file that is there"),
  async run({ json }, { name, account, out, force }, files) {
    const { NAME } = await import("../../config/schema.ts");
    for (const [option, given] of [["--name", name], ["--account", account]] as const) {
      if (given !== undefined && !NAME.test(given)) throw usage(option, `${option} is ${JSON.stringify(given)}`, "Up to 64 letters, digits, _, - and dots, beginning with a letter, a digit or _.");
    }
    if (out !== undefined && !/\.(?:m?js|ts)$/.test(out)) throw usage("--out", `--out is ${out}: what is written is TypeScript`, "Use a name that ends in .ts, .js or .mjs.");
    const texts = await Promise.all(files.map(async (file, i) => ({ text: await textOf(file), ...(files.length === 2 ? { side: SIDES[i]! } : {}) })));
    const { importQeasy } = await import("../../ops/import-qeasy.ts");
    const { reportText } = await import("../../qeasy/index.ts");
    const named = out === undefined && files.length === 2 ? Object.fromEntries(files.map((file, i) => [SIDES[i]!, relative(file)])) : out === undefined && files[0] !== "-" ? { source: relative(files[0]!), target: relative(files[0]!) } : {};
    const imported = await importQeasy(texts, { name, account, now: Date.now(), files: named });
    const { config, report } = imported;
    if (!json) say(reportText(report));
    const needed = SIDES.flatMap((side) => (imported.files[side] === null ? [] : [{ side, file: imported.files[side] }]));
    if (config !== null && out === undefined && needed.length > 0 && files.includes("-")) {
      throw usage("--out", "the strategy runs as it is, from files, and it came by standard input", "Give --out tidemark.config.ts: the strategy's files are written beside it.");
    }
    if (config !== null && out !== undefined) {
      // As pasted where a file has one half.
      const copies = needed.map(({ side, file }) => ({ file: path.join(path.dirname(out), file), text: files.length === 2 ? texts[SIDES.indexOf(side)]!.text : `${imported.strategies[side]!}\n` }));
      await writeAll([...copies, { file: out, text: config }], force === true);
    }
    const written = config === null || out === undefined ? null : path.resolve(out);
    return {
      json: asJson({ ...imported, written }), exitCode: config === null ? 1 : 0,
      ...(config === null ? {} : { text: written === null ? config.trimEnd() : `Wrote ${written}` }),
    };
  },
});

/** Values of the environment as YAML and JSON configs write them. */
function asJson(answer: object): string {
  return JSON.stringify(answer, (_key, value: unknown) => (isEnvReference(value) ? `\${${value.variable}${value.fallback === null ? "" : `:-${value.fallback}`}}` : value));
}

/** As a config in this folder names it. */
function relative(file: string): string {
  const from = path.relative(process.cwd(), path.resolve(file)).replaceAll(path.sep, "/");
  return from.startsWith(".") || path.isAbsolute(from) ? from : `./${from}`;
}

async function textOf(file: string): Promise<string> {
  if (file === "-") return readAll(process.stdin);
  return readFile(file, "utf8").catch((error: NodeJS.ErrnoException) => {
    throw usage("file", `${file} cannot be read: ${error.code}`, "Give the strategy's file, or - for standard input.");
  });
}

/** All of them, or none where one is there already. */
async function writeAll(files: readonly { file: string; text: string }[], force: boolean): Promise<void> {
  const there = force ? undefined : files.find(({ file }) => existsSync(file));
  if (there !== undefined) throw new UsageError("TM_IMPORT_EXISTS", `${path.resolve(there.file)} is there already; nothing was written`, { path: path.resolve(there.file), fix: "Give another name, or --force to write over it." });
  for (const { file, text } of files) await write(file, text, force);
}

async function write(file: string, text: string, force: boolean): Promise<void> {
  try {
    await writeFile(file, text, { flag: force ? "w" : "wx" });
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw usage("--out", `${file} cannot be written: ${code}`, "Give a file in a folder that is there.");
  }
}

function usage(at: string, message: string, fix: string): UsageError {
  return new UsageError("TM_USAGE", message, { path: at, fix });
}
