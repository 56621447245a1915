import { createHash } from "node:crypto";
import type { Context } from "../context.ts";
import { readJson, textOf, valueAt } from "../value.ts";
import { dateFunctions } from "./functions-date.ts";
import { numberFunctions } from "./functions-number.ts";
import { textFunctions } from "./functions-text.ts";
import { compare, FunctionError, isNumber, sqlNumber, toInteger, toNumber, toText, type Sql } from "./values.ts";

/** What a function sees besides its arguments. */
export interface Env {
  context: Context;
  /** A division by zero gave NULL somewhere; the platform takes a NULL that came of it for an error. */
  dividedByZero: boolean;
}

export type Given = Exclude<Sql, null>;

/** A scalar function: how many arguments, and what it does with them. NULL among them gives NULL, unless it takes NULLs itself. */
export type SqlFunction =
  | { min: number; max: number; nulls?: undefined; run: (args: Given[], env: Env) => Sql }
  | { min: number; max: number; nulls: true; run: (args: Sql[], env: Env) => Sql };

const MANY = 1000;

const otherFunctions: Record<string, SqlFunction> = {
  GREATEST: { min: 2, max: MANY, run: (args, env) => furthest(args, env, 1) },
  LEAST: { min: 2, max: MANY, run: (args, env) => furthest(args, env, -1) },
  NULLIF: {
    min: 2,
    max: 2,
    nulls: true,
    run: ([a = null, b = null], env) => (a !== null && b !== null && compare(a, b, env.context.zone) === 0 ? null : a),
  },
  FIELD: {
    min: 2,
    max: MANY,
    nulls: true,
    run: (args, env) => {
      const [wanted = null, ...list] = alike(args);
      return sqlNumber(wanted === null ? 0 : list.findIndex((each) => each !== null && compare(wanted, each, env.context.zone) === 0) + 1);
    },
  },
  ELT: {
    min: 2,
    max: MANY,
    nulls: true,
    run: ([place = null, ...list]) => (place === null ? null : (list[toInteger(place) - 1] ?? null)),
  },
  MD5: { min: 1, max: 1, run: ([text]) => createHash("md5").update(toText(text!)).digest("hex") },
  RAND: { min: 0, max: 1, run: (_, { context }) => sqlNumber(context.random(), null) },
  UUID: { min: 0, max: 0, run: (_, { context }) => uuid(context.random) },
  JSON_EXTRACT: { min: 2, max: 2, run: ([json, path]) => jsonExtract(toText(json!), toText(path!)) },
  JSON_UNQUOTE: { min: 1, max: 1, run: ([text]) => (/^".*"$/s.test(toText(text!)) ? textOf(json(toText(text!))) : toText(text!)) },
};

export const FUNCTIONS: ReadonlyMap<string, SqlFunction> = new Map(
  Object.entries({ ...textFunctions, ...numberFunctions, ...dateFunctions, ...otherFunctions }),
);

/** Functions over a list. */
export const AGGREGATES: ReadonlySet<string> = new Set(["SUM", "AVG", "MAX", "MIN", "COUNT"]);

/** Functions whose arguments are evaluated only where they are needed, or over a list: name to the least and most arguments. */
export const SPECIAL: ReadonlyMap<string, [number, number]> = new Map([
  ["IF", [3, 3]],
  ["IFNULL", [2, 2]],
  ["COALESCE", [1, MANY]],
  ...[...AGGREGATES].map((name): [string, [number, number]] => [name, [1, 1]]),
]);

/** Functions that wait, read files or reach a server's state. */
export const REFUSED: ReadonlySet<string> = new Set(["SLEEP", "BENCHMARK", "LOAD_FILE", "GET_LOCK", "RELEASE_LOCK", "MASTER_POS_WAIT", "USER", "DATABASE", "VERSION"]);

/** The greatest (`side` 1) or least (-1); numbers show as many decimals as any of them has. */
function furthest(args: Given[], { context }: Env, side: 1 | -1): Sql {
  const values = alike(args) as Given[];
  const found = values.reduce((best, each) => (compare(each, best, context.zone) * side > 0 ? each : best));
  const scales = values.map((value) => (isNumber(value) ? value.scale : null));
  return isNumber(found) ? sqlNumber(found.number, scales.includes(null) ? null : Math.max(...(scales as number[]))) : found;
}

/** Values that are compared with each other: numbers all of them where one is. */
export function alike(values: readonly Sql[]): Sql[] {
  return values.some(isNumber) ? values.map((value) => (value === null ? null : toNumber(value))) : [...values];
}

function uuid(random: () => number): string {
  const hex = Array.from({ length: 32 }, () => Math.floor(random() * 16).toString(16));
  hex[12] = "4";
  hex[16] = "89ab".charAt(Math.floor(random() * 4));
  return hex.join("").replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-");
}

function json(text: string): ReturnType<typeof readJson> {
  try {
    return readJson(text);
  } catch {
    throw new FunctionError("a text that is not JSON");
  }
}

function jsonExtract(text: string, path: string): Sql {
  if (!path.startsWith("$")) throw new FunctionError("a JSON path begins with $");
  const found = valueAt(json(text), path.slice(1).replaceAll(/\[(\d+)\]/g, ".$1").replace(/^\./, "").replaceAll('"', ""));
  if (found === undefined || found === null) return null;
  if (typeof found === "string") return JSON.stringify(found);
  return typeof found === "object" || typeof found === "boolean" ? textOf(found) : toNumber(textOf(found));
}
