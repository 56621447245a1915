import { Decimal as Base } from "decimal.js";
import { formatCivil, parseCivil } from "../dates.ts";
import { ExactNumber, exactNumber, type Value } from "../value.ts";

/** 65 digits are MySQL's own limit; halves are rounded away from zero, as there. */
export const Decimal = Base.clone({ precision: 80, rounding: Base.ROUND_HALF_UP });
export type Decimal = Base;

/** A number with the count of decimals that it is printed with; null: a number that came out of text, printed as short as it goes. */
export interface SqlNumber {
  number: Decimal;
  scale: number | null;
}

export interface SqlDate {
  seconds: number;
  micros: number;
  shape: "date" | "datetime" | "time";
}

/** A value of MySQL; its booleans are the numbers 1 and 0. */
export type Sql = null | string | SqlNumber | SqlDate;

/** A `_function` cannot be computed; the message holds no row data. */
export class FunctionError extends Error {}

const MAX_SCALE = 30;
const MAX_EXPONENT = 308;
const LEADING_NUMBER = /^\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,4})?/;

export function sqlNumber(number: Decimal | number, scale: number | null = 0): SqlNumber {
  const decimal = typeof number === "number" ? new Decimal(number) : number;
  if (!decimal.isFinite() || decimal.e > MAX_EXPONENT) throw new FunctionError("a number is out of range");
  return { number: decimal, scale: scale === null ? null : Math.max(0, Math.min(scale, MAX_SCALE)) };
}

/** A number as it is written in JSON or in an expression. */
export function parseNumber(text: string): SqlNumber {
  const decimals = /^[^eE]*?\.(\d*)$/.exec(text);
  return sqlNumber(new Decimal(text), /[eE]/.test(text) ? null : (decimals?.[1]?.length ?? 0));
}

export function bool(value: boolean): SqlNumber {
  return sqlNumber(value ? 1 : 0);
}

export function isNumber(value: Sql): value is SqlNumber {
  return typeof value === "object" && value !== null && "number" in value;
}

export function isDate(value: Sql): value is SqlDate {
  return typeof value === "object" && value !== null && "shape" in value;
}

/** As a number: the leading number of a text, else 0; a date as its digits. */
export function toNumber(value: Exclude<Sql, null>): SqlNumber {
  if (isNumber(value)) return value;
  if (isDate(value)) return parseNumber(toText(value).replaceAll(/[^\d.]/g, ""));
  const leading = LEADING_NUMBER.exec(value)?.[0].trim();
  return leading === undefined ? sqlNumber(0, null) : sqlNumber(new Decimal(leading), null);
}

/** A whole number for a position or a count. */
export function toInteger(value: Exclude<Sql, null>): number {
  return toNumber(value).number.round().toNumber();
}

export function toText(value: Exclude<Sql, null>): string {
  if (typeof value === "string") return value;
  if (isNumber(value)) return value.scale === null ? new Decimal(value.number.toNumber()).toFixed() : fixed(value.number, value.scale);
  return formatCivil(value, { date: "%Y-%m-%d", datetime: "%Y-%m-%d %H:%i:%s", time: "%H:%i:%s" }[value.shape] + (value.micros === 0 ? "" : ".%f"));
}

/** With that many decimals, never `-0`. */
export function fixed(number: Decimal, decimals: number): string {
  const text = number.toFixed(decimals);
  return /^-0(?:\.0*)?$/.test(text) ? text.slice(1) : text;
}

/** As a date; null when there is none in it. */
export function toDate(value: Exclude<Sql, null>, zone: string): SqlDate | null {
  if (isDate(value)) return value.shape === "time" ? null : value;
  const civil = parseCivil(toText(value), zone);
  return civil === null ? null : { seconds: civil.seconds, micros: civil.micros, shape: civil.hasTime ? "datetime" : "date" };
}

/** True, false or, for NULL, null. */
export function truth(value: Sql): boolean | null {
  return value === null ? null : !toNumber(value).number.isZero();
}

/** MySQL counts code points. */
export function characters(text: string): string[] {
  return Array.from(text);
}

/** Texts by the default collation: letter case and the marks of Latin letters do not count. As long as the text, in characters. */
export function fold(text: string): string {
  return text.toLowerCase().replaceAll(/[\u00e0-\u024f\u1e00-\u1eff]/g, (letter) => letter.normalize("NFD").charAt(0));
}

/** Below, at or above 0: text with text as text, dates with dates, all else as numbers. */
export function compare(left: Exclude<Sql, null>, right: Exclude<Sql, null>, zone: string): number {
  if (typeof left === "string" && typeof right === "string") {
    const [a, b] = [fold(left), fold(right)];
    return a === b ? 0 : a < b ? -1 : 1;
  }
  if ((isDate(left) && !isNumber(right)) || (isDate(right) && !isNumber(left))) {
    const [a, b] = [toDate(left, zone), toDate(right, zone)];
    if (a !== null && b !== null) return a.seconds - b.seconds || a.micros - b.micros;
  }
  return toNumber(left).number.comparedTo(toNumber(right).number);
}

/** What the strategy gets: numbers keep the decimals that MySQL prints, dates are text. */
export function toValue(value: Sql): Value {
  if (value === null || typeof value === "string") return value;
  return isNumber(value) ? exactNumber(toText(value)) : toText(value);
}

/** A value of a row as an operand of its own: a number where it looks like one, empty is NULL, all else is text. */
export function fromValue(value: Value | undefined): Sql {
  if (value === undefined || value === null || value === "") return null;
  if (typeof value === "boolean") return bool(value);
  if (typeof value === "number" || value instanceof ExactNumber) return parseNumber(String(value));
  if (typeof value === "string") return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?$/.test(value) ? parseNumber(value) : value;
  throw new FunctionError("a list or an object stands where one value is wanted");
}
