import type { SqlFunction } from "./functions.ts";
import { characters, fold, FunctionError, sqlNumber, toInteger, toText, type Sql } from "./values.ts";

/** Longer texts are refused: REPEAT and its like could fill the memory. */
const LONGEST = 1_000_000;
const MOST_STEPS = 20_000_000;

/** Joins what is not too long; its length is known before it is made. */
export function join(texts: readonly string[], separator = ""): string {
  const length = texts.reduce((sum, text) => sum + text.length, separator.length * (texts.length - 1));
  if (length > LONGEST) throw new FunctionError(`a text of more than ${LONGEST} characters`);
  return texts.join(separator);
}

/** Refuses a search whose time grows with pattern times text where that would stop a worker for seconds. */
export function boundedSearch(text: number, pattern: number): void {
  if (text * pattern > MOST_STEPS) throw new FunctionError("a pattern and a text that take too long to compare");
}

function repeat(text: string, times: number): string {
  if (times * text.length > LONGEST) throw new FunctionError(`a text of more than ${LONGEST} characters`);
  return text.repeat(Math.max(0, times));
}

function substring(text: string, position: number, length = Infinity): string {
  const all = characters(text);
  if (position === 0 || length <= 0 || Math.abs(position) > all.length) return "";
  const start = position > 0 ? position - 1 : all.length + position;
  return all.slice(start, start + length).join("");
}

function locate(part: string, text: string, from = 1): number {
  const all = characters(fold(text));
  if (from < 1 || from > all.length + 1) return 0;
  const rest = all.slice(from - 1).join("");
  const at = rest.indexOf(fold(part));
  return at < 0 ? 0 : from + characters(rest.slice(0, at)).length;
}

function substringIndex(text: string, delimiter: string, count: number): string {
  if (delimiter === "" || count === 0) return "";
  const parts = text.split(delimiter);
  return (count > 0 ? parts.slice(0, count) : parts.slice(count)).join(delimiter);
}

function pad(text: string, length: number, filler: string, left: boolean): Sql {
  const all = characters(text);
  if (length < 0) return null;
  if (all.length >= length) return all.slice(0, length).join("");
  if (filler === "") return "";
  const missing = characters(repeat(filler, Math.ceil((length - all.length) / characters(filler).length))).slice(0, length - all.length).join("");
  return left ? missing + text : text + missing;
}

function trim(text: string, what: string, side: string): string {
  let trimmed = text;
  if (what === "") return text;
  if (side !== "TRAILING") while (trimmed.startsWith(what)) trimmed = trimmed.slice(what.length);
  if (side !== "LEADING") while (trimmed.endsWith(what)) trimmed = trimmed.slice(0, -what.length);
  return trimmed;
}

const UPPER: SqlFunction = { min: 1, max: 1, run: ([s]) => toText(s!).toUpperCase() };
const LOWER: SqlFunction = { min: 1, max: 1, run: ([s]) => toText(s!).toLowerCase() };
const SUBSTRING: SqlFunction = {
  min: 2,
  max: 3,
  run: ([s, p, n]) => substring(toText(s!), toInteger(p!), n === undefined ? undefined : toInteger(n)),
};
const CHAR_LENGTH: SqlFunction = { min: 1, max: 1, run: ([s]) => sqlNumber(characters(toText(s!)).length) };

export const textFunctions: Record<string, SqlFunction> = {
  CONCAT: { min: 1, max: 1000, run: (args) => join(args.map(toText)) },
  CONCAT_WS: {
    min: 2,
    max: 1000,
    nulls: true,
    run: ([separator = null, ...args]) => (separator === null ? null : join(args.filter((each) => each !== null).map(toText), toText(separator))),
  },
  LEFT: { min: 2, max: 2, run: ([s, n]) => characters(toText(s!)).slice(0, Math.max(0, toInteger(n!))).join("") },
  RIGHT: {
    min: 2,
    max: 2,
    run: ([s, n]) => (toInteger(n!) <= 0 ? "" : characters(toText(s!)).slice(-toInteger(n!)).join("")),
  },
  SUBSTRING,
  SUBSTR: SUBSTRING,
  MID: SUBSTRING,
  SUBSTRING_INDEX: { min: 3, max: 3, run: ([s, d, n]) => substringIndex(toText(s!), toText(d!), toInteger(n!)) },
  LOCATE: { min: 2, max: 3, run: ([part, s, from]) => sqlNumber(locate(toText(part!), toText(s!), from === undefined ? 1 : toInteger(from))) },
  INSTR: { min: 2, max: 2, run: ([s, part]) => sqlNumber(locate(toText(part!), toText(s!))) },
  REPLACE: { min: 3, max: 3, run: ([s, a, b]) => (toText(a!) === "" ? toText(s!) : join(toText(s!).split(toText(a!)), toText(b!))) },
  LENGTH: { min: 1, max: 1, run: ([s]) => sqlNumber(Buffer.byteLength(toText(s!), "utf8")) },
  CHAR_LENGTH,
  CHARACTER_LENGTH: CHAR_LENGTH,
  UPPER,
  UCASE: UPPER,
  LOWER,
  LCASE: LOWER,
  TRIM: { min: 1, max: 3, run: ([s, what, side]) => trim(toText(s!), what === undefined ? " " : toText(what), side === undefined ? "BOTH" : toText(side)) },
  LTRIM: { min: 1, max: 1, run: ([s]) => trim(toText(s!), " ", "LEADING") },
  RTRIM: { min: 1, max: 1, run: ([s]) => trim(toText(s!), " ", "TRAILING") },
  LPAD: { min: 3, max: 3, run: ([s, n, p]) => pad(toText(s!), toInteger(n!), toText(p!), true) },
  RPAD: { min: 3, max: 3, run: ([s, n, p]) => pad(toText(s!), toInteger(n!), toText(p!), false) },
  REPEAT: { min: 2, max: 2, run: ([s, n]) => repeat(toText(s!), toInteger(n!)) },
  SPACE: { min: 1, max: 1, run: ([n]) => repeat(" ", toInteger(n!)) },
  REVERSE: { min: 1, max: 1, run: ([s]) => characters(toText(s!)).toReversed().join("") },
  FIND_IN_SET: {
    min: 2,
    max: 2,
    run: ([s, list]) => sqlNumber(toText(list!) === "" ? 0 : fold(toText(list!)).split(",").indexOf(fold(toText(s!))) + 1),
  },
};

/** `LIKE`: `%` any text, `_` one character, `\` takes the next one as it is; letter case does not count. */
export function like(text: string, pattern: string): boolean {
  const all = characters(fold(text));
  const steps: { any: boolean; one: boolean; char: string }[] = [];
  const letters = characters(fold(pattern));
  for (let i = 0; i < letters.length; i++) {
    const escaped = letters[i] === "\\" && i + 1 < letters.length;
    const char = escaped ? letters[++i]! : letters[i]!;
    steps.push({ any: !escaped && char === "%", one: !escaped && char === "_", char });
  }
  boundedSearch(all.length, steps.length);
  let [at, step, lastAny, resume] = [0, 0, -1, 0];
  while (at < all.length) {
    const now = steps[step];
    if (now?.any) {
      lastAny = step++;
      resume = at;
    } else if (now !== undefined && (now.one || now.char === all[at])) {
      step++;
      at++;
    } else if (lastAny >= 0) {
      step = lastAny + 1;
      at = ++resume;
    } else return false;
  }
  return steps.slice(step).every(({ any }) => any);
}
