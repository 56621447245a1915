import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { AccountConfig } from "../config/types.ts";
import { SourceError } from "../errors.ts";
import type { Store } from "../store/db.ts";
import { giveExpiry, lockRenewal, prolongRenewal, readToken, seedToken, type StoredToken, unlockRenewal } from "../store/tokens.ts";

const LOCK_MS = 60_000;

/** An account's token in the store. */
export interface TokenPlace {
  store: Store;
  key: Buffer;
  account: AccountConfig;
}

/** The account's token, once what the config gives was taken over. @throws StoreError `TM_KEY_MISMATCH` */
export async function seededToken(place: TokenPlace): Promise<StoredToken | null> {
  await takeOverConfig(place);
  return readToken(place.store.db, place.key, place.account.name);
}

/** Stores the token and the expiry that the config gives, each once. */
export async function takeOverConfig({ store, key, account }: TokenPlace): Promise<void> {
  const seed = account.kind === "legacy" || account.kind === "bearer" ? account.token : account.accessToken;
  if (seed !== null) await seedToken(store, key, account.name, seed, "refreshToken" in account ? account.refreshToken : null);
  if ("tokenExpiresAt" in account && account.tokenExpiresAt != null) await giveExpiry(store, account.name, account.tokenExpiresAt);
}

/** Runs `work` with the account's renewal lock and the token as stored then; waits for another renewer to finish. */
export function exclusively<T>(place: TokenPlace, signal: AbortSignal, work: (stored: StoredToken | null) => Promise<T>): Promise<T> {
  return withLock(place, signal, async () => work(await readToken(place.store.db, place.key, place.account.name)));
}

export async function withLock<T>({ store, account }: TokenPlace, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  const owner = randomUUID();
  while (!(await lockRenewal(store, account.name, owner, LOCK_MS))) await sleep(100, undefined, { signal });
  const keep = setInterval(() => void prolongRenewal(store, account.name, owner, LOCK_MS).catch(() => undefined), LOCK_MS / 3);
  try {
    return await work();
  } finally {
    clearInterval(keep);
    await unlockRenewal(store, account.name, owner);
  }
}

const WITHOUT: Record<AccountConfig["kind"], { why: string; fix: string }> = {
  self: { why: "the platform gave it none", fix: "Check appKey and appSecret, then run `tidemark check`." },
  isv: {
    why: "a service provider's app cannot renew it",
    fix: "Let the merchant authorise the app again: run `tidemark token authorize <account>`, or set a new one with `tidemark token set <account>`.",
  },
  legacy: {
    why: "the old platform refreshes a token only in the week before it expires",
    fix: "Have the merchant authorise again, then hand the new token over with `tidemark token set <account>`.",
  },
  bearer: { why: "nothing can renew it without a valid one", fix: "Get a valid token and hand it over with `tidemark token set <account>`." },
};

/** No token that can be used, and none to be had without a person. */
export function reauthorise({ name, kind }: AccountConfig): SourceError {
  const { why, fix } = WITHOUT[kind];
  return new SourceError("final", "TM_REAUTHORISE", `account ${name}: its token is missing, expired or revoked, and ${why}`, {
    path: `accounts.${name}.${kind === "legacy" || kind === "bearer" ? "token" : "accessToken"}`, fix: fix.replaceAll("<account>", name),
  });
}
