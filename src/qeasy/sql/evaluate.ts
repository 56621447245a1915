import { RE2JS } from "re2js";
import { fieldValue, type Context, type Scope } from "../context.ts";
import { readSegment } from "../template.ts";
import { textOf, type Value } from "../value.ts";
import type { CompiledFunction } from "./compile.ts";
import { aggregate, arithmetic } from "./functions-number.ts";
import { boundedSearch, join, like } from "./functions-text.ts";
import { AGGREGATES, alike, FUNCTIONS, type Env, type Given } from "./functions.ts";
import type { Node, Part } from "./tree.ts";
import { bool, compare, fromValue, FunctionError, sqlNumber, toNumber, toText, toValue, truth, type Sql } from "./values.ts";

interface Run extends Env {
  context: Context;
  scope: Scope;
  /** The lookups' results, in the expression's order. */
  found: readonly Value[];
  path: string;
}

/** The value of an expression. @throws FunctionError when it has none. */
export function runFunction(compiled: CompiledFunction, scope: Scope, found: readonly Value[], path: string): Value {
  if (compiled.tree === undefined) throw new FunctionError(compiled.problem);
  const run: Run = { context: scope.context, scope, found, path, dividedByZero: false };
  const result = evaluate(compiled.tree, run);
  if (result === null && run.dividedByZero) throw new FunctionError("a division by zero");
  return toValue(result);
}

function evaluate(node: Node, run: Run): Sql {
  if ("value" in node) return node.value;
  if ("text" in node) return join(node.text.map((part) => textOf(partValue(part, run))));
  if ("template" in node) return fromValue(partValue(node.template, run));
  if ("lookup" in node) {
    const value = run.found[node.lookup] ?? null;
    return typeof value === "string" && value !== "" ? value : fromValue(value);
  }
  if ("word" in node) return node.word;
  if ("unknown" in node) throw new FunctionError(`an unknown function: ${node.unknown}`);
  return (SPECIAL_CALLS[node.call] ?? scalar(node.call))(node.args, run);
}

function partValue(part: Part, run: Run): Value | undefined {
  if ("lookup" in part) return run.found[part.lookup] ?? null;
  const value = readSegment(part, run.scope, run.path);
  return run.scope.index !== undefined && Array.isArray(value) ? (value[run.scope.index] ?? null) : value;
}

type Special = (args: Node[], run: Run) => Sql;

/** A function of values: its arguments first, and NULL for NULL. */
function scalar(name: string): Special {
  const known = FUNCTIONS.get(name);
  if (known === undefined) throw new FunctionError(`an unknown function: ${name}`);
  return (args, run) => {
    const values = args.map((arg) => evaluate(arg, run));
    if (known.nulls) return known.run(values, run);
    return values.includes(null) ? null : known.run(values as Given[], run);
  };
}

/** Two operands, NULL for NULL. */
function pair(apply: (left: Given, right: Given, run: Run) => Sql): Special {
  return (args, run) => {
    const [left, right] = [evaluate(args[0]!, run), evaluate(args[1]!, run)];
    return left === null || right === null ? null : apply(left, right, run);
  };
}

function ordering(holds: (order: number) => boolean): Special {
  return pair((left, right, { context }) => bool(holds(compare(left, right, context.zone))));
}

function computing(operator: string): Special {
  return pair((left, right, run) => {
    const result = arithmetic(operator, toNumber(left), toNumber(right));
    if (result === null) run.dividedByZero = true;
    return result;
  });
}

function equal(left: Sql, right: Sql, run: Run): boolean | null {
  return left === null || right === null ? null : compare(left, right, run.context.zone) === 0;
}

const three = (value: boolean | null): Sql => (value === null ? null : bool(value));

/** AND (`decisive` false) and OR (`decisive` true): the right side only where the left one leaves it open. */
function logic(decisive: boolean): Special {
  return (args, run) => {
    const left = truth(evaluate(args[0]!, run));
    if (left === decisive) return bool(decisive);
    const right = truth(evaluate(args[1]!, run));
    if (right === decisive) return bool(decisive);
    return left === null || right === null ? null : bool(!decisive);
  };
}

/** The first branch whose test holds; what follows the pairs is ELSE. */
function choose(branches: Node[], run: Run, holds: (test: Node) => boolean | null): Sql {
  for (let i = 0; i + 1 < branches.length; i += 2) {
    if (holds(branches[i]!) === true) return evaluate(branches[i + 1]!, run);
  }
  return branches.length % 2 === 1 ? evaluate(branches.at(-1)!, run) : null;
}

function firstGiven(args: Node[], run: Run): Sql {
  for (const arg of args) {
    const value = evaluate(arg, run);
    if (value !== null) return value;
  }
  return null;
}

const patterns = new Map<string, RE2JS>();

const LONGEST_PATTERN = 1_000;

/** Without back-tracking: its time is at most that of the text's length times the pattern's, which is bounded. */
function regexp(text: string, pattern: string): boolean {
  if (pattern.length > LONGEST_PATTERN) throw new FunctionError(`a regular expression of more than ${LONGEST_PATTERN} characters`);
  let compiled = patterns.get(pattern);
  if (compiled === undefined) {
    try {
      compiled = RE2JS.compile(pattern, RE2JS.CASE_INSENSITIVE);
    } catch {
      throw new FunctionError("a regular expression that cannot be read");
    }
    if (patterns.size >= 100) patterns.clear(); // patterns made from row values would pile up
    patterns.set(pattern, compiled);
  }
  boundedSearch(text.length, compiled.programSize());
  return compiled.matcher(text).find();
}

const SPECIAL_CALLS: Record<string, Special> = {
  "=": ordering((order) => order === 0),
  "<>": ordering((order) => order !== 0),
  "!=": ordering((order) => order !== 0),
  "<": ordering((order) => order < 0),
  "<=": ordering((order) => order <= 0),
  ">": ordering((order) => order > 0),
  ">=": ordering((order) => order >= 0),
  "<=>": ([a, b], run) => {
    const [left, right] = [evaluate(a!, run), evaluate(b!, run)];
    return bool(left === null || right === null ? left === right : compare(left, right, run.context.zone) === 0);
  },
  "+": computing("+"),
  "-": computing("-"),
  "*": computing("*"),
  "/": computing("/"),
  "%": computing("%"),
  MOD: computing("%"),
  DIV: computing("DIV"),
  NEGATE: ([a], run) => {
    const value = evaluate(a!, run);
    if (value === null) return null;
    const { number, scale } = toNumber(value);
    return sqlNumber(number.neg(), scale);
  },
  AND: logic(false),
  OR: logic(true),
  XOR: ([a, b], run) => {
    const [left, right] = [truth(evaluate(a!, run)), truth(evaluate(b!, run))];
    return left === null || right === null ? null : bool(left !== right);
  },
  NOT: ([a], run) => {
    const value = truth(evaluate(a!, run));
    return value === null ? null : bool(!value);
  },
  "IS NULL": ([a], run) => bool(evaluate(a!, run) === null),
  "IS TRUE": ([a], run) => bool(truth(evaluate(a!, run)) === true),
  "IS FALSE": ([a], run) => bool(truth(evaluate(a!, run)) === false),
  IN: ([a, ...list], run) => {
    const value = evaluate(a!, run);
    const tests = list.map((each) => equal(value, evaluate(each, run), run));
    return tests.includes(true) ? bool(true) : three(tests.includes(null) ? null : false);
  },
  BETWEEN: ([a, from, to], run) => {
    const [value = null, least = null, most = null] = alike([evaluate(a!, run), evaluate(from!, run), evaluate(to!, run)]);
    const order = (bound: Sql): number | null => (value === null || bound === null ? null : compare(value, bound, run.context.zone));
    const [low, high] = [order(least), order(most)];
    if ((low !== null && low < 0) || (high !== null && high > 0)) return bool(false);
    return low === null || high === null ? null : bool(true);
  },
  LIKE: pair((text, pattern) => bool(like(toText(text), toText(pattern)))),
  REGEXP: pair((text, pattern) => bool(regexp(toText(text), toText(pattern)))),
  CASE: (branches, run) => choose(branches, run, (test) => truth(evaluate(test, run))),
  "CASE OF": ([subject, ...branches], run) => {
    const value = evaluate(subject!, run);
    return choose(branches, run, (test) => equal(value, evaluate(test, run), run));
  },
  IF: ([test, yes, no], run) => evaluate(truth(evaluate(test!, run)) === true ? yes! : no!, run),
  IFNULL: firstGiven,
  COALESCE: firstGiven,
  ...Object.fromEntries([...AGGREGATES].map((name) => [name, aggregating(name)])),
};

/** An aggregate runs its argument once for each element of the lists in it, or once when there is none. */
function aggregating(name: string): Special {
  return ([arg], run) => {
    const lengths = new Set(listLengths(arg!, run));
    if (lengths.size > 1) throw new FunctionError(`${name} over lists of different lengths`);
    const [length] = lengths;
    const elements: Scope[] = length === undefined ? [run.scope] : Array.from({ length }, (_, index) => ({ ...run.scope, index }));
    const values = elements.map((scope) => {
      const element = { ...run, scope };
      const value = evaluate(arg!, element);
      run.dividedByZero ||= element.dividedByZero;
      return value;
    });
    return aggregate(name, values, (a, b) => compare(a, b, run.context.zone));
  };
}

function listLengths(node: Node, run: Run): number[] {
  const lengthOf = (part: Part): number[] => {
    const value = "name" in part && !part.variable ? fieldValue(run.scope, part.name) : null;
    return Array.isArray(value) ? [value.length] : [];
  };
  if ("template" in node) return lengthOf(node.template);
  if ("text" in node) return node.text.flatMap(lengthOf);
  return "call" in node ? node.args.flatMap((arg) => listLengths(arg, run)) : [];
}
