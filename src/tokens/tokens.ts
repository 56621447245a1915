import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { AccountConfig } from "../config/types.ts";
import { SourceError } from "../errors.ts";
import type { AccessToken } from "../source/contract.ts";
import type { Store } from "../store/db.ts";
import { lockRenewal, prolongRenewal, readToken, replaceToken, seedToken, type StoredToken, unlockRenewal } from "../store/tokens.ts";

/** What the platform answers when it issues a token. */
export interface IssuedToken {
  accessToken: string;
  refreshToken: string | null;
  expiresInSeconds: number;
}

/** The platform's token calls for one account. */
export interface TokenIssuer {
  /** A first token, silently; own apps only. */
  init(signal: AbortSignal): Promise<IssuedToken>;
  refresh(refreshToken: string, signal: AbortSignal): Promise<IssuedToken>;
}

/** Tokens of one account, shared by all workers through the store. */
export interface Tokens {
  /** The newest token, read anew each time; an own app without one gets its first. @throws SourceError `TM_REAUTHORISE` */
  current(signal: AbortSignal): Promise<AccessToken>;
  /** Makes sure that a token newer than `used` is stored. One renewer at a time; the others wait for it. @throws SourceError */
  renew(used: AccessToken, signal: AbortSignal): Promise<void>;
  /** Refreshes if now is within the hours in which it takes effect. */
  refreshIfDue(signal: AbortSignal): Promise<RefreshReport>;
}

export interface RefreshReport {
  /** `refreshed` only if the expiry really moved. */
  outcome: "refreshed" | "no-effect" | "not-due" | "renewed-after-expiry" | "unknown-expiry" | "authorise-again";
  /** ISO 8601 UTC, or null when unknown. */
  expiresAt: string | null;
}

/** A refresh takes effect only this long before expiry (official text; new platform). */
export const REFRESH_WINDOW_MS = 12 * 3_600_000;
const LOCK_MS = 60_000;

export function createTokens(store: Store, key: Buffer, account: AccountConfig, issuer: TokenIssuer): Tokens {
  const read = () => readToken(store.db, key, account.name);

  async function current(signal: AbortSignal): Promise<AccessToken> {
    if (account.accessToken !== null) await seedToken(store, key, account.name, account.accessToken, account.refreshToken);
    const stored = await read();
    if (stored !== null) return { value: stored.accessToken, version: stored.version };
    await renew({ value: "", version: 0 }, signal);
    const issued = await read();
    if (issued === null) throw reauthorise(account);
    return { value: issued.accessToken, version: issued.version };
  }

  async function renew(used: AccessToken, signal: AbortSignal): Promise<void> {
    if (account.kind === "isv") throw reauthorise(account);
    await exclusively(signal, async (stored) => {
      if (stored !== null && stored.version > used.version) return;
      await save(stored, await renewed(stored, signal));
    });
  }

  /** A refresh where it can take effect; else, and where it is refused, a new first token. */
  async function renewed(stored: StoredToken | null, signal: AbortSignal): Promise<IssuedToken> {
    if (stored?.refreshToken != null && isInRefreshWindow(stored)) {
      const answer = await issuer.refresh(stored.refreshToken, signal).catch((error: unknown) => {
        if (error instanceof SourceError && error.kind === "final") return null;
        throw error;
      });
      if (answer !== null && movesExpiry(stored, answer)) return answer;
    }
    return issuer.init(signal);
  }

  async function refreshIfDue(signal: AbortSignal): Promise<RefreshReport> {
    const before = await read();
    if (before === null || before.expiresAt === null) return report("unknown-expiry", before);
    if (before.expiresAt <= Date.now()) {
      if (account.kind === "isv") return report("authorise-again", before);
      await renew({ value: before.accessToken, version: before.version }, signal);
      return report("renewed-after-expiry", await read());
    }
    if (!isInRefreshWindow(before)) return report("not-due", before);
    if (account.kind === "isv" || before.refreshToken === null) return report("authorise-again", before);
    await exclusively(signal, async (stored) => {
      if (stored?.refreshToken == null || stored.version !== before.version) return;
      const answer = await issuer.refresh(stored.refreshToken, signal);
      if (movesExpiry(stored, answer)) await save(stored, answer);
    });
    const after = await read();
    return report((after?.expiresAt ?? 0) > before.expiresAt + 60_000 ? "refreshed" : "no-effect", after);
  }

  /** Runs `work` with the account's renewal lock and the token as stored then; waits for another renewer to finish. */
  async function exclusively(signal: AbortSignal, work: (stored: StoredToken | null) => Promise<void>): Promise<void> {
    const owner = randomUUID();
    while (!(await lockRenewal(store, account.name, owner, LOCK_MS))) await sleep(100, undefined, { signal });
    const keep = setInterval(() => void prolongRenewal(store, account.name, owner, LOCK_MS).catch(() => undefined), LOCK_MS / 3);
    try {
      await work(await read());
    } finally {
      clearInterval(keep);
      await unlockRenewal(store, account.name, owner);
    }
  }

  async function save(stored: StoredToken | null, issued: IssuedToken): Promise<void> {
    await replaceToken(store, key, account.name, stored?.version ?? 0, {
      accessToken: issued.accessToken, refreshToken: issued.refreshToken ?? stored?.refreshToken ?? null,
      expiresAt: Date.now() + issued.expiresInSeconds * 1000,
    });
  }

  return { current, renew, refreshIfDue };
}

function isInRefreshWindow(token: StoredToken): boolean {
  return token.expiresAt !== null && token.expiresAt > Date.now() && token.expiresAt - Date.now() <= REFRESH_WINDOW_MS;
}

/** A refresh that came too early answers with the time that was left anyway; a minute of it is rounding. */
function movesExpiry(stored: StoredToken, answer: IssuedToken): boolean {
  return stored.expiresAt === null || Date.now() + answer.expiresInSeconds * 1000 > stored.expiresAt + 60_000;
}

function report(outcome: RefreshReport["outcome"], token: StoredToken | null): RefreshReport {
  return { outcome, expiresAt: token?.expiresAt == null ? null : new Date(token.expiresAt).toISOString() };
}

function reauthorise(account: AccountConfig): SourceError {
  return new SourceError("final", "TM_REAUTHORISE", `account ${account.name}: its access token is missing, expired or revoked, and a service provider's app cannot renew it`, {
    path: `accounts.${account.name}.accessToken`,
    fix: "Let the merchant authorise the app again on Jushuitan's authorisation page, and set the new access token in the config or its environment variable.",
  });
}
