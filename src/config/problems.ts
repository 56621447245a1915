import { ConfigError } from "../errors.ts";
import { guideFor, isSecret } from "./guide.ts";

/** One wrong value of the configuration; safe to print. */
export interface ConfigProblem {
  /** For example `pipelines.orders.source.pageSize`. */
  path: string;
  /** As it stands there; secrets masked, long ones cut. */
  value: string;
  expected: string;
  example: string;
}

/** A problem that has an error of its own where nothing else is wrong. */
export interface Finding {
  problem: ConfigProblem;
  alone?: ConfigError;
}

const LONGEST = 80;

/** A problem with the value at a path; what was expected and the example come from the guide unless told. */
export function problemAt(path: readonly PropertyKey[], value: unknown, own: { expected?: string; example?: string } = {}): ConfigProblem {
  const guide = guideFor(path);
  return { path: pathText(path), value: show(path, value), expected: own.expected ?? guide.expected, example: own.example ?? guide.example };
}

/** `a.b.c`; keys that are no plain words in brackets. */
export function pathText(path: readonly PropertyKey[]): string {
  return path.reduce<string>((text, key) => {
    const plain = /^[\p{L}\p{N}_$-]+$/u.test(String(key));
    if (typeof key === "number" || !plain) return `${text}[${typeof key === "number" ? key : JSON.stringify(String(key))}]`;
    return text === "" ? String(key) : `${text}.${String(key)}`;
  }, "");
}

/** All problems of a configuration as one error; `path` is that of the first. */
export function configError(file: string, problems: readonly ConfigProblem[]): ConfigError {
  const first = problems[0]!;
  const number = problems.length === 1 ? "a wrong value" : `${problems.length} wrong values`;
  const lines = problems.map(({ path, value, expected, example }) => {
    const where = path === "" ? "the configuration" : path;
    return `  ${where}: ${value}\n    expected: ${expected}\n    example:  ${example}`;
  });
  return new ConfigError("TM_CONFIG", `${file} has ${number}:\n${lines.join("\n")}`, {
    path: first.path,
    fix: problems.length === 1 ? `Correct ${first.path === "" ? "it" : first.path}, for example: ${first.example}` : `Correct the ${problems.length} values above.`,
    details: { file, problems },
  });
}

function show(path: readonly PropertyKey[], value: unknown): string {
  if (value === undefined) return "not set";
  if (isSecret(path)) return value === "" ? '""' : "(secret, not shown)";
  // An object above a secret would show it.
  if (typeof value === "object" && value !== null) return Array.isArray(value) ? "a list" : "an object";
  if (typeof value === "function") return "a function";
  const text = (typeof value === "string" ? JSON.stringify(value) : `${value as number | boolean | null}`).replace(/(\/\/)[^/@\s]*@/, "$1***@");
  return text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text;
}
