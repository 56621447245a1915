import { readFileSync } from "node:fs";
import path from "node:path";
import { ConfigError } from "../errors.ts";
import type { QeasyMapping } from "../mapping/types.ts";
import { asItIs, type AsItIs } from "../qeasy/as-is.ts";
import { collector, importStrategies, QeasyError, type ImportedHalf, type Notice, type Side } from "../qeasy/index.ts";
import { NO_OP } from "../qeasy/model.ts";
import { CATALOGUE, findApi } from "../source/jushuitan/index.ts";
import { describedApis } from "./apis.ts";
import { valueAt, withValue } from "./environment-values.ts";
import { configError, pathText, problemAt } from "./problems.ts";

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
    const pipeline = objectAt(written, at);
    const [source, target, mapping] = [objectAt(written, [...at, "source"]), objectAt(written, [...at, "target"]), objectAt(written, [...at, "mapping"])];
    const files: Record<Side, unknown> = { source: source["qeasy"], target: target["use"] === "qeasy" ? target["qeasy"] : undefined };
    const read = await readStrategies(written, name, files, path.dirname(file));
    if (read === null) continue;
    if (read.qeasy !== undefined) {
      const other = Object.keys(mapping).filter((key) => key !== "id");
      if (other.length > 0) throw configError(file, other.map((key) => problemAt([...at, "mapping", key], mapping[key], { expected: "nothing beside qeasy but id: the strategy says how rows become records", example: 'mapping: { id: "o_id" }' })));
      mappings.set(name, read.qeasy);
    }
    tree = withValue(tree, at, merged(pipeline, read));
  }
  return { tree, mappings };
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

async function readStrategies(tree: unknown, name: string, files: Record<Side, unknown>, folder: string) {
  const sides = (["source", "target"] as const).filter((side) => typeof files[side] === "string");
  if (sides.length === 0) return null;
  const source = objectAt(tree, ["pipelines", name, "source"]);
  const halves: Partial<Record<Side, ImportedHalf>> = {};
  const { notices, report } = collector();
  const given = source["api"];
  let api = typeof given === "string" ? [...describedApis(tree), ...CATALOGUE].find((one) => one.path === given) : undefined;
  const texts = new Map(sides.map((side) => [side, textOf(String(files[side]), folder, ["pipelines", name, side, "qeasy"])]));
  for (const [side, text] of texts) {
    const setting = pathText(["pipelines", name, side, "qeasy"]);
    const apiBeside = valueAt(tree, ["pipelines", name, side, "api"]) !== undefined;
    const read = readHalf(text, side, setting, String(files[side]), (called) => apiBeside || (side === "target" ? called === NO_OP : findApi(called) !== undefined));
    if (read.half !== undefined) halves[side] = read.half;
    read.notices.forEach(report);
  }
  if (given === undefined && halves.source !== undefined) api = findApi(halves.source.strategy.api);
  // Another path than the catalogue's, or none: told as any wrong `source.api`.
  const made = api === undefined ? null : await asItIs({ source: halves.source, target: halves.target }, api, Object.keys(objectAt(source, ["params"])), report);
  const refused = notices.filter(({ severity, code }) => severity === "refused" && code !== "TM_QEASY_CRON");
  if (refused.length > 0) throw refusal(name, refused, files);
  return made;
}

/** The half that is wanted of a file that has one or both. */
function readHalf(text: string, side: Side, setting: string, file: string, runs: (api: string) => boolean): { half: ImportedHalf | undefined; notices: Notice[] } {
  const options = { runs: (_: Side, api: string) => runs(api) };
  try {
    const free = importStrategies([{ text }], options);
    const { [side]: half, report } = free[side] === undefined ? importStrategies([{ text, side }], options) : free;
    return { half, notices: report.notices.filter(({ path: at }) => half === undefined || at === "" || at.startsWith(side)) };
  } catch (error) {
    if (!(error instanceof QeasyError)) throw error;
    throw new ConfigError("TM_QEASY_FILE", `${setting}: ${file} is no strategy: ${error.message}`, { path: setting, fix: error.fix ?? "Paste the strategy's metadata as Qeasy shows it." });
  }
}

function textOf(file: string, folder: string, at: readonly string[]): string {
  try {
    return readFileSync(path.resolve(folder, file), "utf8");
  } catch (error) {
    throw new ConfigError("TM_QEASY_FILE", `${pathText(at)}: ${path.resolve(folder, file)} cannot be read: ${(error as NodeJS.ErrnoException).code}`, {
      path: pathText(at), fix: "Give the path of the strategy's file, from the config file's folder.",
    });
  }
}

function refusal(name: string, refused: readonly Notice[], files: Record<Side, unknown>): ConfigError {
  const side: Side = refused[0]!.path.startsWith("target") ? "target" : "source";
  const at = pathText(["pipelines", name, side, "qeasy"]);
  const lines = refused.map(({ code, path: where, text }) => `  ${where}: ${text} (${code})`);
  return new ConfigError("TM_QEASY_REFUSED", `${at}: the strategy cannot run as it stands in ${[files.source, files.target].filter((file) => file !== undefined).join(" and ")}:\n${lines.join("\n")}`, {
    path: at, fix: "Correct the file at these keys, or write the setting in the config beside qeasy; tidemark import qeasy tells key by key what becomes of a strategy.",
  });
}

function objectAt(tree: unknown, at: readonly string[]): Tree {
  const value = valueAt(tree, at);
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Tree) : {};
}
