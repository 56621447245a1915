import { z } from "zod";
import { latency, share, slow } from "../faults.ts";
import { mergeSwitches } from "../switches.ts";

const count = z.int().min(0);
const limit = z.int().min(1).nullable();

/** Faults by their share of the data requests, 0 to 1; at most one of them befalls a request, `slow` apart. */
const faults = z.strictObject({
  /** The connection is destroyed before anything is done. */
  drop: share.optional(),
  /** The request is answered in full inside (changes included), then the connection is destroyed without a byte. */
  dropAfter: share.optional(),
  /** HTTP 502 with an HTML page. */
  html502: share.optional(),
  /** HTTP 500 with plain text. */
  http500: share.optional(),
  /** HTTP 200 with an HTML page. */
  html200: share.optional(),
  /** HTTP 200 without a body. */
  emptyBody: share.optional(),
  /** Half of the JSON: under a length that fits the half, or by a connection that breaks, in turn. */
  cutJson: share.optional(),
  /** "More than 5 a second", though it was not so. */
  code199: share.optional(),
  /** "More than 100 a minute", though it was not so. */
  code200: share.optional(),
  /** "The token has expired", though it has not. */
  code100: share.optional(),
  /** A lie under code 0: the last rows of a page are missing, the totals as they were. */
  shortPage: share.optional(),
  /** A page of a version query whose rows are not ascending. */
  versionDisorder: share.optional(),
  /** `data_count` and `page_count` are wrong. */
  totalsLie: share.optional(),
  /** Late answers, besides any other fault. */
  slow: slow.nullable().optional(),
});

/** A kind of fault that excludes the others. */
export type FaultKind = Exclude<keyof z.infer<typeof faults>, "slow">;

/** Everything that can be changed while the simulator runs. */
const switches = z.strictObject({
  appKey: z.string().min(1),
  appSecret: z.string().min(1),
  /** Kind of the app: a merchant's own (`self`) gets tokens by itself, a service provider's (`isv`) does not. */
  appKind: z.enum(["self", "isv"]),
  /** Requests a second and a minute over all interfaces, measured on arrival in sliding windows; null = not limited. */
  perSecond: limit,
  perMinute: limit,
  /** Writes to existing rows, made before each data request is answered, in the table that is asked. */
  changesPerRequest: count,
  /** New rows, likewise. */
  insertsPerRequest: count,
  /** Changes by time, for all tables: every so many milliseconds; null = none. */
  changeIntervalMs: z.int().min(1).nullable(),
  changesPerInterval: count,
  insertsPerInterval: count,
  /** Writes that get version and time at once but are seen only after a delay (milliseconds); null = none. */
  lateCommits: z.strictObject({ share, minMs: count, maxMs: count }).nullable(),
  /** Milliseconds from arrival to answer. */
  latencyMs: latency,
  /** This machine's clock plus this is the simulator's: `Date` header, modified times, timestamp check, token expiry. */
  clockOffsetMs: z.int(),
  /** Largest difference between a request's timestamp and the simulator's clock (seconds). */
  timestampSkewSeconds: count,
  /** Life of tokens issued from now on (seconds). */
  tokenLifeSeconds: z.int().min(1),
  /** A refresh takes effect only within this time before expiry (seconds). */
  refreshWindowSeconds: count,
  /** Whether an effective refresh hands out a new token (else the same with a later expiry). */
  rotateOnRefresh: z.boolean(),
  /** Whether the old token dies at once when a new one is issued (else it lives to its own end). */
  oldTokenDies: z.boolean(),
  /** The `code` that `/openWeb/auth/accessToken` takes. */
  authorisationCode: z.string().min(1),
  /** Interfaces without permission (paths; on the old platform the same interfaces by their names): code 190. */
  deniedApis: z.array(z.string()),
  /** The old platform's partner. */
  partnerId: z.string().min(1),
  partnerKey: z.string().min(1),
  /** Whether the old platform takes calls from here; else it answers 110. */
  addressAllowed: z.boolean(),
  /** The same for the old platform: it takes this difference to a request's `ts` (seconds). */
  legacySkewSeconds: count,
  /** Life that an effective refresh gives the old platform's token from then on (seconds). */
  legacyLifeSeconds: z.int().min(1),
  /** The old platform refreshes only within this time before expiry (seconds). */
  legacyWindowSeconds: count,
  /** For so long after a refresh the old platform answers business calls with 100 (milliseconds). */
  legacyCacheMs: count,
  /** What a refresh that comes too early answers: success without effect, or a refusal. */
  legacyTooEarly: z.enum(["success", "refused"]),
  /** How the old platform writes `issuccess`. */
  successType: z.enum(["boolean", "text"]),
  /** `msg` of a refresh on the old platform. */
  legacyMsg: z.enum(["text", "null", "array"]),
  /** The simple form: the ids of an answer's entries; none is an empty list. */
  bearerIds: z.array(z.string()),
  /** The simple form: entries under `msg`, or a text without a new token. */
  bearerMsg: z.enum(["list", "text"]),
  /** The simple form: whether the token before dies with a refresh. */
  bearerOldDies: z.boolean(),
  /** Further keys of an answer of the simple form, such as a count. */
  bearerExtra: z.record(z.string(), z.json()),
  /** Largest span of a window (seconds). */
  windowSeconds: z.int().min(1),
  /** Order of rows in a window; ties by version (`id`: none). */
  windowOrder: z.enum(["modified-asc", "modified-desc", "id"]),
  /** Whether rows modified at the end of a window belong to it. */
  windowEnd: z.enum(["inclusive", "exclusive"]),
  /** Whether `archive: true` returns archived rows only, or those beside the others. */
  archiveMode: z.enum(["only", "both"]),
  hasNext: z.enum(["truthful", "always-true", "always-false"]),
  /** How `has_next` is written. */
  hasNextType: z.enum(["boolean", "number", "text"]),
  /** An empty list is written as null. */
  nullEmptyList: z.boolean(),
  /** Numbers as text, `""` for null numbers, null lists, ids as text now and then. */
  oddities: z.boolean(),
  faults,
  /** Whether faults befall the token interfaces too. */
  faultsOnAuth: z.boolean(),
});

/** What is settled once at the start. */
const start = z.strictObject({
  /** 0 takes a free one. */
  port: z.int().min(0).max(65_535),
  /** Address to listen on; anything but the loopback address opens the simulator to the network. */
  host: z.string().min(1),
  /** Everything that is random follows from it. */
  seed: z.int(),
  /** Orders at the start; about two of three have an outbound document. */
  orders: count,
  /** Rows of every other interface at the start, the shops apart; made when one is asked first. */
  rows: count,
  /** The seeded rows were modified over the last so many days before the start. */
  days: z.number().positive(),
  /** Share of the older half of the seeded orders that is archived. */
  archived: share,
  /** The store's first row version, decimal digits: one counter for all tables. */
  versionStart: z.union([z.string().regex(/^[1-9]\d{0,18}$/), z.int().min(1).transform(String)]),
  /** The merchant's first token and refresh token. */
  accessToken: z.string().min(1),
  refreshToken: z.string().min(1),
  /** The old platform's token, and when it expires (seconds from the start). */
  legacyToken: z.string().min(1),
  legacyExpiresInSeconds: z.int(),
  /** The simple form's first token. */
  bearerToken: z.string().min(1),
});

const defaults = {
  port: 0,
  host: "127.0.0.1",
  seed: 1,
  orders: 1000,
  rows: 200,
  days: 6,
  archived: 0,
  versionStart: "20260101000000001",
  accessToken: "00112233445566778899aabbccddeeff",
  refreshToken: "ffeeddccbbaa99887766554433221100",
  appKey: "a1b2c3d4e5f60718293a4b5c6d7e8f90",
  appSecret: "0f1e2d3c4b5a69788796a5b4c3d2e1f0",
  appKind: "self",
  perSecond: 5,
  perMinute: 100,
  changesPerRequest: 0,
  insertsPerRequest: 0,
  changeIntervalMs: null,
  changesPerInterval: 1,
  insertsPerInterval: 0,
  lateCommits: null,
  latencyMs: 0,
  clockOffsetMs: 0,
  timestampSkewSeconds: 900,
  tokenLifeSeconds: 2_592_000,
  refreshWindowSeconds: 43_200,
  rotateOnRefresh: true,
  oldTokenDies: true,
  authorisationCode: "isvcode",
  partnerId: "demo-partner-0001",
  partnerKey: "demo-partner-key-0001",
  addressAllowed: true,
  legacySkewSeconds: 600,
  legacyLifeSeconds: 365 * 86_400,
  legacyWindowSeconds: 7 * 86_400,
  legacyCacheMs: 0,
  legacyTooEarly: "success",
  successType: "boolean",
  legacyMsg: "text",
  bearerIds: ["12345"],
  bearerMsg: "list",
  bearerOldDies: true,
  bearerExtra: {},
  legacyToken: "0123456789abcdef0123456789abcdef",
  legacyExpiresInSeconds: 365 * 86_400,
  bearerToken: "demo-bearer-token-0001",
  deniedApis: [],
  windowSeconds: 7 * 86_400,
  windowOrder: "modified-asc",
  windowEnd: "inclusive",
  archiveMode: "only",
  hasNext: "truthful",
  hasNextType: "boolean",
  nullEmptyList: false,
  oddities: true,
  faults: {},
  faultsOnAuth: false,
} as const;

const all = start.extend(switches.shape);

/** Options of `startJushuitan`; each has a default (see `defaults` in this file). */
export type JushuitanOptions = Partial<z.input<typeof all>>;
/** Options with all defaults filled in. */
export type JushuitanSettings = z.output<typeof all>;

/** @throws ZodError naming what is wrong */
export function parseOptions(options: JushuitanOptions): JushuitanSettings {
  return all.parse({ ...defaults, ...options });
}

/**
 * Settings with some switches changed; `faults` are changed one by one, null or `{}` for `faults` ends them all.
 * @throws ZodError naming what is wrong, and for what can be set at the start only
 */
export function reconfigure(settings: JushuitanSettings, changes: unknown): JushuitanSettings {
  return mergeSwitches(switches.partial(), settings, changes);
}
