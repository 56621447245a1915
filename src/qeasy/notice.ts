import { TidemarkError, type ErrorDetails } from "../errors.ts";

/** What can be said about a strategy, by stable code; docs/errors.md and docs/qeasy-expressions.md list them. */
export const NOTICES = {
  TM_QEASY_REPAIRED: "the JSON was not valid and was repaired",
  TM_QEASY_WRAPPER: "the strategy stood inside a wrapper, which was taken off",
  TM_QEASY_DUPLICATE_KEY: "a key stands twice in one object; the last one counts",
  TM_QEASY_NORMALISED: "a value was read in its usual spelling",
  TM_QEASY_CAST: "a value is not of the type that its entry names; it is kept as it is",
  TM_QEASY_TYPE: "an unknown entry type; read as string",
  TM_QEASY_DUPLICATE_FIELD: "a field stands twice in one list; the last one with a value counts",
  TM_QEASY_FIELD_NAME: "a field's name is empty, has a dot or a remark; it is taken literally, an empty one is not sent",
  TM_QEASY_FLAT: "an array entry without children: the old flat form, whose nesting is lost",
  TM_QEASY_CHILDREN: "children below an entry that is neither array nor object are not evaluated",
  TM_QEASY_PARENT: "the tree was built again from the entries' parent",
  TM_QEASY_TEMPLATE: "this looks like an interface's template, not like a configured strategy",
  TM_QEASY_BRACES: "braces are not balanced",
  TM_QEASY_VARIABLE: "an unknown reserved variable; read as a field of the row",
  TM_QEASY_FILTER: "an unknown filter; the value stays unformatted",
  TM_QEASY_FIELD_MISSING: "a field that the row does not have",
  TM_QEASY_EXPRESSION: "the text looks like an expression, but is a literal as it is written",
  TM_QEASY_FUNCTION_SYNTAX: "an expression that cannot be read",
  TM_QEASY_FUNCTION_UNKNOWN: "an unknown function",
  TM_QEASY_FUNCTION_ARGUMENTS: "a function with the wrong number of arguments",
  TM_QEASY_FULLWIDTH: "full-width punctuation inside an expression",
  TM_QEASY_FORBIDDEN: "an expression that would reach a database or a file",
  TM_QEASY_LOOKUP_SYNTAX: "a _findCollection that cannot be read",
  TM_QEASY_LOOKUP_END: "a _findCollection inside _function without _endFind; taken up to the next comma or bracket",
  TM_QEASY_LOOKUP_STRATEGY: "a lookup in a strategy that is not known here",
  TM_QEASY_LOOKUP_AMBIGUOUS: "a lookup found several rows with different values; the oldest counts",
  TM_QEASY_MONGO: "_mongoQuery is not supported unless it is switched on",
  TM_QEASY_PARSER: "an unknown or adapter-specific parser; the value passes through",
  TM_QEASY_FORMAT: "an unknown format, or one whose output is not certain",
  TM_QEASY_CONDITION_SHAPE: "a one-dimensional condition list; read as one group",
  TM_QEASY_CONDITION_LOGIC: "an unknown comparison in a condition",
  TM_QEASY_OPERATION: "an unknown operation, or one whose parameters are not known",
  TM_QEASY_CRON: "a schedule that cannot be taken over",
  TM_QEASY_CRON_READ: "a schedule was rewritten for Temporal",
  TM_QEASY_PAGE_SIZE: "a page size that cannot be used",
  TM_QEASY_ID_CHECK: "repeated ids are compared by version, so that later changes are not dropped",
  TM_QEASY_WINDOW: "the window comes from the checkpoint and is read by the safe cursor",
  TM_QEASY_RANDOM: "a random value: keep the one of the first attempt for retries",
  TM_QEASY_SECRET: "a credential stands in the strategy: move it to the configuration's secrets",
  TM_QEASY_UNUSED: "kept, without effect",
  TM_QEASY_OTHER_REQUEST: "an entry of otherRequest that is a parameter of the API; sent as one",
  TM_QEASY_DEPTH: "nested too deeply; what is below is not read",
  TM_QEASY_CYCLE: "entries name each other as parent; the circle was broken",
  TM_QEASY_SHAPE: "a value of the wrong shape",
  TM_QEASY_API_FOREIGN: "an API that Tidemark does not run",
  TM_QEASY_SIDE: "source and target cannot be told apart",
  TM_QEASY_EFFECT: "effect and type disagree; effect counts",
  TM_QEASY_SUPERFLUOUS: "more strategies were given than one source and one target",
  TM_QEASY_HALF: "a half of the strategy was not given",
  TM_QEASY_AS_IS: "it runs as it is, from its files, since the mapping of a config would not say the same",
  TM_QEASY_NOT_YET: "a pipeline cannot do this, and without it would send something else than the strategy",
  TM_QEASY_FROM: "the time from which to copy is a placeholder; set source.from",
  TM_QEASY_AUDIT: "omissionRemedy is a scheduled audit, which compares closed time with the source",
  TM_QEASY_SCHEDULE: "no schedule is set",
  TM_QEASY_RECORD: "the record is not exactly the row or the request",
  TM_QEASY_CONFIG: "the config does not take it",
} as const;

export type NoticeCode = keyof typeof NOTICES;

/** `refused`: the strategy must not run as it stands. `warning`: a person should look. `info`: how it is read. */
export type Severity = "info" | "warning" | "refused";

/** Something that was found in a strategy or while it ran; safe to print, since it holds no row data. */
export interface Notice {
  code: NoticeCode;
  severity: Severity;
  /** Where, for example `source.request[3].value`. */
  path: string;
  /** English, one sentence; names the value as it is written in the strategy. */
  text: string;
}

export type Report = (notice: Notice) => void;

export function notice(code: NoticeCode, path: string, detail = "", severity: Severity = "warning"): Notice {
  return { code, severity, path, text: detail === "" ? NOTICES[code] : `${NOTICES[code]}: ${detail}` };
}

/** Why a row cannot be written. */
export const ROW_ERRORS = {
  TM_QEASY_REQUIRED: "an entry marked is_required came out empty",
  TM_QEASY_FUNCTION: "a _function failed",
  TM_QEASY_LOOKUP_EMPTY: "a compulsory lookup found nothing",
  TM_QEASY_LOOKUP_UNKNOWN: "a lookup in a strategy that is not known",
  TM_QEASY_UNSUPPORTED: "the row reached something that is kept, but not supported",
  TM_QEASY_ID: "the row has no usable id",
} as const;

export type RowErrorCode = keyof typeof ROW_ERRORS;

/** One row cannot be written; the others go on. Message and path hold no row data. */
export class RowError extends TidemarkError {
  /** Whether the same row may pass later, without anybody changing it. */
  readonly retryable: boolean;
  constructor(code: RowErrorCode, message: string, more: ErrorDetails & { retryable?: boolean } = {}) {
    super(code, message, more);
    this.retryable = more.retryable ?? false;
  }
}

/** The strategy cannot be read at all, or would not run; nothing was imported. */
export class QeasyError extends TidemarkError {}
