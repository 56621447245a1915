import { Decimal } from "decimal.js";
import { civilSeconds, formatCivil, instantOf } from "./dates.ts";
import type { FormatRule } from "./model.ts";
import { notice, RowError, type Report } from "./notice.ts";
import { withMember } from "./rows.ts";
import { thousands } from "./sql/functions-number.ts";
import { characters } from "./sql/values.ts";
import { exactNumber, isNumber, textOf, valueAt, type Value } from "./value.ts";

type Format = (value: Value, argument: string | undefined, zone: string) => Value;

const DATES: Record<string, string> = {
  date: "%Y-%m-%d",
  time: "%H:%i:%s",
  datetime: "%Y-%m-%d %H:%i:%s",
  shortdate: "%m-%d",
  shorttime: "%H:%i",
  shortdatetime: "%m-%d %H:%i",
};

function dated(format: string): Format {
  return (value, _, zone) => {
    const instant = typeof value === "string" || isNumber(value) ? instantOf(textOf(value), zone) : null;
    return instant === null ? value : formatCivil({ seconds: civilSeconds(Math.floor(instant / 1000), zone), micros: 0 }, format);
  };
}

/** A number's new value; what is no number stays. */
function numeric(convert: (number: Decimal, argument: string | undefined) => Value): Format {
  return (value, argument) => {
    const text = textOf(value).trim();
    return /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?$/i.test(text) ? convert(new Decimal(text), argument) : value;
  };
}

const decimals = (argument: string | undefined, otherwise: number): number => Math.min(30, argument !== undefined && /^\d+$/.test(argument) ? Number(argument) : otherwise);

const FORMATS: Record<string, Format> = {
  ...Object.fromEntries(Object.entries(DATES).map(([name, format]) => [name, dated(format)])),
  datedescription: (value) => value,
  longtext: (value, argument) => characters(textOf(value)).slice(0, decimals(argument, 15)).join(""),
  intval: numeric((number) => exactNumber(number.trunc().toFixed())),
  round: numeric((number, argument) => exactNumber(number.toDecimalPlaces(decimals(argument, 2), Decimal.ROUND_HALF_UP).toFixed())),
  amount: numeric((number) => thousands(number, 2)),
  implode: (value, argument) => (Array.isArray(value) ? value.map(textOf).join(argument ?? ",") : value),
};

/** Formats whose exact output no source settles. */
const UNCERTAIN: readonly string[] = ["shortdate", "shorttime", "shortdatetime", "datedescription", "amount"];

export interface CompiledFormat {
  old: string;
  new: string;
  apply: (value: Value, zone: string) => Value;
}

/** Reads `formatResponse`; an unknown format fails the rows that reach it, since their copy would be missing. */
export function compileFormats(rules: readonly FormatRule[], path: string, report: Report): CompiledFormat[] {
  return rules.map((rule, i) => {
    const [, name = "", argument] = /^\s*(\w+)\s*(?:\(\s*(.*?)\s*\))?\s*$/s.exec(rule.format) ?? [];
    const known = Object.hasOwn(FORMATS, name.toLowerCase());
    const format = known ? FORMATS[name.toLowerCase()]! : unknownFormat(rule, `${path}[${i}]`);
    if (!known || UNCERTAIN.includes(name.toLowerCase())) report(notice("TM_QEASY_FORMAT", `${path}[${i}]`, `${JSON.stringify(rule.format)}${known ? "" : "; each row that has the field is set aside"}`));
    const plain = argument === undefined || argument === "" ? undefined : argument.replace(/^(['"])([\s\S]*)\1$/, "$2");
    return { old: rule.old, new: rule.new, apply: (value: Value, zone: string) => format(value, plain, zone) };
  });
}

function unknownFormat({ format }: FormatRule, path: string): Format {
  return () => {
    throw new RowError("TM_QEASY_UNSUPPORTED", `an unknown format: ${format}`, { path, fix: `Use one of ${Object.keys(FORMATS).join(", ")}, or take the rule out.` });
  };
}

/** The row with its formatted copies; a field that is missing adds nothing. */
export function formatRow(row: Value, formats: readonly CompiledFormat[], zone: string): Value {
  return formats.reduce<Value>((current, format) => {
    const value = valueAt(current, format.old);
    return value === undefined || value === null ? current : withMember(current, format.new, format.apply(value, zone));
  }, row);
}
