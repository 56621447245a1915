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
import { type ConfigProblem, type Finding, pathText, problemAt } from "./problems.ts";

/** A config with the settings that the files of its strategies give, and what makes records in them by pipeline. */
export interface WithStrategies {
  tree: unknown;
  mappings: Map<string, QeasyMapping>;
  /** What is wrong with the files, and beside them. */
  findings: Finding[];
  /** Paths of settings that nobody can tell to be missing, as a file that is wrong may give them. */
  unknown: Set<string>;
}

type Tree = Record<string, unknown>;

/**
 * Reads the files that `source.qeasy` and `target.qeasy` name; what the config sets beside them wins.
 * @param written what a config file holds
 * @param file the config file; the files' paths begin in its folder
 */
export async function withStrategies(written: unknown, file: string): Promise<WithStrategies> {
  const mappings: WithStrategies["mappings"] = new Map();
  const [findings, unknown] = [[] as Finding[], new Set<string>()];
  let tree = written;
  for (const name of Object.keys(objectAt(written, ["pipelines"]))) {
    const at = ["pipelines", name];
    const before = findings.length;
    const read = await readStrategy(written, at, path.dirname(file), findings);
    if (read === null && findings.length > before) for (const key of ["api", "from"]) if (valueAt(written, [...at, "source", key]) === undefined) unknown.add(pathText([...at, "source", key]));
    if (read === null) continue;
    if (read.qeasy !== undefined) {
      findings.push(...mappingProblems(objectAt(written, at), at, read.qeasy).map((problem) => ({ problem })));
      mappings.set(name, read.qeasy);
    }
    tree = withValue(tree, at, merged(objectAt(written, at), read));
  }
  return { tree, mappings, findings, unknown };
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

/** What a pipeline's files give; null: it names none, the source's is wrong, or its API is not known, which is told as any wrong `source.api`. */
async function readStrategy(tree: unknown, at: readonly string[], folder: string, findings: Finding[]): Promise<AsItIs | null> {
  const [source, target] = [objectAt(tree, [...at, "source"]), objectAt(tree, [...at, "target"])];
  const files = { source: source["qeasy"], ...(target["use"] === "qeasy" ? { target: target["qeasy"] } : {}) };
  const named = Object.entries(files).flatMap(([side, file]) => (typeof file === "string" ? [{ side: side as Side, file }] : []));
  if (named.length === 0) return null;
  const { notices, report } = collector();
  const halves: Partial<Record<Side, ImportedHalf>> = {};
  const wrong = new Set<Side>();
  const described = describedApis(tree);
  const isDescribed = (side: string, called: string) => side === "source" && described.some((one) => one.path === called);
  for (const { side, file } of named) {
    const runs = (called: string) => objectAt(tree, [...at, side])["api"] !== undefined || isDescribed(side, called) || runsHere(side, called);
    const read = readHalf(file, folder, side, [...at, side, "qeasy"], runs);
    if ("problem" in read) {
      findings.push(read);
      wrong.add(side);
      continue;
    }
    if (read.half !== undefined) halves[side] = read.half;
    read.notices.forEach(report);
  }
  const called = halves.source?.strategy.api ?? "";
  const wanted = source["api"] ?? (isDescribed("source", called) ? called : findApi(called)?.path);
  const api = [...described, ...CATALOGUE].find((one) => one.path === wanted);
  // What a target's half means depends on the source's.
  const made = api === undefined || wrong.has("source") ? null : await asItIs({ source: halves.source, target: halves.target }, api, Object.keys(objectAt(source, ["params"])), report);
  const refused = notices.filter(({ severity, code }) => severity === "refused" && code !== "TM_QEASY_CRON");
  if (refused.length > 0) findings.push(refusal(at, refused, named));
  return made;
}

/** The half that is wanted of a file that has one or both. */
function readHalf(file: string, folder: string, side: Side, setting: readonly string[], runs: (api: string) => true | string): { half: ImportedHalf | undefined; notices: Notice[] } | Finding {
  const unusable = (place: string, why: string, fix: string): Finding => ({
    problem: problemAt(setting, file, { expected: `the file of a strategy: ${place} ${why} (TM_QEASY_FILE)` }),
    alone: new ConfigError("TM_QEASY_FILE", `${pathText(setting)}: ${place} ${why}`, { path: pathText(setting), fix }),
  });
  const place = path.resolve(folder, file);
  let text: string;
  try {
    text = readFileSync(place, "utf8");
  } catch (error) {
    return unusable(place, `cannot be read: ${(error as NodeJS.ErrnoException).code}`, "Give the path of the strategy's file, from the config file's folder.");
  }
  const options = { runs: (_: Side, api: string) => runs(api) };
  try {
    const free = importStrategies([{ text }], options);
    const { [side]: half, report } = free[side] === undefined ? importStrategies([{ text, side }], options) : free;
    return { half, notices: report.notices.filter(({ path: place }) => place === "" || place.startsWith(side)) };
  } catch (error) {
    if (!(error instanceof QeasyError)) throw error;
    return unusable(file, `is no strategy: ${error.message}`, error.fix ?? "Paste the strategy's metadata as Qeasy shows it.");
  }
}

function refusal(at: readonly string[], refused: readonly Notice[], named: readonly { file: string }[]): Finding {
  const setting = [...at, refused[0]!.path.startsWith("target") ? "target" : "source", "qeasy"];
  const files = named.map(({ file }) => file).join(" and ");
  const lines = refused.map(({ code, path: where, text }) => `${where}: ${text} (${code})`);
  const fix = "Correct the file at these keys, or write the setting in the config beside qeasy; tidemark import qeasy tells key by key what becomes of a strategy.";
  return {
    problem: problemAt(setting, files, { expected: `a strategy that can run as it stands (TM_QEASY_REFUSED); this one cannot:${lines.map((line) => `\n      ${line}`).join("")}\n    ${fix}` }),
    alone: new ConfigError("TM_QEASY_REFUSED", `${pathText(setting)}: the strategy in ${files} cannot run as it stands:${lines.map((line) => `\n  ${line}`).join("")}`, { path: pathText(setting), fix }),
  };
}

function objectAt(tree: unknown, at: readonly string[]): Tree {
  const value = valueAt(tree, at);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Tree) : {};
}
