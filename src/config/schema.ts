import { z } from "zod";
import { CronProblem, isTimezone, temporalCrons } from "./cron.ts";
import { parseDuration } from "./duration.ts";
import { documentShape, recordShape } from "./mapping-schema.ts";
import { parseShanghai } from "../source/time.ts";

/** Workflow ids, schedules and tables carry these names. */
export const NAME = /^[\p{L}\p{N}_][\p{L}\p{N}_.-]{0,63}$/u;
const PLAUSIBLE_AHEAD_MS = 86_400_000;

const text = z.string().trim().min(1);
/** "" from an unset variable means that there is none. */
const optionalText = z.string().trim().default("").transform((value) => (value === "" ? null : value));
const digitsToNumber = (value: unknown) => (typeof value === "string" && /^-?\d{1,15}$/.test(value.trim()) ? Number(value) : value);
const count = (least: number) => z.preprocess(digitsToNumber, z.int().min(least));
const flag = z.preprocess((value) => (value === "true" ? true : value === "false" ? false : value), z.boolean());

const duration = (leastMs: number) =>
  z.string().transform((value, context) => {
    const ms = parseDuration(value);
    if (ms !== null && ms >= leastMs) return ms;
    const message = ms === null ? undefined : `at least ${leastMs} ms`;
    context.addIssue({ code: "custom", ...(message === undefined ? {} : { message, params: { expected: message } }) });
    return z.NEVER;
  });

const url = text.transform((value, context) => {
  const parsed = URL.canParse(value) ? new URL(value) : null;
  if (parsed !== null && ["http:", "https:"].includes(parsed.protocol) && parsed.search === "" && parsed.hash === "") return value.replace(/\/+$/, "");
  context.addIssue({ code: "custom" });
  return z.NEVER;
});

const from = text.transform((value, context) => {
  if (value === "all") return "all" as const;
  const at = parseShanghai(value);
  if (at !== null && at <= Date.now() + PLAUSIBLE_AHEAD_MS) return at;
  context.addIssue({ code: "custom", ...(at === null ? {} : { params: { expected: "a date that is not in the future" } }) });
  return z.NEVER;
});

/** One crontab or several, as Temporal's expressions. */
const crons = z.union([text, z.array(z.unknown()).min(1)]).transform((written, context) => {
  const read = (value: unknown, path: number[]): string[] => {
    try {
      return temporalCrons(String(value));
    } catch (error) {
      if (!(error instanceof CronProblem)) throw error;
      context.addIssue({ code: "custom", path, params: { expected: error.message } });
      return [];
    }
  };
  return [...new Set(typeof written === "string" ? read(written, []) : written.flatMap((value, i) => read(value, [i])))];
});

/** "" from an unset variable means that there is none. */
const optionalDate = optionalText.transform((value, context) => {
  const at = value === null ? null : parseShanghai(value);
  if (value === null || at !== null) return at;
  context.addIssue({ code: "custom" });
  return z.NEVER;
});

const anyAccount = {
  platform: z.literal("jushuitan"),
  limits: z.strictObject({ perSecond: count(1).default(5), perMinute: count(1).default(100) }).prefault({}),
  timeout: duration(100).prefault("30s"),
};
const app = {
  ...anyAccount, baseUrl: url.prefault("https://openapi.jushuitan.com"), appKey: text, appSecret: text, accessToken: optionalText, refreshToken: optionalText,
};

const account = z.discriminatedUnion("kind", [
  z.strictObject({ ...app, kind: z.literal("self") }),
  z.strictObject({ ...app, kind: z.literal("isv"), tokenExpiresAt: optionalDate, authUrl: url.prefault("https://openweb.jushuitan.com/auth") }),
  z.strictObject({
    ...anyAccount, kind: z.literal("legacy"), baseUrl: url.prefault("https://open.erp321.com/api/open/query.aspx"),
    partnerId: text, partnerKey: text, token: optionalText, tokenExpiresAt: optionalDate, holdAfterRefresh: duration(0).prefault("45s"),
  }),
  z.strictObject({ ...anyAccount, kind: z.literal("bearer"), baseUrl: url.prefault("https://jushuitan.com"), token: optionalText, tokenId: optionalText }),
]);

/** The settings of each kind of account. */
export const ACCOUNT_KEYS: ReadonlyMap<string, string[]> = new Map(account.options.map(({ shape }) => [shape.kind.value, Object.keys(shape)]));

const names = z.array(text).default([]);
const values = z.record(z.string(), z.json()).default({});

/** A field, or several joined by `+`. */
const fields = z.string().regex(/^[^+\s]+(\+[^+\s]+)*$/);

/** An API that is not in the catalogue, with the catalogue's fields. */
export const apiShape = z
  .strictObject({
    title: text.optional(),
    method: text.nullable().default(null),
    historyMethod: text.nullable().default(null),
    listFields: z.array(text).min(1).default(["datas"]),
    flat: flag.default(false),
    idField: fields,
    modifiedField: fields.nullable().default("modified"),
    versionField: text.nullable().default(null),
    versionParam: text.nullable().default(null),
    versionAlone: flag.default(false),
    pageSize: count(2).default(50),
    maxPages: count(1).nullable().default(null),
    window: duration(120_000).prefault("7d"),
    windowKeys: z.tuple([text, text]).default(["modified_begin", "modified_end"]),
    otherWindowKeys: z.tuple([text, text]).nullable().default(null),
    windowParams: values,
    params: values,
    totals: flag.default(true),
    totalsParam: flag.optional(),
    archiveParam: text.nullable().default(null),
    cursor: z.enum(["version", "window", "snapshot"]).optional(),
    notProvable: text.nullable().default(null),
    parameters: names,
    oddities: names,
    neverReturns: names,
  })
  .refine(({ cursor, versionField, versionParam }) => cursor !== "version" || (versionField !== null && versionParam !== null), {
    path: ["cursor"], params: { expected: '"version" together with versionField and versionParam' },
  })
  .refine(({ versionField, versionParam }) => versionParam === null || versionField !== null, {
    path: ["versionField"], params: { expected: "the field that holds a row's version, since versionParam is set" },
  })
  .refine(({ cursor, modifiedField, notProvable }) => cursor === "snapshot" || modifiedField !== null || notProvable !== null, {
    path: ["modifiedField"], params: { expected: 'the field that holds a row\'s modified time; without one use cursor: "snapshot", or say why nothing is proved: notProvable' },
  })
  .refine(({ otherWindowKeys, modifiedField }) => otherWindowKeys === null || modifiedField?.includes("+") === true, {
    path: ["modifiedField"], params: { expected: "the fields of both windows, joined by +, since otherWindowKeys is set" },
  })
  .refine(({ historyMethod, archiveParam }) => historyMethod === null || archiveParam !== null, {
    path: ["archiveParam"], params: { expected: "the parameter that asks for archived records on the new platform, since historyMethod is set" },
  });
export type ShapedApi = z.output<typeof apiShape>;

const source = z.strictObject({
  account: text,
  qeasy: text.optional(),
  api: text,
  pageSize: count(2).optional(),
  cursor: z.enum(["version", "window", "auto"]).default("auto"),
  from: from.optional(),
  lookback: duration(1_000).prefault("10m"),
  sweepEvery: duration(1_000).prefault("30m"),
  settle: duration(0).prefault("3m"),
  sliceRecords: count(2).optional(),
  keepRows: z.union([z.enum(["none", "forever"]), duration(1_000)]).optional(),
  params: z.record(z.string(), z.json()).default({}),
  number: text.optional(),
});

/** What every target has. */
const sending = {
  batchSize: count(1).default(500),
  maxBytes: count(100).nullable().default(null),
  parallel: count(1).default(4),
  idCheck: flag.default(true),
  timeout: duration(100).prefault("30s"),
  lease: duration(100).optional(),
  zombieAfter: duration(1_000).prefault("10m"),
  maxRefused: count(0).default(3),
};

const qeasy = z.strictObject({
  ...sending,
  use: z.literal("qeasy"),
  qeasy: text.optional(),
  baseUrl: url,
  api: text.default("写入空操作"),
  secret: optionalText,
  headers: z.record(z.string().regex(/^[!#$%&'*+.^_`|~0-9A-Za-z-]+$/), z.string().regex(/^[^\r\n\0]*$/)).default({}),
  body: z.union([z.enum(["array", "single"]), z.record(z.string(), z.json()).refine((body) => JSON.stringify(body).split(/"\$records"(?!:)/).length === 2)]).default("array"),
  heldUrl: url.nullable().default(null),
  success: z.record(z.string(), z.array(z.json()).min(1)).default({ success: [true, "true"], code: [0, "0", 200, "200"] }),
});

/** An unset variable's stand-in (`UNSET`) passes too. */
const databaseUrl = (...protocols: string[]) =>
  text.refine((value) => URL.canParse(value) && (new URL(value).hostname.endsWith(".invalid") || (protocols.includes(new URL(value).protocol) && new URL(value).pathname.length > 1)));

const table = <Use extends "postgres" | "mysql">(use: Use, ...protocols: string[]) =>
  z.strictObject({
    ...sending,
    use: z.literal(use),
    url: databaseUrl(...protocols),
    schema: use === "mysql" ? z.null().default(null) : text.nullable().default(null),
    table: text,
    columns: z.union([z.enum(["auto", "json"]), z.array(text).min(1)]).default("auto"),
    types: z.record(z.string(), z.enum(["text", "integer", "decimal", "boolean", "timestamp", "json"])).default({}),
    items: z.enum(["json", "tables"]).default("json"),
    maxBytes: count(100).default(4_000_000),
  });

const module = z.strictObject({ ...sending, use: z.literal("module"), module: text, options: z.record(z.string(), z.json()).default({}) });

/** `use: "./my-target.ts"` is a module's path. */
const target = z.preprocess(
  (value) => {
    const { use, ...rest } = { ...(value as Record<string, unknown>) };
    return typeof use === "string" && /^\.{0,2}\//.test(use) ? { ...rest, use: "module", module: use } : value;
  },
  z.discriminatedUnion("use", [qeasy, table("postgres", "postgres:", "postgresql:"), table("mysql", "mysql:", "mariadb:"), module]),
);

const timing = { cron: crons.optional(), timezone: text.refine(isTimezone).default("Asia/Shanghai"), every: duration(1_000).optional() };

function oneTiming<Shape extends z.ZodType<{ cron?: string[] | undefined; every?: number | undefined }>>(shape: Shape) {
  return shape
    .refine((schedule) => (schedule.cron === undefined) !== (schedule.every === undefined))
    .refine((schedule) => (schedule.every ?? 0) % 1_000 === 0, { path: ["every"] })
    .nullable()
    .default(null);
}

const pipeline = z.strictObject({
  source,
  schedule: oneTiming(z.strictObject(timing)),
  audit: oneTiming(z.strictObject({ ...timing, last: duration(1_000).optional(), ids: flag.default(false), repair: flag.default(true), target: flag.default(false) })),
  mapping: z
    .strictObject({ id: text.optional(), hashKey: text.optional(), script: text.optional(), scriptTimeout: duration(10).optional(), ...documentShape, ...recordShape })
    .default({}),
  target,
  strategy: text.optional(),
  freshness: duration(1_000).optional(),
});

const named = <Item extends z.ZodType>(item: Item) =>
  z.record(z.string().regex(NAME), item).refine((items) => Object.keys(items).length > 0);

/** The shape of a configuration whose `env()` values are filled in. What values mean to each other is checked apart. */
export const configShape = z.strictObject({
  $schema: z.string().optional(),
  accounts: named(account),
  pipelines: named(pipeline),
  apis: z.record(z.string().regex(/^\/[^\s?#]+$/), apiShape).default({}),
  runtime: z
    .strictObject({ taskQueue: text.default("tidemark"), heartbeat: duration(1_000).prefault("30s"), versioning: flag.default(false) })
    // Temporal's rule for the name of a worker deployment.
    .refine(({ taskQueue, versioning }) => !versioning || /^(?!__)[^.:]+$/.test(taskQueue), { path: ["taskQueue"], params: { expected: "with versioning a name without . and : that does not begin with __" } })
    .prefault({}),
});

/** A configuration of the right shape, durations in ms, instants in epoch ms. */
export type ShapedConfig = z.output<typeof configShape>;
export type ShapedPipeline = ShapedConfig["pipelines"][string];
