import { isNumber, numberIn, textOf, type Value } from "./value.ts";

/** `""`: the entry names none. */
export const TYPES: readonly string[] = ["", "string", "int", "float", "double", "boolean", "datetime", "date", "array", "object"];

const TRUTHS: Record<string, boolean> = { true: true, false: false, 1: true, 0: false };

/** The value as its entry's type; undefined: it cannot be one, and is kept as it is. Lists and objects stay. */
export function castValue(value: Value, type: string): Value | undefined {
  if (value === null || (typeof value === "object" && !isNumber(value))) return value;
  switch (type) {
    case "int":
    case "float":
    case "double":
      return toNumber(value, type === "int");
    case "boolean":
      return typeof value === "boolean" ? value : TRUTHS[String(value).trim().toLowerCase()];
    case "":
    case "array":
    case "object":
      return value;
    default:
      return textOf(value);
  }
}

/** A number where the text is one; `2.00` is the whole number 2, other fractions keep theirs. */
function toNumber(value: Exclude<Value, null>, whole: boolean): Value | undefined {
  if (typeof value === "boolean") return value ? 1 : 0;
  const text = textOf(value).trim();
  return numberIn(whole ? text.replace(/^(-?\d+)\.0+$/, "$1") : text);
}
