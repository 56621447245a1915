import { scalarText } from "../json/raw.ts";
import { isNoTime, timeReader, timeWriter } from "./datetime.ts";
import { masked } from "./mask.ts";
import { MappingRefusal, refuseValue } from "./refusal.ts";
import type { FieldMapping, MissingRule } from "./types.ts";

/** A raw value of the source (undefined: not there) to that of the target (undefined: leave the field out). */
export type Convert = (raw: string | undefined) => string | undefined;

const TRUE = new Set(["true", "1", "y", "yes", "是"]);
const FALSE = new Set(["false", "0", "n", "no", "否"]);

/**
 * What becomes of a field's value: missing rule, value map, type, mask, in this order.
 * @throws MappingRefusal `TM_MAPPING_VALUE`, `TM_MAPPING_MISSING` when called with a value that does not fit
 */
export function converter(name: string, field: FieldMapping, hashKey: string): Convert {
  const convert = valueConverter(name, field);
  const whenMissing = missingValue(name, field);
  const { mask } = field;
  return (raw) => {
    if (isMissing(raw, field)) return whenMissing(raw);
    const value = convert(raw);
    if (mask === undefined) return value;
    const text = textOf(value);
    if (text === null) return mask === "all" ? '"***"' : refuseValue(name, raw, "text or a number to mask", true);
    return JSON.stringify(masked(text, mask, hashKey));
  };
}

function isMissing(raw: string | undefined, { type }: FieldMapping): raw is undefined | "null" | '""' {
  if (raw === undefined || raw === "null" || raw === '""') return true;
  return type === "datetime" && raw.startsWith('"') && isNoTime(raw.slice(1));
}

function missingValue(name: string, field: FieldMapping): Convert {
  const rule: MissingRule | undefined = field.missing ?? (isUnconverted(field) ? undefined : "null");
  if (rule === undefined) return (raw) => raw; // moved as it is
  if (rule === "null") return () => "null";
  if (rule === "omit") return () => undefined;
  if (rule === "omit-null") return (raw) => (raw === '""' ? raw : undefined);
  if (rule !== "required") return () => JSON.stringify(rule.default);
  return () => {
    throw new MappingRefusal("TM_MAPPING_MISSING", `field ${JSON.stringify(name)}${field.from === undefined ? "" : ` (from ${field.from})`} is required, and the source has no value`, { path: name });
  };
}

function isUnconverted({ type, values, mask, from }: FieldMapping): boolean {
  return from !== undefined && type === undefined && values === undefined && mask === undefined;
}

function valueConverter(name: string, field: FieldMapping): (raw: string) => string {
  const hidden = field.mask !== undefined;
  if (field.values !== undefined) return valueMap(name, field.values, field);
  const refuse = (raw: string, expected: string): never => refuseValue(name, raw, expected, hidden);
  switch (field.type) {
    case undefined:
      return (raw) => raw;
    case "text":
      return (raw) => (raw.startsWith('"') ? raw : JSON.stringify(textOf(raw) ?? refuse(raw, "text, a number, true or false")));
    case "integer":
      return (raw) => integer(textOf(raw)) ?? refuse(raw, "a whole number");
    case "decimal":
      return (raw) => decimal(textOf(raw), field.scale) ?? refuse(raw, `a decimal number${field.scale === undefined ? "" : ` with at most ${field.scale} digits behind the point`}`);
    case "boolean":
      return (raw) => {
        const text = textOf(raw)?.toLowerCase() ?? "";
        return TRUE.has(text) ? "true" : FALSE.has(text) ? "false" : refuse(raw, "true, false, 1, 0, y, n, yes, no, 是 or 否");
      };
    default:
      return datetime(field, refuse);
  }
}

function datetime(field: FieldMapping, refuse: (raw: string, expected: string) => never): (raw: string) => string {
  const [read, write] = [timeReader(field), timeWriter(field)];
  const expected = `a time like ${field.format ?? "yyyy-MM-dd HH:mm:ss"} in ${field.zone ?? "Asia/Shanghai"}`;
  return (raw) => {
    const ms = read(textOf(raw) ?? "");
    return ms === null ? refuse(raw, expected) : write(ms);
  };
}

function valueMap(name: string, values: Record<string, unknown>, { others, mask }: FieldMapping): (raw: string) => string {
  const known = new Map(Object.entries(values).map(([from, to]) => [from, JSON.stringify(to)]));
  return (raw) => {
    const found = known.get(textOf(raw) ?? "");
    if (found !== undefined) return found;
    if (others === "keep") return raw;
    if (typeof others === "object") return JSON.stringify(others.default);
    return refuseValue(name, raw, `one of ${[...known.keys()].join(", ")}`, mask !== undefined);
  };
}

/** A plain value as text; null for objects, lists, null and empty text. */
function textOf(raw: string): string | null {
  return raw === "true" || raw === "false" ? raw : scalarText(raw);
}

/** Digits as a JSON number, exactly; null when it is no whole number. */
function integer(text: string | null): string | null {
  const [, sign = "", digits] = /^\s*(-?)0*(\d+)(?:\.0*)?\s*$/.exec(text ?? "") ?? [];
  return digits === undefined ? null : digits === "0" ? "0" : sign + digits;
}

/** A decimal as JSON text, its digits as they are; with a scale filled up, or cut where only zeros are lost. */
function decimal(text: string | null, scale: number | undefined): string | null {
  const [, sign = "", whole, fraction = ""] = /^\s*(-?)0*(\d+)(?:\.(\d*))?\s*$/.exec(text ?? "") ?? [];
  if (whole === undefined) return null;
  const digits = scale === undefined ? fraction : fraction.replace(/0+$/, "").padEnd(scale, "0");
  if (scale !== undefined && digits.length > scale) return null;
  return JSON.stringify(`${sign}${whole}${digits === "" ? "" : `.${digits}`}`);
}
