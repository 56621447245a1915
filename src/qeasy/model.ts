import { z } from "zod";
import { ExactNumber, type Value } from "./value.ts";

/** Any JSON value; what it must be is said where it is used. */
const value = z.custom<Value>((given) => given === null || ["string", "number", "boolean"].includes(typeof given) || given instanceof ExactNumber || typeof given === "object");
const path = z.string().min(1);

/** An entry of `request`, `otherRequest`, `response` or `takeOverRequest`, in its usual spelling. */
export interface Entry {
  field: string;
  type: string;
  /** As written; undefined where it is absent. */
  value?: Value | undefined;
  default?: Value | undefined;
  required: boolean;
  parser?: Value | undefined;
  children?: Entry[] | undefined;
}

const entry: z.ZodType<Entry> = z.lazy(() =>
  z.object({
    field: z.string(),
    type: z.string(),
    value: value.optional(),
    default: value.optional(),
    required: z.boolean(),
    parser: value.optional(),
    children: z.array(entry).optional(),
  }),
);
const entries = z.array(entry);

const condition = z.object({ field: path, logic: z.string(), value: value.optional(), strictMode: z.boolean() });
const operation = z.object({
  method: z.string(),
  /** batchArraySave: rows of one call. */
  rows: z.number().int().positive().optional(),
  /** splitArray: the field whose elements become rows. */
  arrayKey: z.string().optional(),
});
const remedy = z.object({ crontab: z.string(), adapter: z.string().optional(), takeOverRequest: entries });
const format = z.object({ old: path, new: path, format: z.string() });
const group = z
  .object({
    headerGroup: z.array(path),
    bodyGroup: z.array(path),
    bodyName: path.optional(),
    targetBodyName: path.optional(),
    bodyMaxLine: z.number().int().positive().optional(),
    calculate: z.record(z.string(), z.enum(["$sum", "$avg", "$min", "$max", "$push", "$addToSet", "$first", "$last"])),
  })
  .refine(({ headerGroup, bodyGroup }) => headerGroup.length + bodyGroup.length > 0, "headerGroup or bodyGroup has to name a field");

/** What Tidemark reads of a half of a strategy, in its usual spelling; everything else stays in the JSON that is kept. */
export const strategySchema = z.object({
  side: z.enum(["source", "target"]),
  api: z.string(),
  method: z.string(),
  id: path.optional(),
  number: path.optional(),
  name: path.optional(),
  idCheck: z.boolean(),
  pageSize: z.number().int().positive(),
  operation,
  request: entries,
  otherRequest: entries,
  response: entries,
  otherResponse: entries,
  condition: z.array(z.array(condition)),
  omissionRemedy: remedy.optional(),
  beatFlat: z.array(path),
  formatResponse: z.array(format),
  groupCalculate: group.optional(),
  callBackStrategy: z.record(z.string(), value).optional(),
});

export type Strategy = z.infer<typeof strategySchema>;
export type Condition = z.infer<typeof condition>;
export type Operation = z.infer<typeof operation>;
export type GroupCalculate = z.infer<typeof group>;
export type FormatRule = z.infer<typeof format>;
export type OmissionRemedy = z.infer<typeof remedy>;

export const DEFAULT_PAGE_SIZE = 50;
export const NO_OP = "写入空操作";
