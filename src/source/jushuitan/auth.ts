import { randomInt } from "node:crypto";
import { z } from "zod";
import type { AppAccount } from "../../config/types.ts";
import { SourceError } from "../../errors.ts";
import { call, type BudgetDeps, type Call } from "./call.ts";
import type { HttpOptions } from "./client.ts";
import { shapeError } from "./errors.ts";
import { signedForm } from "./form.ts";

const CODE_LETTERS = "abcdefghijklmnopqrstuvwxyz0123456789";
const CODE_LENGTH = 6;

/** A token as the platform hands it out. */
export interface TokenGrant {
  accessToken: string;
  refreshToken: string | null;
  /** Seconds from the moment of the answer; lifetimes differ by app, so none is assumed. */
  expiresInSeconds: number;
}

/** What the calls below need beside the account. They wait for the request budget like any other call. */
export interface AuthOptions {
  deps: BudgetDeps;
  signal: AbortSignal;
  http?: HttpOptions;
}

const grantSchema = z.object({
  access_token: z.string().trim().min(1),
  refresh_token: z
    .unknown()
    .optional()
    .transform((token) => (typeof token === "string" && token.trim() !== "" ? token.trim() : null)),
  expires_in: z.union([z.int(), z.string().trim().regex(/^\d{1,10}$/).transform(Number)]).pipe(z.int().min(0)),
});

/**
 * A first or new token without anybody's consent: a merchant's own app only, at any time, even after expiry. Whether the
 * token before it lives on is unknown, so keep no copies. Not to be repeated blindly after a transient failure: read the
 * stored token first.
 * @throws SourceError `TM_REAUTHORISE` for an `isv` account, without asking the platform; others as in errors.ts
 */
export async function getInitToken(account: AppAccount, options: AuthOptions): Promise<TokenGrant> {
  refuseIsv(account, "can get no token by itself");
  const code = Array.from({ length: CODE_LENGTH }, () => CODE_LETTERS[randomInt(CODE_LETTERS.length)]).join("");
  return grant(account, { path: "/openWeb/auth/getInitToken", fields: { grant_type: "authorization_code", code } }, options);
}

/**
 * Extends a token. The platform does so only in the last 12 hours before expiry; an earlier call may answer well and
 * change nothing, so compare the expiry before and after. Store the answer whole: the token may have changed.
 * @throws SourceError `TM_REAUTHORISE` for an `isv` account, for which the platform forbids it; others as in errors.ts
 */
export async function refreshToken(account: AppAccount, token: string, options: AuthOptions): Promise<TokenGrant> {
  refuseIsv(account, "must not refresh its token");
  const fields = { grant_type: "refresh_token", refresh_token: token, scope: "all" };
  return grant(account, { path: "/openWeb/auth/refreshToken", fields, secrets: [token] }, options);
}

/**
 * The page on which a merchant authorises a service provider's app; it holds for 15 minutes.
 * @param state comes back with the code. @param offsetMs the source's clock less this process's
 */
export function authorisationUrl({ authUrl, appKey, appSecret }: AppAccount, state: string, offsetMs: number): string {
  const timestamp = String(Math.floor((Date.now() + offsetMs) / 1000));
  return `${authUrl}?${signedForm({ app_key: appKey, timestamp, charset: "utf-8", state }, appSecret)}`;
}

/**
 * The token for the code that the platform's authorisation page hands back (valid 15 minutes, once).
 * @throws SourceError as in errors.ts
 */
export async function exchangeCode(account: AppAccount, code: string, options: AuthOptions): Promise<TokenGrant> {
  const fields = { grant_type: "authorization_code", code };
  return grant(account, { path: "/openWeb/auth/accessToken", fields, secrets: [code] }, options);
}

function refuseIsv(account: AppAccount, what: string): void {
  if (account.kind !== "isv") return;
  throw new SourceError("final", "TM_REAUTHORISE", `The account ${account.name} is a service provider's app and ${what}`, {
    path: `accounts.${account.name}.accessToken`,
    fix: `Have the merchant authorise the app again: run \`tidemark token authorize ${account.name}\`.`,
  });
}

async function grant(account: AppAccount, request: Call, { deps, signal, http = {} }: AuthOptions): Promise<TokenGrant> {
  const { envelope, context } = await call({ account, deps, tokens: null, http }, request, signal);
  const parsed = grantSchema.safeParse(envelope.data ?? envelope.body);
  if (!parsed.success) {
    const fields = parsed.error.issues.map((issue) => issue.path.join(".") || "data").join(", ");
    throw shapeError(`the token is incomplete: ${fields}`, context);
  }
  const { access_token: accessToken, refresh_token, expires_in: expiresInSeconds } = parsed.data;
  return { accessToken, refreshToken: refresh_token, expiresInSeconds };
}
