import { existsSync } from "node:fs";
import path from "node:path";
import type { z } from "zod";
import type { ConfigError } from "../errors.ts";
import type { ApiDescription } from "../source/contract.ts";
import { CATALOGUE } from "../source/jushuitan/catalogue.ts";
import { apiProblems, describedApis } from "./apis.ts";
import { buildConfig } from "./build.ts";
import { fillFromEnvironment, type FilledTree, type UnsetVariable, valueAt, withValue } from "./environment-values.ts";
import { keysAt } from "./guide.ts";
import { suggest } from "./nearest.ts";
import { type ConfigProblem, configError, type Finding, pathText, problemAt } from "./problems.ts";
import { relationProblems } from "./relations.ts";
import { ACCOUNT_KEYS, configShape, type ShapedConfig } from "./schema.ts";
import type { WithStrategies } from "./strategies.ts";
import type { TidemarkConfig } from "./types.ts";

/** Which accounts and targets a command uses: only their variables have to be set. A pipeline means its target and its account. */
export type ConfigNeeds = "all" | "none" | { pipelines: readonly string[] } | { accounts: readonly string[] };

/** A configuration as loaded: values of unset variables that nobody needed hold `UNSET`. */
export interface LoadedConfig extends TidemarkConfig {
  /** Variables of accounts and targets that are not set, and where they are wanted. */
  unset: { path: string; variable: string }[];
}

/** Stands where a variable is not set that the command does not need; as an address it leads nowhere (RFC 2606). */
export const UNSET = "http://unset.invalid";

export interface ValidateOptions {
  /** Absolute path of the config file. */
  file: string;
  /** Absolute path of the data folder. */
  home: string;
  env: NodeJS.ProcessEnv;
  needs?: ConfigNeeds;
  apis?: readonly ApiDescription[];
  /** What was found before, in the files of strategies. */
  strategies?: Pick<WithStrategies, "findings" | "unknown">;
}

/**
 * Checks what a config file holds, and fills in the environment's values and the defaults.
 * @throws ConfigError `TM_CONFIG`, with every problem at once in `details.problems`; a strategy's only one under the code that it has
 */
export function validateConfig(written: unknown, { file, home, env, needs = "all", apis: known = CATALOGUE, strategies }: ValidateOptions): LoadedConfig {
  const filled = fillFromEnvironment(written, env);
  const needed = filled.unset.filter((one) => isNeeded(one, needs, filled.tree));
  const optional = filled.unset.filter((one) => !needed.includes(one));
  const tree = optional.reduce((tree, { path }) => withValue(tree, path, UNSET), filled.tree);
  const parsed = configShape.safeParse(tree);
  const described = describedApis(tree);
  const apis = [...described, ...known];
  const findings: Finding[] = [
    ...[
      ...needed.map(unsetProblem),
      ...(parsed.success ? [] : shapeProblems(parsed.error, tree, optional)),
      ...apiProblems(tree),
      ...relationProblems(tree, apis),
    ].filter(({ path }) => strategies?.unknown.has(path) !== true).map((problem) => ({ problem })),
    ...(strategies?.findings ?? []),
  ];
  const scripts = missingScripts(tree, path.dirname(file)).map((problem) => ({ problem }));
  if (findings.length > 0 || scripts.length > 1) throw asOne(file, [...findings, ...scripts]);
  const config = buildConfig(parsed.data as ShapedConfig, { file, home, apis: described }, apis);
  return { ...config, unset: filled.unset.map(({ path, variable }) => ({ path: pathText(path), variable })) };
}

function isNeeded({ path }: UnsetVariable, needs: ConfigNeeds, tree: FilledTree["tree"]): boolean {
  const [part, name, key] = path;
  const belongs = part === "accounts" || (part === "pipelines" && key === "target");
  if (needs === "all" || !belongs) return true;
  if (needs === "none") return false;
  if ("accounts" in needs) return part === "accounts" && needs.accounts.includes(String(name));
  if (part === "pipelines") return needs.pipelines.includes(String(name));
  return needs.pipelines.some((pipeline) => valueAt(tree, ["pipelines", pipeline, "source", "account"]) === name);
}

/** Told with other problems; one alone is `TM_MAPPING_LOAD`, when the script is read. */
function missingScripts(tree: unknown, folder: string): ConfigProblem[] {
  return Object.keys(valueAt(tree, ["pipelines"]) ?? {}).flatMap((name) => {
    const place = ["pipelines", name, "mapping", "script"];
    const script = valueAt(tree, place);
    return typeof script !== "string" || existsSync(path.resolve(folder, script)) ? [] : [problemAt(place, script, { expected: `a file: ${path.resolve(folder, script)} is not there` })];
  });
}

function unsetProblem({ path, variable }: UnsetVariable): ConfigProblem {
  return {
    path: pathText(path), value: `the environment variable ${variable} is not set`,
    expected: `${variable}: ${problemAt(path, undefined).expected}`, example: `export ${variable}=…   # or a line ${variable}=… in .env beside the config file`,
  };
}

function shapeProblems(error: z.ZodError, tree: unknown, placeholders: readonly UnsetVariable[]): ConfigProblem[] {
  return error.issues.flatMap((issue): ConfigProblem[] => {
    const placeholder = placeholders.find(({ path }) => pathText(path) === pathText(issue.path));
    if (placeholder !== undefined) return [unsetProblem(placeholder)]; // a number or a choice: no placeholder fits
    if (issue.code === "unrecognized_keys") {
      return issue.keys.map((key) => problemAt([...issue.path, key], valueAt(tree, [...issue.path, key]), { expected: `no such setting${ofKind(tree, issue.path)}. ${suggest(key, keysOf(tree, issue.path))}` }));
    }
    const expected: unknown = issue.code === "custom" ? issue.params?.["expected"] : undefined;
    return [problemAt(issue.path, valueAt(tree, issue.path), typeof expected === "string" ? { expected } : {})];
  });
}

/** Accounts have the settings of their kind. */
function keysOf(tree: unknown, path: readonly PropertyKey[]): string[] {
  const known = ACCOUNT_KEYS.get(String(valueAt(tree, [...path, "kind"])));
  return path.length === 2 && path[0] === "accounts" && known !== undefined ? known : keysAt(path);
}

function ofKind(tree: unknown, path: readonly PropertyKey[]): string {
  return path.length === 2 && path[0] === "accounts" ? ` of an account of kind ${JSON.stringify(valueAt(tree, [...path, "kind"]))}` : "";
}

function asOne(file: string, found: readonly Finding[]): ConfigError {
  const findings = firstOfEachPath(found);
  return (findings.length === 1 ? findings[0]!.alone : undefined) ?? configError(file, findings.map(({ problem }) => problem));
}

/** One value has one problem: the first, which is the most basic. */
function firstOfEachPath(findings: readonly Finding[]): Finding[] {
  return [...new Map(findings.toReversed().map((finding) => [finding.problem.path, finding])).values()].toReversed();
}
