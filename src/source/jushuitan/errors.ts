import type { AccountConfig } from "../../config/types.ts";
import { SourceError, type SourceFailureKind } from "../../errors.ts";
import { excerpt, withoutValues } from "./redact.ts";

/** What an answer means for whoever asked. */
export type AnswerClass =
  | "ok"
  | "token" // not valid or expired: renew it and ask again
  | "reauthorise" // the merchant has to authorise the app again
  | "sign"
  | "clock"
  | "ip"
  | "permission"
  | "rate"
  | "transient"
  | "business"; // everything else, unknown codes included

/** The head of an answer, as far as classification needs it. */
export interface Verdict {
  code: number;
  msg: string;
  /** How far the timestamp sent was from the source's clock (ms, absolute), when the answer tells. */
  skewMs?: number | null;
  /** The old platform's `issuccess`. */
  success?: boolean | null;
  /** Whether the old platform answered: its table has other codes for the sign, the clock and internal errors. */
  legacy?: boolean;
}

/** The older official table puts the limit at 10 minutes, the newer one at 15. */
const CLOCK_LIMIT_MS = 600_000;

/** Full-width signs and letters to half-width, white space out: the same message comes in several spellings. */
function plain(msg: string): string {
  return msg.normalize("NFKC").replace(/\s+/g, "").toLowerCase();
}

/**
 * The meaning of code and message together, first match wins, because the platform's two official tables use the
 * same codes (140, 150, 180, 190, 200) for different things.
 */
export function classify({ code, msg, skewMs, success = null, legacy = false }: Verdict): AnswerClass {
  if (code === 0) return success === false ? "business" : "ok";
  const text = plain(msg);
  if (code === 100 || (text.includes("access_token") && /过期|超时|无效/.test(text))) return "token";
  if (code === 150 && /禁止刷新|重新授权/.test(text)) return "reauthorise";
  if (code === (legacy ? 120 : 10) || text.includes("签名")) return "sign";
  if (text.includes("timestamp") || (text.includes("时间戳") && text.includes("无效"))) return "clock";
  if (code === 180 && (legacy || (skewMs ?? 0) >= CLOCK_LIMIT_MS)) return "clock";
  if (code === 110 || text.includes("白名单")) return "ip";
  if (code === 190 || code === 21024 || text.includes("权限")) return "permission";
  // The old platform's wording is not known.
  if (code === 199 || (code === 200 && (text === "" || text.includes("频") || (legacy && !text.includes("参数"))))) return "rate";
  if (/频繁|频次|频率|限流/.test(text)) return "rate";
  if (code === 150 && (legacy || text.includes("内部处理异常"))) return "transient";
  return "business";
}

type Fault = Exclude<AnswerClass, "ok">;

interface Consequence {
  kind: SourceFailureKind;
  code: string;
  what: string;
  /** The setting that is wrong, below the account. */
  setting?: string;
  fix: string;
}

/** What differs for accounts that are no apps of the new platform. */
const OTHER_KINDS: Partial<Record<AccountConfig["kind"], Partial<Record<Fault, Partial<Consequence>>>>> = {
  legacy: {
    token: {
      what: "refused the partner's data or the token",
      setting: "token",
      fix: "Check that partnerId and token belong together. A token that has expired cannot be refreshed any more: have the merchant authorise again, then run `tidemark token set <account>`.",
    },
    sign: { setting: "partnerKey", fix: "Check partnerId and partnerKey: copy both again, without spaces, and make sure that they belong to this baseUrl (production or sandbox)." },
    clock: { fix: "Set this machine's clock (NTP); the old platform accepts a difference of 10 minutes." },
    permission: { fix: "Apply for the interface; each interface needs a permission of its own." },
  },
  bearer: {
    token: { what: "refused the bearer token", setting: "token", fix: "Get a valid token and hand it over with `tidemark token set <account>`; no other program may refresh it." },
  },
};

const CONSEQUENCES: Record<Fault, Consequence> = {
  token: {
    kind: "final",
    code: "TM_SOURCE_TOKEN",
    what: "refused the access token, a renewed one as well",
    setting: "accessToken",
    fix: "Check that appKey and accessToken belong to the same app and merchant, and that no other program renews this token; then run `tidemark check`.",
  },
  reauthorise: {
    kind: "final",
    code: "TM_REAUTHORISE",
    what: "asks for a new authorisation by the merchant",
    fix: "Have the merchant authorise the app again on the open platform and put the new token into the configuration.",
  },
  sign: {
    kind: "final",
    code: "TM_SOURCE_SIGN",
    what: "refused the signature",
    setting: "appSecret",
    fix: "Check appKey and appSecret: copy both again from the open platform's console, without spaces, and make sure that they belong to this baseUrl (production or sandbox).",
  },
  clock: {
    kind: "final",
    code: "TM_SOURCE_CLOCK",
    what: "refused the time of the request, a corrected one as well",
    fix: "Set this machine's clock (NTP); the source accepts a difference of 10 to 15 minutes.",
  },
  ip: {
    kind: "final",
    code: "TM_SOURCE_IP",
    what: "does not accept this machine's public IP address",
    fix: "Add the address that the message names to the app's IP allow list in the open platform's console.",
  },
  permission: {
    kind: "final",
    code: "TM_SOURCE_PERMISSION",
    what: "grants no permission for this interface",
    fix: "Apply for the interface in the open platform's console; each interface needs a permission of its own. Code 21024: the interface is for a merchant's own apps only.",
  },
  rate: {
    kind: "transient",
    code: "TM_SOURCE_RATE",
    what: "refused for too many requests",
    fix: "Lower limits.perSecond or limits.perMinute of the account, or stop other programs that use the same app.",
  },
  transient: {
    kind: "transient",
    code: "TM_SOURCE_TRANSIENT",
    what: "failed inside",
    fix: "Nothing, as a rule: the request is repeated later. If it goes on, ask the platform's support, naming the request id.",
  },
  business: {
    kind: "final",
    code: "TM_SOURCE_BUSINESS",
    what: "refused the request",
    fix: "Read the source's message; most often a value under source.params is not what the interface takes.",
  },
};

/** Where a failure happened; all of it may be printed. */
export interface FailureContext {
  /** Name of the account in the configuration. */
  account: string;
  kind: AccountConfig["kind"];
  /** The API's path, or its name on the old platform. */
  api: string;
  /** HTTP requests made so far for this answer. */
  requests: number;
  requestId: string | null;
  /** Values that must not appear anywhere. */
  secrets: readonly string[];
}

/** The error of an answer that is not ok. */
export function answerError(meaning: Fault, verdict: Verdict, context: FailureContext): SourceError {
  const { kind, code, what, setting, fix } = { ...CONSEQUENCES[meaning], ...OTHER_KINDS[context.kind]?.[meaning] };
  const said = excerpt(verdict.msg, context.secrets);
  return new SourceError(kind, code, `Jushuitan ${what} (${context.api}, code ${verdict.code}${said === "" ? "" : `: ${said}`})`, {
    path: `accounts.${context.account}${setting === undefined ? "" : `.${setting}`}`,
    fix: fix.replaceAll("<account>", context.account),
    details: details(context, { sourceCode: verdict.code }),
  });
}

/** A request that brought no usable answer: worth another attempt. `received` is already free of secrets. */
export function transientError(what: string, context: FailureContext, more: Record<string, unknown> = {}): SourceError {
  return new SourceError("transient", "TM_SOURCE_TRANSIENT", `Jushuitan ${what} (${context.api})`, {
    path: `accounts.${context.account}.baseUrl`,
    fix: "A run repeats the request by itself. If it goes on, check baseUrl and the network; then ask the platform's support, naming the request id.",
    details: details(context, more),
  });
}

/** A success, but not the shape that the API's description promises. */
export function shapeError(what: string, context: FailureContext): SourceError {
  return new SourceError("transient", "TM_SOURCE_ANSWER", `Jushuitan answered with success, but ${what} (${context.api})`, {
    fix: "The request is repeated later. If it goes on, the interface has changed: report it with the request id.",
    details: details(context, {}),
  });
}

function details(context: FailureContext, more: Record<string, unknown>): Record<string, unknown> {
  const requestId = context.requestId === null ? null : withoutValues(context.requestId, context.secrets).slice(0, 80);
  return { api: context.api, requests: context.requests, requestId, ...more };
}
