import { scalarText } from "../../json/raw.ts";
import type { BearerAccount, LegacyAccount } from "../../config/types.ts";
import { SourceError } from "../../errors.ts";
import type { AuthOptions } from "./auth.ts";
import { call, type Outcome } from "./call.ts";
import { answerError, classify, shapeError } from "./errors.ts";
import { listOf } from "./rows.ts";

/** The call's name on the old platform, and its last part of the address in the simple form. */
export const REFRESH = "refresh.token";

/**
 * `refresh.token` of the old platform: the same token lives longer, in the last week before expiry only. Success says nothing
 * of the expiry, and nothing is read from `msg`. Not to be repeated blindly after a transient failure.
 * @throws SourceError
 */
export async function refreshLegacy(account: LegacyAccount, token: string, { deps, signal, http = {} }: AuthOptions): Promise<void> {
  await call({ account, deps, tokens: null, http }, { path: REFRESH, method: REFRESH, biz: "{}", token }, signal);
}

/** One entry of an answer of the simple form. */
export interface BearerEntry {
  id: string;
  token: string;
  /** The whole entry as received, further keys included; secret. */
  raw: string;
}

/** What `refresh.token` of the simple form answered. */
export interface BearerAnswer {
  entries: BearerEntry[];
  /** `msg` was a text and no new token was given. */
  unchanged: boolean;
  /** Entries that lack id or token. */
  incomplete: number;
  /** The answer as JSON.parse reads it; secret. */
  body: Record<string, unknown>;
  requests: number;
}

/**
 * `refresh.token` of the simple form: a bearer token for new ones, which are to be stored whatever else is wrong with the
 * answer: the one before may be dead.
 * @throws SourceError also for a list without a single usable entry, which must not overwrite a token
 */
export async function refreshBearer(account: BearerAccount, token: string, { deps, signal, http = {} }: AuthOptions): Promise<BearerAnswer> {
  const outcome = await call({ account, deps, tokens: null, http }, { path: REFRESH, biz: "{}", token }, signal);
  const { body } = outcome.envelope;
  if (typeof body["msg"] === "string") return textAnswer(outcome);
  if (!Array.isArray(body["msg"])) throw unusable("`msg` is neither a list nor a text");
  const { elements } = listOf(outcome, ["msg"], ["id", "token"]);
  const entries = elements.flatMap(({ start, end, members }): BearerEntry[] => {
    const [id, issued] = members.map((span) => (span === undefined ? null : scalarText(outcome.text.slice(span.start, span.end))));
    return id == null || issued == null ? [] : [{ id, token: issued, raw: outcome.text.slice(start, end) }];
  });
  if (entries.length === 0) throw unusable("`msg` holds no entry with id and token");
  return { entries, unchanged: false, incomplete: elements.length - entries.length, body, requests: outcome.requests };

  /** Not to be repeated by itself: each exchange may end a token. */
  function unusable(what: string): SourceError {
    const { code, message, details } = shapeError(what, outcome.context);
    return new SourceError("final", code, message, { path: `accounts.${account.name}`, fix: "The stored token stays. The next run tries again; if it goes on, ask where the token was issued.", details });
  }
}

/** A text beside a code is the platform's word for success; without one it must not read like a refusal. */
function textAnswer({ envelope: { body, msg }, context, requests }: Outcome): BearerAnswer {
  const meaning = Object.hasOwn(body, "code") ? "business" : classify({ code: -1, msg });
  if (meaning !== "business" && meaning !== "ok") throw answerError(meaning, { code: 0, msg }, context);
  return { entries: [], unchanged: true, incomplete: 0, body, requests };
}

/** That an answer was stored, and yet something about it is wrong. */
export function answerProblem(account: BearerAccount, what: string): SourceError {
  return new SourceError("final", "TM_TOKEN_ANSWER", `account ${account.name}: the tokens that refresh.token gave are stored, but ${what}`, {
    path: `accounts.${account.name}`, fix: "Look at what is stored with `tidemark token show`; tokenId chooses the one that the account uses, `tidemark token set` sets another.",
  });
}
