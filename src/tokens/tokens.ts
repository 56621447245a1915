import type { AccountConfig } from "../config/types.ts";
import type { AccessToken } from "../source/contract.ts";
import type { ExpiryKnown, StoredToken } from "../store/tokens.ts";
import { expiryNotice } from "./expiry.ts";

/** Tokens of one account, shared by all workers through the store. */
export interface Tokens {
  /** The newest token, read anew each time; an own app without one gets its first. @throws SourceError `TM_REAUTHORISE` */
  current(signal: AbortSignal): Promise<AccessToken>;
  /** Makes sure that a token is stored which is newer than `used`, or good again. One renewer at a time; the others wait for it. @throws SourceError */
  renew(used: AccessToken, signal: AbortSignal): Promise<void>;
  /** Refreshes if now is within the time in which it takes effect. */
  refreshIfDue(signal: AbortSignal): Promise<RefreshReport>;
}

export interface RefreshReport {
  /** `refreshed` only if the expiry really moved, or a new token was given; `watched`: never refreshed, and still good. */
  outcome: "refreshed" | "no-effect" | "not-due" | "renewed-after-expiry" | "unknown-expiry" | "authorise-again" | "watched";
  /** ISO 8601 UTC, or null when unknown. */
  expiresAt: string | null;
  expiryKnown: ExpiryKnown | null;
  /** What a person has to know, with the day; null: nothing. */
  notice: string | null;
}

export function reportOf(account: AccountConfig, outcome: RefreshReport["outcome"], token: StoredToken | null): RefreshReport {
  const expiresAt = token?.expiresAt == null ? null : new Date(token.expiresAt).toISOString();
  return { outcome, expiresAt, expiryKnown: token?.expiryKnown ?? null, notice: expiryNotice(account, token) };
}
