import { z } from "zod";

const digits = z.string().trim().regex(/^-?\d{1,9}$/).transform(Number);

const flag = z
  .unknown()
  .optional()
  .transform((value) => {
    const text = typeof value === "string" ? value.trim().toLowerCase() : value;
    if (text === true || text === 1 || text === "1" || text === "true") return true;
    return text === false || text === 0 || text === "0" || text === "false" ? false : null;
  });

/** The head of every answer. Unknown keys appear without notice and are ignored here; the raw text keeps them. */
const envelopeSchema = z.object({
  /** 0 is success and nothing else is: 200 in a body means "too many requests". */
  code: z.union([z.int(), digits]),
  msg: z
    .unknown()
    .optional()
    .transform((msg) => (typeof msg === "string" ? msg : msg === null || msg === undefined ? "" : JSON.stringify(msg))),
  request_id: z
    .unknown()
    .optional()
    .transform((id) => (typeof id === "string" && id !== "" ? id : null)),
  data: z.unknown().optional(),
  issuccess: flag,
});

/** An answer as JSON.parse reads it: good for its shape, not for numbers, which may be rounded. */
export interface Envelope {
  code: number;
  msg: string;
  requestId: string | null;
  /** `issuccess` of the old platform, boolean or text; null where there is none. */
  success: boolean | null;
  /** The value under `data`. */
  data: unknown;
  /** The whole answer. */
  body: Record<string, unknown>;
}

/** The envelope of a body, or in words why it is none; the words hold nothing of the body. */
export function readEnvelope(text: string): Envelope | string {
  const body = readObject(text);
  return typeof body === "string" ? body : envelopeOf(body);
}

/** The envelope of a JSON object, or in words why it is none. */
export function envelopeOf(body: Record<string, unknown>): Envelope | string {
  if (!Object.hasOwn(body, "code")) return "a JSON body without `code`";
  const parsed = envelopeSchema.safeParse(body);
  if (!parsed.success) return "a JSON body whose `code` is not a whole number";
  const { code, msg, request_id: requestId, data, issuccess: success } = parsed.data;
  return { code, msg, requestId, success, data, body };
}

/** The JSON object of a body, or in words why there is none. */
export function readObject(text: string): Record<string, unknown> | string {
  if (text.trim() === "") return "an empty body";
  try {
    const body: unknown = JSON.parse(text);
    return isObject(body) ? body : "a JSON body without `code`";
  } catch {
    return text.trimStart().startsWith("<") ? "an HTML page" : "a broken or cut JSON body";
  }
}

const count = z
  .unknown()
  .optional()
  .transform((value) => {
    if (typeof value === "string" && /^\s*\d{1,15}\s*$/.test(value)) return Number(value);
    return typeof value === "number" && Number.isSafeInteger(value) && value >= 0 ? value : null;
  });

const pagingSchema = z.object({ data_count: count, page_count: count, has_next: flag });

/** What an answer says about its pages; null where it says nothing readable. */
export interface Paging {
  total: number | null;
  pageCount: number | null;
  hasNext: boolean | null;
}

/** Where the list of an answer lies. */
export interface ListPlace {
  /** Keys from the top to the list. */
  path: string[];
  /** The source states in so many words that there are no rows (`data_count` 0), with null in place of the list. */
  empty: boolean;
  /** One row stands in the list's place, as an object. */
  oneRow: boolean;
  paging: Paging;
}

/**
 * Finds the list: under `data` first, then at the top; or says in words why there is none.
 * @param idOfRow the field by which an object in the list's place is known as a row; without it there has to be a list
 */
export function findList(envelope: Envelope, listFields: readonly string[], idOfRow?: string): ListPlace | string {
  const holders: [string[], unknown][] = [
    [["data"], envelope.data],
    [[], envelope.body],
  ];
  for (const [path, holder] of holders) {
    if (!isObject(holder)) continue;
    const present = listFields.filter((field) => Object.hasOwn(holder, field));
    const field = present.find((name) => Array.isArray(holder[name])) ?? present[0];
    if (field === undefined) continue;
    const { data_count: total, page_count: pageCount, has_next: hasNext } = pagingSchema.parse(holder);
    const held = holder[field];
    const empty = held === null && total === 0;
    const oneRow = idOfRow !== undefined && isObject(held) && Object.hasOwn(held, idOfRow);
    if (!empty && !oneRow && !Array.isArray(held)) return `\`${field}\` is not a list`;
    return { path: [...path, field], empty, oneRow, paging: { total, pageCount, hasNext } };
  }
  return `there is no ${listFields.map((field) => `\`${field}\``).join(" or ")}`;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
