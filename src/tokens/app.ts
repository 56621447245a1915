import type { AppAccount } from "../config/types.ts";
import { SourceError } from "../errors.ts";
import { replaceToken, type StoredToken } from "../store/tokens.ts";
import { isInRefreshWindow } from "./expiry.ts";
import { exclusively, reauthorise, seededToken, type TokenPlace } from "./renewal.ts";
import { reportOf, type RefreshReport, type Tokens } from "./tokens.ts";

/** What the platform answers when it issues a token. */
export interface IssuedToken {
  accessToken: string;
  refreshToken: string | null;
  expiresInSeconds: number;
}

/** The new platform's token calls for one account. */
export interface TokenIssuer {
  /** A first token, silently; own apps only. */
  init(signal: AbortSignal): Promise<IssuedToken>;
  refresh(refreshToken: string, signal: AbortSignal): Promise<IssuedToken>;
}

/** Tokens of an app on the new platform: refreshed in the last 12 hours, begun anew after that; a service provider's are only watched. */
export function createAppTokens(place: TokenPlace & { account: AppAccount }, issuer: TokenIssuer): Tokens {
  const { account } = place;

  async function current(signal: AbortSignal) {
    const stored = await seededToken(place);
    if (stored !== null) return { value: stored.accessToken, version: stored.version };
    await renew({ value: "", version: 0 }, signal);
    const issued = await seededToken(place);
    if (issued === null) throw reauthorise(account);
    return { value: issued.accessToken, version: issued.version };
  }

  async function renew(used: { value: string; version: number }, signal: AbortSignal): Promise<void> {
    await exclusively(place, signal, async (stored) => {
      if (stored !== null && stored.version > used.version) return;
      if (account.kind === "isv") throw reauthorise(account);
      await save(stored, await renewed(stored, signal));
    });
  }

  /** A refresh where it can take effect; else, and where it is refused, a new first token. */
  async function renewed(stored: StoredToken | null, signal: AbortSignal): Promise<IssuedToken> {
    if (stored?.refreshToken != null && isInRefreshWindow(account.kind, stored)) {
      const answer = await issuer.refresh(stored.refreshToken, signal).catch((error: unknown) => {
        if (error instanceof SourceError && error.kind === "final") return null;
        throw error;
      });
      if (answer !== null && movesExpiry(stored, answer)) return answer;
    }
    return issuer.init(signal);
  }

  async function refreshIfDue(signal: AbortSignal): Promise<RefreshReport> {
    const before = await seededToken(place);
    const report = (outcome: RefreshReport["outcome"], token = before) => reportOf(account, outcome, token);
    if (before === null && account.kind === "isv") return report("authorise-again");
    if (before === null || before.expiresAt === null) return report("unknown-expiry");
    if (account.kind === "isv") return report(before.expiresAt <= Date.now() ? "authorise-again" : "watched");
    if (before.expiresAt <= Date.now()) {
      await renew({ value: before.accessToken, version: before.version }, signal);
      return report("renewed-after-expiry", await seededToken(place));
    }
    if (!isInRefreshWindow(account.kind, before)) return report("not-due");
    if (before.refreshToken === null) return report("authorise-again");
    await exclusively(place, signal, async (stored) => {
      if (stored?.refreshToken == null || stored.version !== before.version) return;
      const answer = await issuer.refresh(stored.refreshToken, signal);
      if (movesExpiry(stored, answer)) await save(stored, answer);
    });
    const after = await seededToken(place);
    return report((after?.expiresAt ?? 0) > before.expiresAt + 60_000 ? "refreshed" : "no-effect", after);
  }

  async function save(stored: StoredToken | null, issued: IssuedToken): Promise<void> {
    await replaceToken(place.store.db, place.key, account.name, stored?.version ?? 0, {
      accessToken: issued.accessToken, refreshToken: issued.refreshToken ?? stored?.refreshToken ?? null,
      expiresAt: Date.now() + issued.expiresInSeconds * 1000,
    });
  }

  return { current, renew, refreshIfDue };
}

/** A refresh that came too early answers with the time that was left anyway; a minute of it is rounding. */
function movesExpiry(stored: StoredToken, answer: IssuedToken): boolean {
  return stored.expiresAt === null || Date.now() + answer.expiresInSeconds * 1000 > stored.expiresAt + 60_000;
}
