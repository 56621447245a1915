import { readFileSync } from "node:fs";
import path from "node:path";
import { ConfigError } from "../errors.ts";
import type { QeasyMapping } from "../mapping/types.ts";
import { asItIs, type AsItIs } from "../qeasy/as-is.ts";
import { collector, importStrategies, QeasyError, type ImportedHalf, type Notice, type Side } from "../qeasy/index.ts";
import { runsHere } from "../qeasy/foreign.ts";
import { CATALOGUE, findApi } from "../source/jushuitan/index.ts";
import { describedApis } from "./apis.ts";
import { valueAt, withValue } from "./environment-values.ts";
import { type ConfigProblem, configError, pathText, problemAt } from "./problems.ts";

/** A config with the settings that the files of its strategies give, and what makes records in them by pipeline. */
export interface WithStrategies {
  tree: unknown;
  mappings: Map<string, QeasyMapping>;
}

type Tree = Record<string, unknown>;

/**
 * Reads the files that `source.qeasy` and `target.qeasy` name; what the config sets beside them wins.
 * @param written what a config file holds
 * @param file the config file; the files' paths begin in its folder
 * @throws ConfigError `TM_QEASY_FILE`, `TM_QEASY_REFUSED`, `TM_CONFIG`
 */
export async function withStrategies(written: unknown, file: string): Promise<WithStrategies> {
  const mappings: WithStrategies["mappings"] = new Map();
  let tree = written;
  for (const name of Object.keys(objectAt(written, ["pipelines"]))) {
    const at = ["pipelines", name];
    const read = await readStrategy(written, at, path.dirname(file));
    if (read === null) continue;
    if (read.qeasy !== undefined) {
      const problems = mappingProblems(objectAt(written, at), at, read.qeasy);
      if (problems.length > 0) throw configError(file, problems);
      mappings.set(name, read.qeasy);
    }
    tree = withValue(tree, at, merged(objectAt(written, at), read));
  }
  return { tree, mappings };
}

function mappingProblems(pipeline: Tree, at: readonly string[], { oneEach }: QeasyMapping): ConfigProblem[] {
  const [mapping, target] = [objectAt(pipeline, ["mapping"]), objectAt(pipeline, ["target"])];
  const beside = Object.keys(mapping).filter((key) => key !== "id").map((key) =>
    problemAt([...at, "mapping", key], mapping[key], { expected: "nothing beside qeasy but id: the strategy says how rows become records", example: 'mapping: { id: "o_id" }' }));
  if (oneEach || (target["use"] !== "postgres" && target["use"] !== "mysql")) return beside;
  const expected = 'a strategy that makes one record of a row, for a target of tables: rows of lines that an order no longer has would stay there. target.items: "tables" keeps a table of a list, in which they are replaced';
  return [...beside, problemAt([...at, "source", "qeasy"], valueAt(pipeline, ["source", "qeasy"]), { expected })];
}

/** A pipeline as written, with what its strategy gives where it says nothing itself. */
export function merged(pipeline: object, { source, schedule, audit, mapping, target }: AsItIs): object {
  const own = objectAt(pipeline, ["source"]);
  const to = objectAt(pipeline, ["target"]);
  const params = { ...source.params, ...objectAt(own, ["params"]) };
  return {
    ...(schedule === undefined ? {} : { schedule }), ...(audit === undefined ? {} : { audit }), ...pipeline,
    source: { ...source, ...own, ...(Object.keys(params).length === 0 ? {} : { params }) },
    mapping: { ...mapping, ...objectAt(pipeline, ["mapping"]) },
    target: to["use"] === "qeasy" ? { ...target, ...to } : { idCheck: target.idCheck, ...to },
  };
}

/** What a pipeline's files give; null: it names none, or an API that is not known, which is told as any wrong `source.api`. */
async function readStrategy(tree: unknown, at: readonly string[], folder: string): Promise<AsItIs | null> {
  const [source, target] = [objectAt(tree, [...at, "source"]), objectAt(tree, [...at, "target"])];
  const files = { source: source["qeasy"], ...(target["use"] === "qeasy" ? { target: target["qeasy"] } : {}) };
  const named = Object.entries(files).flatMap(([side, file]) => (typeof file === "string" ? [{ side: side as Side, file }] : []));
  if (named.length === 0) return null;
  const { notices, report } = collector();
  const halves: Partial<Record<Side, ImportedHalf>> = {};
  for (const { side, file } of named) {
    const setting = [...at, side, "qeasy"];
    const runs = (called: string) => objectAt(tree, [...at, side])["api"] !== undefined || runsHere(side, called);
    const read = readHalf(textOf(file, folder, setting), side, pathText(setting), file, runs);
    if (read.half !== undefined) halves[side] = read.half;
    read.notices.forEach(report);
  }
  const api = source["api"] === undefined ? findApi(halves.source?.strategy.api ?? "") : [...describedApis(tree), ...CATALOGUE].find((one) => one.path === source["api"]);
  const made = api === undefined ? null : await asItIs({ source: halves.source, target: halves.target }, api, Object.keys(objectAt(source, ["params"])), report);
  const refused = notices.filter(({ severity, code }) => severity === "refused" && code !== "TM_QEASY_CRON");
  if (refused.length > 0) throw refusal(at, refused, named.map(({ file }) => file));
  return made;
}

/** The half that is wanted of a file that has one or both. */
function readHalf(text: string, side: Side, setting: string, file: string, runs: (api: string) => true | string): { half: ImportedHalf | undefined; notices: Notice[] } {
  const options = { runs: (_: Side, api: string) => runs(api) };
  try {
    const free = importStrategies([{ text }], options);
    const { [side]: half, report } = free[side] === undefined ? importStrategies([{ text, side }], options) : free;
    return { half, notices: report.notices.filter(({ path: place }) => place === "" || place.startsWith(side)) };
  } catch (error) {
    if (!(error instanceof QeasyError)) throw error;
    throw new ConfigError("TM_QEASY_FILE", `${setting}: ${file} is no strategy: ${error.message}`, { path: setting, fix: error.fix ?? "Paste the strategy's metadata as Qeasy shows it." });
  }
}

function textOf(file: string, folder: string, setting: readonly string[]): string {
  try {
    return readFileSync(path.resolve(folder, file), "utf8");
  } catch (error) {
    throw new ConfigError("TM_QEASY_FILE", `${pathText(setting)}: ${path.resolve(folder, file)} cannot be read: ${(error as NodeJS.ErrnoException).code}`, {
      path: pathText(setting), fix: "Give the path of the strategy's file, from the config file's folder.",
    });
  }
}

function refusal(at: readonly string[], refused: readonly Notice[], files: readonly string[]): ConfigError {
  const setting = pathText([...at, refused[0]!.path.startsWith("target") ? "target" : "source", "qeasy"]);
  const lines = refused.map(({ code, path: where, text }) => `  ${where}: ${text} (${code})`);
  return new ConfigError("TM_QEASY_REFUSED", `${setting}: the strategy in ${files.join(" and ")} cannot run as it stands:\n${lines.join("\n")}`, {
    path: setting, fix: "Correct the file at these keys, or write the setting in the config beside qeasy; tidemark import qeasy tells key by key what becomes of a strategy.",
  });
}

function objectAt(tree: unknown, at: readonly string[]): Tree {
  const value = valueAt(tree, at);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Tree) : {};
}
