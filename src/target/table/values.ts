import type { FieldType } from "../../config/types.ts";
import { decoded } from "../../json/raw.ts";
import { parseShanghai } from "../../source/time.ts";

/** A column as it is in the database. */
export interface Column {
  /** `other`: a type that Tidemark makes no columns of; the database judges the values. */
  kind: FieldType | "other";
  /** The database's own name of the type. */
  type: string;
  /** Of a decimal: most digits before and behind the point; null: any number. */
  digits: { whole: number; fraction: number } | null;
  /** The database fills it where a statement does not name it: a default, or computed. */
  filled: boolean;
  /** Whether texts that differ in any byte are different. */
  exact: boolean;
}

const LEAST_INTEGER = -(2n ** 63n);
const MOST_INTEGER = 2n ** 63n - 1n;
const INTEGER = /^-?\d{1,19}$/;
const NUMBER = /^-?(\d+)(?:\.(\d+))?(?:[eE]([+-]?\d{1,4}))?$/;
/** What the source writes where there is no time. */
const NO_TIME = /^(?:0\d{3}|1[0-8]\d\d|19[0-6]\d|1970|9999)[-/]/;
const LONE_SURROGATE = /\p{Surrogate}/u;
const WHOLE = /^(?:0|-?[1-9]\d*)$/;

/** The type of column that a JSON value wants; null: it has none (null, ""). */
export function kindOf(raw: string): FieldType | null {
  switch (raw[0]) {
    case "n": return null;
    case '"': return raw === '""' ? null : "text";
    case "t": case "f": return "boolean";
    case "{": case "[": return "json";
    default: return isInteger(raw) ? "integer" : "decimal";
  }
}

/** The type of column that takes the values of both. */
export function joined(one: FieldType | null, other: FieldType | null): FieldType | null {
  if (one === null || other === null || one === other) return one ?? other;
  const both = [one, other];
  return both.includes("integer") && both.includes("decimal") ? "decimal" : "text";
}

/**
 * A JSON value as the text that a column takes, its digits as they are; in a column that is no text, "" is null.
 * @param instant how the database reads an instant (ms)
 * @returns undefined: the column does not take it
 */
export function valueFor(column: Column, raw: string, instant: (ms: number) => string): string | null | undefined {
  if (raw === "null") return null;
  if (column.kind === "json") return raw;
  const text = raw.startsWith('"') ? decoded(raw) : raw;
  // Half a character comes only from an escape.
  if (raw.includes("\\u") && LONE_SURROGATE.test(text)) return undefined;
  if (column.kind === "text") return text;
  if (text === "") return null;
  if (column.kind === "timestamp") {
    const at = parseShanghai(text);
    if (at !== null) return instant(at);
    return NO_TIME.test(text) ? null : undefined;
  }
  return isTaken(column, text) ? text : undefined;
}

/** Whether a key column keeps an id as it is, so that no other id is the same to it: `01` is 1 to a number, and databases compare without trailing blanks. */
export function keeps(column: Column, id: string): boolean {
  return id === id.trimEnd() && !LONE_SURROGATE.test(id) && (column.kind === "text" || (WHOLE.test(id) && isTaken(column, id)));
}

function isTaken({ kind, digits }: Column, text: string): boolean {
  if (kind === "integer") return isInteger(text);
  if (kind === "decimal") return fits(text, digits);
  return kind !== "boolean" || text === "true" || text === "false";
}

function isInteger(text: string): boolean {
  if (!INTEGER.test(text)) return false;
  if (text.length <= 18) return true;
  const value = BigInt(text);
  return value >= LEAST_INTEGER && value <= MOST_INTEGER;
}

/** Whether a decimal keeps every digit: databases round what lies behind the last one. */
function fits(text: string, digits: Column["digits"]): boolean {
  const match = NUMBER.exec(text);
  if (match === null) return false;
  const [, whole = "", fraction = "", exponent = "0"] = match;
  const shift = Number(exponent);
  return digits === null || (whole.replace(/^0+/, "").length + shift <= digits.whole && fraction.replace(/0+$/, "").length - shift <= digits.fraction);
}
