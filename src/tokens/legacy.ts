import { setTimeout as sleep } from "node:timers/promises";
import { SourceError } from "../errors.ts";
import type { LegacyAccount } from "../config/types.ts";
import { noteTry, replaceToken, type StoredToken } from "../store/tokens.ts";
import { isInRefreshWindow } from "./expiry.ts";
import { exclusively, reauthorise, seededToken, type TokenPlace } from "./renewal.ts";
import { type RefreshReport, reportOf, type Tokens } from "./tokens.ts";

/** What a refresh that takes effect adds (integrators' notes: about a year). */
const LIFE_MS = 365 * 86_400_000;
/** While nobody knows the expiry, a refresh is tried so often at most (ms): before the last week it does nothing. */
const TRY_EVERY_MS = 20 * 3_600_000;

/** What the old platform's tokens need of the outside. */
export interface LegacyIssuer {
  /** `refresh.token`: the same value lives longer. */
  refresh(token: string, signal: AbortSignal): Promise<void>;
  /** Nobody asks the platform for `ms`. */
  hold(ms: number): Promise<void>;
}

/**
 * Tokens of the old platform: `refresh.token` keeps the value and prolongs it, only in the last week before expiry, and business
 * calls wait a while after it. Its answer tells no expiry: that is given by a person, or counted from the last refresh.
 */
export function createLegacyTokens(place: TokenPlace & { account: LegacyAccount }, issuer: LegacyIssuer): Tokens {
  const { account, store, key } = place;

  async function current() {
    const stored = await seededToken(place);
    if (stored === null) throw reauthorise(account);
    return { value: stored.accessToken, version: stored.version };
  }

  async function renew(used: { version: number }, signal: AbortSignal): Promise<void> {
    const held = await exclusively(place, signal, async (stored) => {
      if (stored === null) throw reauthorise(account);
      const left = heldMs(stored);
      if (left > 0 || stored.version > used.version) return left;
      if (!isInRefreshWindow("legacy", stored)) throw reauthorise(account);
      await extend(stored, signal);
      return 0;
    });
    // Refused in the time after a refresh: the same token is good again once that is over.
    await sleep(held, undefined, { signal });
  }

  function heldMs({ refreshTriedAt }: StoredToken): number {
    return refreshTriedAt === null ? 0 : Math.min(account.holdAfterRefreshMs, Math.max(0, refreshTriedAt + account.holdAfterRefreshMs - Date.now()));
  }

  /** Asks for a refresh; what it left behind is waited for also where its answer was lost. */
  async function ask(stored: StoredToken, signal: AbortSignal): Promise<void> {
    try {
      await issuer.refresh(stored.accessToken, signal);
    } finally {
      await issuer.hold(account.holdAfterRefreshMs);
    }
  }

  async function extend(stored: StoredToken, signal: AbortSignal): Promise<void> {
    await noteTry(store, account.name, 0);
    await ask(stored, signal);
    await replaceToken(store.db, key, account.name, stored.version, {
      accessToken: stored.accessToken, refreshToken: null, expiresAt: Date.now() + LIFE_MS, expiryKnown: "counted",
    });
  }

  async function refreshIfDue(signal: AbortSignal): Promise<RefreshReport> {
    const before = await seededToken(place);
    const report = (outcome: RefreshReport["outcome"], token = before) => reportOf(account, outcome, token);
    if (before === null) return report("authorise-again");
    if (before.expiresAt === null) {
      await tryBlindly(signal);
      return report("unknown-expiry");
    }
    if (before.expiresAt <= Date.now()) return report("authorise-again");
    if (!isInRefreshWindow("legacy", before)) return report("not-due");
    await exclusively(place, signal, async (stored) => {
      if (stored !== null && stored.version === before.version) await extend(stored, signal);
    });
    return report("refreshed", await seededToken(place));
  }

  /** Whether it took effect cannot be told, so nothing is counted from it. */
  async function tryBlindly(signal: AbortSignal): Promise<void> {
    await exclusively(place, signal, async (stored) => {
      if (stored === null || !(await noteTry(store, account.name, TRY_EVERY_MS))) return;
      await ask(stored, signal).catch((error: unknown) => {
        if (!(error instanceof SourceError && error.code === "TM_SOURCE_BUSINESS")) throw error;
      });
    });
  }

  return { current, renew, refreshIfDue };
}
