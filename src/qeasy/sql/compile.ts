import { readFindCollection, type LookupPlan } from "../lookup.ts";
import { notice, type NoticeCode, type Report, type Severity } from "../notice.ts";
import { readTemplate } from "../template.ts";
import { AGGREGATES, FUNCTIONS, REFUSED, SPECIAL } from "./functions.ts";
import { parse } from "./syntax.ts";
import { Forbidden, FullWidth, isToken, nestingOf, tokenize } from "./tokens.ts";
import type { Leaves, Node, Part } from "./tree.ts";

/** A `_function` that was read. With a problem it fails each row that reaches it. */
export interface CompiledFunction {
  source: string;
  lookups: LookupPlan[];
  tree: Node | undefined;
  problem: string | undefined;
}

const LONGEST = 10_000;
const MOST_TOKENS = 2_000;
const DEEPEST = 50;

const CLOCK_WORDS: readonly string[] = ["CURRENT_TIMESTAMP", "CURRENT_DATE", "CURRENT_TIME", "LOCALTIME"];
const UNITS: readonly string[] = ["MICROSECOND", "SECOND", "MINUTE", "HOUR", "DAY", "WEEK", "MONTH", "QUARTER", "YEAR"];
/** Calls that the parser makes itself; their shape is right by the grammar. */
const OPERATORS: readonly string[] = [
  ..."+ - * / % DIV = <=> <> != < <= > >= AND OR XOR NOT IN BETWEEN LIKE REGEXP NEGATE CASE CAST TRIM".split(" "),
  "IS NULL",
  "IS TRUE",
  "IS FALSE",
  "CASE OF",
];

/** Thrown inside of this file only: why an expression cannot be used. */
class Refusal extends Error {
  readonly code: NoticeCode;
  readonly severity: Severity;
  constructor(code: NoticeCode, message: string, severity: Severity = "warning") {
    super(message);
    this.code = code;
    this.severity = severity;
  }
}

type Complain = (code: NoticeCode, text: string, severity: Severity) => void;

/** Reads the expression behind `_function `; problems and oddities go to `report`, with the given path. */
export function compileFunction(source: string, path: string, report: Report): CompiledFunction {
  const lookups: LookupPlan[] = [];
  const shown = source.length > 200 ? `${source.slice(0, 200)}…` : source;
  const complain: Complain = (code, text, severity) => report(notice(code, path, `${text}, in ${JSON.stringify(shown)}`, severity));
  try {
    return { source, lookups, tree: checked(read(source, path, report, lookups), complain), problem: undefined };
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    complain(error.code, error.message, error.severity);
    return { source, lookups: [], tree: undefined, problem: error.message };
  }
}

function read(source: string, path: string, report: Report, lookups: LookupPlan[]): Node {
  if (source.length > LONGEST) throw new Refusal("TM_QEASY_FUNCTION_SYNTAX", `more than ${LONGEST} characters`);
  const tokens = tokenize(source);
  const forbidden = tokens.find((token) => isToken(token, Forbidden));
  if (forbidden !== undefined) throw new Refusal("TM_QEASY_FORBIDDEN", `${JSON.stringify(forbidden.image)} is not allowed`, "refused");
  const wide = tokens.find((token) => isToken(token, FullWidth));
  if (wide !== undefined) throw new Refusal("TM_QEASY_FULLWIDTH", `write ${JSON.stringify(wide.image)} in its plain form`);
  if (tokens.length > MOST_TOKENS) throw new Refusal("TM_QEASY_FUNCTION_SYNTAX", `more than ${MOST_TOKENS} words and signs`);
  if (nestingOf(tokens) > DEEPEST) throw new Refusal("TM_QEASY_FUNCTION_SYNTAX", `nested deeper than ${DEEPEST}`);
  const tree = parse(tokens, leavesFor(path, report, lookups));
  if ("problem" in tree) throw new Refusal("TM_QEASY_FUNCTION_SYNTAX", `it cannot be read ${tree.problem}`);
  return tree;
}

function leavesFor(path: string, report: Report, lookups: LookupPlan[]): Leaves {
  const lookup = (image: string): number => {
    if (!image.endsWith("_endFind")) report(notice("TM_QEASY_LOOKUP_END", path, JSON.stringify(image.trim())));
    const plan = readFindCollection(image.replace(/_endFind$/, ""), path, report);
    if (plan === undefined) throw new Refusal("TM_QEASY_LOOKUP_SYNTAX", "a lookup cannot be read");
    return lookups.push(plan) - 1;
  };
  const template = (image: string): Node => {
    const segments = readTemplate(image, path, report);
    const only = segments[0]!;
    if (segments.length !== 1 || ("text" in only && only.text !== "")) throw new Refusal("TM_QEASY_FUNCTION_SYNTAX", `it cannot be read at ${JSON.stringify(image)}`);
    return "text" in only ? { value: null } : { template: only };
  };
  const quoted = (image: string): Part[] => {
    const quote = image.charAt(0);
    return image
      .slice(1, -1)
      .split(/(_findCollection\s+(?:(?!_findCollection\s)[\s\S])*?_endFind)/)
      .flatMap<Part>((piece, i) => (i % 2 === 1 ? [{ lookup: lookup(piece) }] : readTemplate(piece, path, report)))
      .map((part) => ("text" in part ? { text: unescape(part.text, quote) } : part));
  };
  return { quoted, template, lookup };
}

const ESCAPES: Record<string, string> = { n: "\n", t: "\t", r: "\r", b: "\b", 0: "\0", Z: "\u001A" };

/** A quoted text's characters; `\%` and `\_` keep their backslash, for LIKE. */
function unescape(text: string, quote: string): string {
  return text
    .replaceAll(/\\([\s\S])/g, (whole, char: string) => (char === "%" || char === "_" ? whole : (ESCAPES[char] ?? char)))
    .replaceAll(quote + quote, quote);
}

/** The tree with its names resolved. A function that is not known fails only the rows that reach it. */
function checked(node: Node, complain: Complain): Node {
  const each = (inner: Node): Node => checked(inner, complain);
  if ("word" in node) {
    if (CLOCK_WORDS.includes(node.word)) return { call: node.word, args: [] };
    throw new Refusal("TM_QEASY_FUNCTION_SYNTAX", `${JSON.stringify(node.word)} is neither a function nor a value; a field is written {{…}}`);
  }
  if (!("call" in node)) return node;
  const { call } = node;
  if (REFUSED.has(call)) throw new Refusal("TM_QEASY_FORBIDDEN", `${call} is not allowed`, "refused");
  if (call === "INTERVAL") throw new Refusal("TM_QEASY_FUNCTION_SYNTAX", "INTERVAL stands where no date is added to");
  if (call === "CAST") return { call, args: [each(node.args[0]!), literal(node.args[1]!), ...node.args.slice(2)] };
  if (call === "TRIM") return { call, args: node.args.map((arg) => ("word" in arg ? literal(arg) : each(arg))) };
  if (AGGREGATES.has(call) && node.args.some(aggregates)) throw new Refusal("TM_QEASY_FUNCTION_SYNTAX", `${call} over a value that is one of a whole list itself`);
  const args = argumentsOf(call, node.args, each);
  const limits = SPECIAL.get(call) ?? limitsOf(call);
  if (limits === null) {
    complain("TM_QEASY_FUNCTION_UNKNOWN", call, "warning");
    return { unknown: call };
  }
  const [min, max] = limits;
  if (args.length < min || args.length > max) {
    const wanted = min === max ? `${min}` : max >= 1000 ? `at least ${min}` : `${min} to ${max}`;
    throw new Refusal("TM_QEASY_FUNCTION_ARGUMENTS", `${call} takes ${wanted}, not ${args.length}`);
  }
  return { call, args };
}

/** Each level would go through the list again, for every element. */
function aggregates(node: Node): boolean {
  return "call" in node && (AGGREGATES.has(node.call) || node.args.some(aggregates));
}

/** null: not known. */
function limitsOf(call: string): [number, number] | null {
  if (OPERATORS.includes(call)) return [0, Infinity];
  if (call === "MOD") return [2, 2];
  const known = FUNCTIONS.get(call);
  return known === undefined ? null : [known.min, known.max];
}

/** The arguments of a call; intervals become amount and unit, units become text. */
function argumentsOf(call: string, args: Node[], each: (node: Node) => Node): Node[] {
  if (call === "TIMESTAMPDIFF" && args[0] !== undefined && "word" in args[0]) return [unit(args[0]), ...args.slice(1).map(each)];
  const [date, amount] = args;
  if (!/^(?:DATE_ADD|DATE_SUB|ADDDATE|SUBDATE)$/.test(call) || date === undefined || amount === undefined) return args.map(each);
  if ("call" in amount && amount.call === "INTERVAL") return [each(date), each(amount.args[0]!), unit(amount.args[1]!)];
  return call.endsWith("DATE") ? [each(date), each(amount), { value: "DAY" }] : args.map(each);
}

function unit(node: Node): Node {
  if ("word" in node && UNITS.includes(node.word)) return { value: node.word };
  throw new Refusal("TM_QEASY_FUNCTION_SYNTAX", `${"word" in node ? node.word : "this"} is no unit of time; known: ${UNITS.join(", ")}`);
}

function literal(node: Node): Node {
  return "word" in node ? { value: node.word } : node;
}
