import { Environment } from "@marcbachmann/cel-js";
import { elementsOf } from "../json/raw.ts";
import * as exact from "./exact.ts";
import { MappingRefusal } from "./refusal.ts";
import { openObject, type View } from "./view.ts";

/** CEL: no loops without an end, no access to anything but its variables. */
const environment = new Environment({ enableOptionalTypes: true, homogeneousAggregateLiterals: false })
  .registerVariable("record", "map")
  .registerVariable("item", "map")
  .registerFunction("plus(dyn, dyn): string", exact.plus)
  .registerFunction("minus(dyn, dyn): string", exact.minus)
  .registerFunction("times(dyn, dyn): string", exact.times)
  // Sources write null or "" for an empty list.
  .registerFunction("listOf(dyn): list", (value: unknown) => (Array.isArray(value) ? (value as unknown[]) : []))
  .registerFunction("sum(list): string", exact.sum)
  .registerFunction("round(dyn, int): string", exact.round);

/** Why a text is no expression, in one line; null when it is one. */
export function expressionProblem(text: string): string | null {
  const { valid, error } = environment.check(text);
  return valid ? null : firstLine(error);
}

/** Why a text cannot decide over a record, in one line; null when it can. */
export function filterProblem(text: string): string | null {
  const { valid, error, type } = environment.check(text);
  if (!valid) return firstLine(error);
  return type === "bool" || type === "dyn" ? null : `it gives ${type}, not true or false`;
}

/** What decides by an expression over a record. @throws MappingRefusal when called */
export function filterReader(text: string): (view: View) => boolean {
  const evaluate = environment.parse(text);
  return (view) => {
    try {
      const value: unknown = evaluate({ record: valueOf(view.top), item: valueOf(view) });
      if (typeof value === "boolean") return value;
      throw new TypeError(`it gives ${jsonOf(value) ?? "null"}, not true or false`);
    } catch (error) {
      throw new MappingRefusal("TM_MAPPING_EXPRESSION", `filter: ${firstLine(error)}; expression: ${text}`, { path: "filter" });
    }
  };
}

/**
 * What evaluates an expression: `record` is the record, `item` the item of a list that the field is part of (elsewhere the
 * record too). Whole numbers are ints, however long; numbers with a fraction are text, so that no amount is ever rounded.
 */
export function expressionReader(name: string, text: string): (view: View) => string | undefined {
  const evaluate = environment.parse(text);
  return (view) => {
    try {
      return jsonOf(evaluate({ record: valueOf(view.top), item: valueOf(view) }));
    } catch (error) {
      throw new MappingRefusal("TM_MAPPING_EXPRESSION", `field ${JSON.stringify(name)}: ${firstLine(error)}; expression: ${text}`, { path: name });
    }
  };
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n")[0]!;
}

function valueOf(view: View): unknown {
  return (view.expressionValue ??= objectOf(view));
}

function objectOf(view: View): Record<string, unknown> {
  // No prototype: a field called __proto__ is a field.
  const object = Object.create(null) as Record<string, unknown>;
  for (const [name, raw] of view.values) object[name] = celValue(raw);
  return object;
}

function celValue(raw: string): unknown {
  if (raw.startsWith("{")) return objectOf(openObject(raw)!);
  if (raw.startsWith("[")) return elementsOf(raw).map(celValue);
  if (/^-?\d+$/.test(raw)) return BigInt(raw);
  if (/^-?\d/.test(raw)) return raw;
  return JSON.parse(raw) as unknown;
}

function jsonOf(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (typeof value === "bigint") return String(value);
  if (typeof value === "number" && !Number.isFinite(value)) throw new RangeError("the result is no finite number");
  if (typeof value === "string" || typeof value === "boolean" || typeof value === "number") return JSON.stringify(value);
  if (value instanceof Date) return JSON.stringify(value.toISOString());
  if (Array.isArray(value)) return `[${value.map((one) => jsonOf(one) ?? "null").join(",")}]`;
  const entries: Iterable<[unknown, unknown]> = value instanceof Map ? value : isPlain(value) ? Object.entries(value) : unwritable();
  return `{${[...entries].map(([name, one]) => `${JSON.stringify(String(name))}:${jsonOf(one) ?? "null"}`).join(",")}}`;
}

function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function unwritable(): never {
  throw new RangeError("the result is no text, number, true, false, list or map");
}
