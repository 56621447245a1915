import { civilOf, civilSeconds, epochSeconds, formatCivil, MONTHS, partsOf } from "../dates.ts";
import type { Env, Given, SqlFunction } from "./functions.ts";
import { integerOf } from "./functions-number.ts";
import { Decimal, FunctionError, parseNumber, sqlNumber, toDate, toNumber, toText, type Sql, type SqlDate, type SqlNumber } from "./values.ts";

const DAY = 86_400;
const SECONDS: Record<string, number> = { SECOND: 1, MINUTE: 60, HOUR: 3600, DAY, WEEK: 7 * DAY };
const MONTH_UNITS: Record<string, number> = { MONTH: 1, QUARTER: 3, YEAR: 12 };

/** Seconds of the last instant that UNIX_TIMESTAMP knows; what lies outside is 0. */
const LAST_UNIX = 32_536_771_199;
/** Calendar seconds of the years 1 to 9999. */
const [FIRST, LAST] = [-62_135_596_800, 253_402_300_799];

const midnight = (seconds: number): number => Math.floor(seconds / DAY) * DAY;
const dateOf = (seconds: number): SqlDate => ({ seconds: midnight(seconds), micros: 0, shape: "date" });

function nowIn({ context }: Env): SqlDate {
  return { seconds: civilSeconds(Math.floor(context.now / 1000), context.zone), micros: 0, shape: "datetime" };
}

/** A function of a date; no date gives NULL. */
function ofDate(run: (date: SqlDate) => Sql): SqlFunction {
  return {
    min: 1,
    max: 1,
    run: ([value], { context }) => {
      const date = toDate(value!, context.zone);
      return date === null ? null : run(date);
    },
  };
}

/** A function of a time of day, which may also stand alone as text. */
function ofTime(run: (seconds: number) => number): SqlFunction {
  return {
    min: 1,
    max: 1,
    run: ([value], { context }) => {
      const alone = /^(\d{1,3}):(\d{2})(?::(\d{2}))?/.exec(toText(value!));
      const seconds = alone === null ? toDate(value!, context.zone)?.seconds : Number(alone[1]) * 3600 + Number(alone[2]) * 60 + Number(alone[3] ?? 0);
      return seconds === undefined ? null : sqlNumber(run(seconds));
    },
  };
}

function fromUnix([value, format]: Given[], { context }: Env): Sql {
  const { number } = toNumber(value!);
  if (number.isNegative() || number.greaterThan("253402271999") || (format !== undefined && toText(format) === "")) return null;
  const seconds = civilSeconds(number.floor().toNumber(), context.zone);
  const micros = number.sub(number.floor()).mul(1_000_000).round().toNumber();
  return format === undefined ? { seconds, micros: 0, shape: "datetime" } : formatCivil({ seconds, micros }, toText(format));
}

function unixTime([value]: Given[], { context }: Env): Sql {
  if (value === undefined) return sqlNumber(Math.floor(context.now / 1000));
  const date = toDate(value, context.zone);
  if (date === null) return null;
  const seconds = epochSeconds(date.seconds, context.zone);
  if (seconds < 0 || seconds > LAST_UNIX) return sqlNumber(0);
  return date.micros === 0 ? sqlNumber(seconds) : parseNumber(`${seconds}.${String(date.micros).padStart(6, "0")}`);
}

/** A date some units later; days that a month does not have become its last. */
export function addInterval(date: SqlDate, amount: SqlNumber, unit: string): Sql {
  const months = MONTH_UNITS[unit];
  if (months !== undefined) return addMonths(date, amount.number.round().toNumber() * months);
  const length = unit === "MICROSECOND" ? new Decimal("0.000001") : SECONDS[unit];
  if (length === undefined) throw new FunctionError(`INTERVAL … ${unit} is not supported`);
  const steps = unit === "SECOND" ? amount.number : amount.number.round();
  const total = new Decimal(date.seconds).mul(1_000_000).add(date.micros).add(steps.mul(length).mul(1_000_000).round());
  const seconds = total.div(1_000_000).floor();
  if (seconds.lessThan(FIRST) || seconds.greaterThan(LAST)) return null;
  const shape = date.shape === "date" && (unit === "DAY" || unit === "WEEK") ? "date" : "datetime";
  return { seconds: seconds.toNumber(), micros: total.sub(seconds.mul(1_000_000)).toNumber(), shape };
}

function addMonths(date: SqlDate, months: number): Sql {
  const { year, month, day } = partsOf(date.seconds);
  const count = year * 12 + month - 1 + months;
  const [newYear, newMonth] = [Math.floor(count / 12), (((count % 12) + 12) % 12) + 1];
  if (newYear < 1 || newYear > 9999) return null;
  const last = lastDay(newYear, newMonth);
  const start = civilOf(newYear, newMonth, Math.min(day, last))!;
  return { ...date, seconds: start + date.seconds - midnight(date.seconds) };
}

function lastDay(year: number, month: number): number {
  return new Date(Date.UTC(year, month, 0)).getUTCDate();
}

/** Whole units from a to b, towards zero. */
function difference(unit: string, a: SqlDate, b: SqlDate): Sql {
  const months = MONTH_UNITS[unit];
  const micros = new Decimal(b.seconds - a.seconds).mul(1_000_000).add(b.micros - a.micros);
  if (months === undefined) {
    const length = unit === "MICROSECOND" ? 0.000001 : SECONDS[unit];
    if (length === undefined) throw new FunctionError(`TIMESTAMPDIFF in ${unit} is not supported`);
    return sqlNumber(micros.div(new Decimal(length).mul(1_000_000)).trunc());
  }
  const [from, to] = micros.isNegative() ? [b, a] : [a, b];
  const [start, end] = [partsOf(from.seconds), partsOf(to.seconds)];
  const rest = (date: SqlDate, day: number): number => day * DAY + (date.seconds - midnight(date.seconds)) + date.micros / 1_000_000;
  const whole = (end.year - start.year) * 12 + end.month - start.month - (rest(to, end.day) < rest(from, start.day) ? 1 : 0);
  return sqlNumber(Math.trunc(whole / months) * (micros.isNegative() ? -1 : 1));
}

/** The date in a text written by a format; null: the text does not follow it. */
function parseByFormat(text: string, format: string): Sql {
  const found = { year: 0, month: 0, day: 0, hour: 0, minute: 0, second: 0, micros: 0, afternoon: undefined as boolean | undefined };
  const take: Record<string, [RegExp, (match: string) => void]> = {
    Y: [/^\d{4}/, (s) => (found.year = Number(s))],
    y: [/^\d{2}/, (s) => (found.year = Number(s) + (Number(s) < 70 ? 2000 : 1900))],
    m: [/^\d{1,2}/, (s) => (found.month = Number(s))],
    d: [/^\d{1,2}/, (s) => (found.day = Number(s))],
    H: [/^\d{1,2}/, (s) => (found.hour = Number(s))],
    i: [/^\d{1,2}/, (s) => (found.minute = Number(s))],
    s: [/^\d{1,2}/, (s) => (found.second = Number(s))],
    f: [/^\d{1,6}/, (s) => (found.micros = Number(s.padEnd(6, "0")))],
    p: [/^[ap]m/i, (s) => (found.afternoon = /^p/i.test(s))],
    M: [new RegExp(`^(?:${MONTHS.join("|")})`, "i"), (s) => (found.month = MONTHS.findIndex((name) => name.toLowerCase() === s.toLowerCase()) + 1)],
    b: [/^[a-z]{3}/i, (s) => (found.month = MONTHS.findIndex((name) => name.slice(0, 3).toLowerCase() === s.toLowerCase()) + 1)],
    W: [/^[a-z]+/i, () => undefined],
  };
  const same: Record<string, string> = { c: "m", e: "d", k: "H", h: "H", I: "H", l: "H", S: "s", a: "W" };
  let rest = text.trimStart();
  const used = new Set<string>();
  if (format === "") return null;
  for (const [piece, letter] of format.replaceAll("%T", "%H:%i:%s").replaceAll("%r", "%h:%i:%s %p").matchAll(/%([\s\S])|[\s\S]/g)) {
    const name = letter === undefined ? "" : (same[letter] ?? letter);
    used.add(name);
    // What the text does not have any more is zero.
    if (rest === "") continue;
    const reader = take[name];
    if (reader === undefined) {
      if (/\s/.test(piece)) rest = rest.trimStart();
      else if (rest.startsWith(letter ?? piece)) rest = rest.slice(1);
      else return null;
      continue;
    }
    const match = reader[0].exec(rest)?.[0];
    if (match === undefined) return null;
    reader[1](match);
    rest = rest.slice(match.length);
  }
  const hour = found.afternoon === undefined ? found.hour : (found.hour % 12) + (found.afternoon ? 12 : 0);
  const timed = ["H", "i", "s", "f", "p"].some((name) => used.has(name));
  const dated = ["Y", "y", "m", "d", "M", "b"].some((name) => used.has(name));
  if (!dated && !timed) return null;
  if (!dated) return hour > 23 || found.minute > 59 || found.second > 59 ? null : { seconds: hour * 3600 + found.minute * 60 + found.second, micros: found.micros, shape: "time" };
  const seconds = civilOf(found.year, found.month, found.day, hour, found.minute, found.second);
  return seconds === null ? null : { seconds, micros: found.micros, shape: timed ? "datetime" : "date" };
}

const NOW: SqlFunction = { min: 0, max: 1, run: (_, env) => nowIn(env) };
const CURDATE: SqlFunction = { min: 0, max: 0, run: (_, env) => dateOf(nowIn(env).seconds) };
const CURTIME: SqlFunction = { min: 0, max: 1, run: (_, env) => ({ ...nowIn(env), shape: "time" }) };
const DAY_OF_MONTH = ofDate(({ seconds }) => sqlNumber(partsOf(seconds).day));

/** DATE_ADD and its like: the interval comes as amount and unit. */
function adding(sign: 1 | -1): SqlFunction {
  return {
    min: 3,
    max: 3,
    run: ([value, amount, unit], { context }) => {
      const date = toDate(value!, context.zone);
      const number = toText(unit!) === "SECOND" ? toNumber(amount!).number : integerOf(amount!);
      return date === null ? null : addInterval(date, sqlNumber(number.mul(sign), null), toText(unit!));
    },
  };
}

export const dateFunctions: Record<string, SqlFunction> = {
  NOW,
  SYSDATE: NOW,
  CURRENT_TIMESTAMP: NOW,
  LOCALTIME: NOW,
  CURDATE,
  CURRENT_DATE: CURDATE,
  CURTIME,
  CURRENT_TIME: CURTIME,
  UNIX_TIMESTAMP: { min: 0, max: 1, run: unixTime },
  FROM_UNIXTIME: { min: 1, max: 2, run: fromUnix },
  DATE_FORMAT: {
    min: 2,
    max: 2,
    run: ([value, format], { context }) => {
      const date = toDate(value!, context.zone);
      return date === null || toText(format!) === "" ? null : formatCivil(date, toText(format!));
    },
  },
  STR_TO_DATE: { min: 2, max: 2, run: ([text, format]) => parseByFormat(toText(text!), toText(format!)) },
  DATE: ofDate(({ seconds }) => dateOf(seconds)),
  TIME: ofDate((date) => ({ ...date, shape: "time" })),
  YEAR: ofDate(({ seconds }) => sqlNumber(partsOf(seconds).year)),
  MONTH: ofDate(({ seconds }) => sqlNumber(partsOf(seconds).month)),
  DAY: DAY_OF_MONTH,
  DAYOFMONTH: DAY_OF_MONTH,
  QUARTER: ofDate(({ seconds }) => sqlNumber(Math.ceil(partsOf(seconds).month / 3))),
  WEEKDAY: ofDate(({ seconds }) => sqlNumber((partsOf(seconds).weekday + 6) % 7)),
  DAYOFWEEK: ofDate(({ seconds }) => sqlNumber(partsOf(seconds).weekday + 1)),
  DAYOFYEAR: ofDate(({ seconds }) => sqlNumber(partsOf(seconds).dayOfYear)),
  LAST_DAY: ofDate(({ seconds }) => {
    const { year, month } = partsOf(seconds);
    return dateOf(civilOf(year, month, lastDay(year, month))!);
  }),
  HOUR: ofTime((seconds) => Math.floor(seconds / 3600) % 24),
  MINUTE: ofTime((seconds) => Math.floor(seconds / 60) % 60),
  SECOND: ofTime((seconds) => seconds % 60),
  DATE_ADD: adding(1),
  ADDDATE: adding(1),
  DATE_SUB: adding(-1),
  SUBDATE: adding(-1),
  DATEDIFF: {
    min: 2,
    max: 2,
    run: ([a, b], { context }) => {
      const [left, right] = [toDate(a!, context.zone), toDate(b!, context.zone)];
      return left === null || right === null ? null : sqlNumber((midnight(left.seconds) - midnight(right.seconds)) / DAY);
    },
  },
  TIMESTAMPDIFF: {
    min: 3,
    max: 3,
    run: ([unit, a, b], { context }) => {
      const [from, to] = [toDate(a!, context.zone), toDate(b!, context.zone)];
      return from === null || to === null ? null : difference(toText(unit!).toUpperCase(), from, to);
    },
  },
};
