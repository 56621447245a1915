import type { AccountConfig } from "../config/types.ts";
import { formatShanghai } from "../source/time.ts";
import type { StoredToken } from "../store/tokens.ts";

const DAY_MS = 86_400_000;
/** A refresh takes effect only this long before expiry (official texts): the last 12 hours on the new platform, the last week on the old one. */
export const REFRESH_WINDOW_MS: Readonly<Record<AccountConfig["kind"], number>> = { self: DAY_MS / 2, isv: 0, legacy: 7 * DAY_MS, bearer: 0 };
/** From when on a person is told (ms before expiry): `legacy` has failed for two days by then. */
const NOTICE_MS: Readonly<Record<AccountConfig["kind"], number>> = { self: 0, isv: 7 * DAY_MS, legacy: 5 * DAY_MS, bearer: 0 };

const KNOWN = { answered: "as the platform answered", given: "by the date that was given", counted: "counted one year from the last refresh that took effect" } as const;

/** How an expiry is known, in words. */
export function expirySource({ expiryKnown }: Pick<StoredToken, "expiryKnown">): string | null {
  return expiryKnown === null ? null : KNOWN[expiryKnown];
}

export function isInRefreshWindow(kind: AccountConfig["kind"], { expiresAt }: Pick<StoredToken, "expiresAt">): boolean {
  return expiresAt !== null && expiresAt > Date.now() && expiresAt - Date.now() <= REFRESH_WINDOW_MS[kind];
}

/** How a person gets a new token. */
export function authoriseWords({ name, kind }: Pick<AccountConfig, "name" | "kind">): string {
  return kind === "isv" ? `have the merchant authorise the app again: tidemark token authorize ${name}` : `have the merchant authorise again, then: tidemark token set ${name}`;
}

/** What a person has to know about the token's end, with the day; null: nothing. */
export function expiryNotice({ name, kind, tokenExpiresAt }: Pick<AccountConfig, "name" | "kind"> & { tokenExpiresAt?: number | null }, token: Pick<StoredToken, "expiresAt" | "expiryKnown"> | null): string | null {
  if (kind === "self" || token === null) return null;
  const { expiresAt } = token;
  if (expiresAt === null) {
    const give = tokenExpiresAt == null ? `give accounts.${name}.tokenExpiresAt, or run` : `accounts.${name}.tokenExpiresAt was the date of an earlier one; run`;
    return kind === "bearer" ? null : `account ${name}: nobody knows when its token expires; ${give}: tidemark token set ${name} --expires DATE`;
  }
  const left = expiresAt - Date.now();
  if (left > NOTICE_MS[kind]) return null;
  const day = `${formatShanghai(expiresAt).slice(0, 10)} (Asia/Shanghai, ${expirySource(token)})`;
  const act = authoriseWords({ name, kind });
  return left <= 0 ? `account ${name}: its token expired on ${day}; ${act}` : `account ${name}: its token expires on ${day}, in ${Math.ceil(left / DAY_MS)} days; ${act}`;
}
