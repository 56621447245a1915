import { IANAZone } from "luxon";
import { z } from "zod";
import { expressionProblem, filterProblem } from "../mapping/expression.ts";
import { isTemplate } from "../mapping/template.ts";
import type { FieldMapping } from "../mapping/types.ts";
import { parsePath } from "../mapping/view.ts";
import { valueAt } from "./environment-values.ts";

const path = z.string().trim().regex(/^[^.]+(\.[^.]+)*$/);
const dropped = path.superRefine((text, context) => {
  if (/\.\d+(?:\.|$)/.test(text)) context.addIssue({ code: "custom", params: { expected: `a path without a place in a list: ${JSON.stringify(text.replaceAll(/\.\d+(?=\.|$)/g, ""))} takes it out of every item` } });
});
const zone = z.string().refine((name) => IANAZone.isValidZone(name));

const SOURCES = ["from", "value", "template", "expression", "each"] as const;
/** Settings that only one other setting gives a meaning. */
const ONLY_WITH: Readonly<Record<string, readonly [keyof FieldMapping, string?]>> = {
  format: ["type", "datetime"], zone: ["type", "datetime"], to: ["type", "datetime"], toZone: ["type", "datetime"], scale: ["type", "decimal"],
  others: ["values"], fields: ["each"], rest: ["each"], names: ["each"], drop: ["each"], flatten: ["each"],
};

const expression = z.string().superRefine((text, context) => {
  const problem = expressionProblem(text);
  if (problem !== null) context.addIssue({ code: "custom", params: { expected: `a CEL expression over record (in a list also item): ${problem}` } });
});

const defaulted = z.strictObject({ default: z.json() });

const written = z.strictObject({
  from: path.optional(),
  value: z.json().optional(),
  template: z.string().min(1).refine(isTemplate).optional(),
  expression: expression.optional(),
  each: path.optional(),
  explode: z.unknown().optional(),
  type: z.enum(["text", "integer", "decimal", "boolean", "datetime"]).optional(),
  scale: z.int().min(0).max(30).optional(),
  format: z.string().min(1).optional(),
  zone: zone.optional(),
  to: z.string().min(1).optional(),
  toZone: zone.optional(),
  values: z.record(z.string(), z.json()).optional(),
  others: z.union([z.enum(["refuse", "keep"]), defaulted]).optional(),
  missing: z.union([z.enum(["null", "omit", "omit-null", "required"]), defaulted]).optional(),
  mask: z.union([z.enum(["hash", "all", "name", "phone"]), z.strictObject({ start: z.int().min(0), end: z.int().min(0) })]).optional(),
  rest: z.enum(["keep", "drop"]).optional(),
  names: z.enum(["camel", "snake"]).optional(),
  drop: z.array(dropped).optional(),
  flatten: z.array(path).optional(),
  get fields(): z.ZodOptional<z.ZodType<Record<string, FieldMapping>>> {
    return fields.optional();
  },
});

/** A field: a path alone moves a value. */
const field = z.preprocess((value) => (typeof value === "string" ? { from: value } : value), written).superRefine((field, context) => {
  const complain = (key: string | undefined, expected: string) => context.addIssue({ code: "custom", path: key === undefined ? [] : [key], params: { expected } });
  const given = (key: string) => field[key as keyof FieldMapping] !== undefined;
  if (given("explode")) return complain("explode", "no explode here: it stands beside fields (mapping.explode); each makes a list of the items");
  const sources = SOURCES.filter(given);
  if (sources.length !== 1) complain(undefined, `one of ${SOURCES.join(", ")}${sources.length === 0 ? "" : `, not ${sources.join(" and ")}`}`);
  for (const [key, [other, value]] of Object.entries(ONLY_WITH)) {
    if (given(key) && (value === undefined ? !given(other) : field[other as "type"] !== value)) complain(key, `nothing: ${key} belongs to a field with ${other}${value === undefined ? "" : `: "${value}"`}`);
  }
  if (given("values") && given("type")) complain("type", "nothing beside values, which give the target's values as they are");
  if (given("value")) for (const key of ["type", "values", "missing", "mask"]) if (given(key)) complain(key, "nothing beside value, which is written as it is");
  if (given("each")) for (const key of ["type", "values", "mask"]) if (given(key)) complain(key, "nothing beside each; the list's fields have their own");
}).transform(({ explode: _explode, ...field }): FieldMapping => field);

/** Names are looked at beside wrong fields too, so that all is told at once. */
const BY_NAME = { when: ({ value }: { value: unknown }) => typeof value === "object" && value !== null };

/** Fields by name; a dot makes an object, so none can be a value and an object. */
const fields = z.record(path, field).superRefine((fields, context) => {
  const names = Object.keys(fields).map((name) => [name, JSON.stringify(parsePath(name)).slice(0, -1)] as const);
  for (const [name, start] of names) {
    const clash = names.find(([other, otherStart]) => other !== name && `${otherStart},`.startsWith(`${start},`));
    if (clash !== undefined) context.addIssue({ code: "custom", path: [name], params: { expected: `another name: ${JSON.stringify(clash[0])} makes an object of it` } });
  }
}, BY_NAME);

const topFields = fields.superRefine((fields, context) => {
  if ("id" in fields) context.addIssue({ code: "custom", path: ["id"], params: { expected: "another name: mapping.id names the field that the record's id comes from" } });
}, BY_NAME);

/** Which records are sent, and as how many documents. */
export const documentShape = {
  filter: z.string().superRefine((text, context) => {
    const problem = filterProblem(text);
    if (problem !== null) context.addIssue({ code: "custom", params: { expected: `a CEL expression over record that gives true or false: ${problem}` } });
  }).optional(),
  explode: z.preprocess((value) => (typeof value === "string" ? { list: value } : value), z.strictObject({ list: path, id: path.optional() })).optional(),
};

export const recordShape = {
  rest: z.enum(["keep", "drop"]).optional(),
  names: z.enum(["camel", "snake"]).optional(),
  drop: z.array(dropped).optional(),
  flatten: z.array(path).optional(),
  fields: topFields.optional(),
};

/** Whether a field, however deep, is hashed, in a mapping that may be wrong. */
export function masksByHash(mapping: unknown): boolean {
  const fields: unknown = valueAt(mapping, ["fields"]);
  return typeof fields === "object" && fields !== null && Object.values(fields).some((field) => valueAt(field, ["mask"]) === "hash" || masksByHash(field));
}
