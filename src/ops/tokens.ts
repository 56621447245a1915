import { randomBytes } from "node:crypto";
import type { AccountConfig, AppAccount } from "../config/types.ts";
import { ConfigError } from "../errors.ts";
import { authorisationUrl, exchangeCode } from "../source/jushuitan/index.ts";
import { accountTokens } from "../store/account-tokens.ts";
import { localOffset } from "../store/clock.ts";
import { fingerprint } from "../store/secrets.ts";
import { expiries, type ExpiryKnown, type NewToken, readToken, replaceToken, tokenVersion } from "../store/tokens.ts";
import { accountOf, pipelineOf, type Services, tokenDeps, tokensOf } from "../sync/services.ts";
import { formatInstant } from "../sync/labels.ts";
import { authoriseWords, expiryNotice } from "../tokens/expiry.ts";
import { seededToken, takeOverConfig, withLock } from "../tokens/renewal.ts";
import type { RefreshReport } from "../tokens/tokens.ts";

/** What may be shown of an account's token. Times are ISO 8601 UTC. */
export interface TokenView {
  account: string;
  kind: AccountConfig["kind"];
  /** The first 12 digits of its SHA-256; null: there is no token. */
  fingerprint: string | null;
  /** The id that it belongs to, where tokens have ids. */
  id: string | null;
  obtainedAt: string | null;
  expiresAt: string | null;
  /** `answered` by the platform, `given` by a person, or `counted` from the last refresh that took effect. */
  expiryKnown: ExpiryKnown | null;
  /** What a person has to know, with the day. */
  notice: string | null;
  /** All tokens that came with ids. */
  tokens: { id: string; fingerprint: string; refreshes: number; obtainedAt: string | null }[];
}

/** What is stored, once what the config gives was taken over. @throws ConfigError `TM_ACCOUNT_UNKNOWN` */
export async function showToken(services: Services, name: string): Promise<TokenView> {
  await seededToken({ ...services, account: accountOf(services.config, name) });
  return tokenView(services, name);
}

/** What is stored. The config may lack values. @throws ConfigError `TM_ACCOUNT_UNKNOWN` */
export async function tokenView({ config, store, key }: Services, name: string): Promise<TokenView> {
  const account = accountOf(config, name);
  const stored = await readToken(store.db, key, name);
  const tokens = await accountTokens(store.db, name);
  return {
    account: name, kind: account.kind, fingerprint: stored === null ? null : fingerprint(stored.accessToken), id: stored?.tokenId ?? null,
    obtainedAt: formatInstant(stored?.obtainedAt ?? null), expiresAt: formatInstant(stored?.expiresAt ?? null), expiryKnown: stored?.expiryKnown ?? null,
    notice: expiryNotice(account, stored), tokens: tokens.map((one) => ({ ...one, obtainedAt: formatInstant(one.obtainedAt) })),
  };
}

/** What people have to know of the tokens of all accounts, or of a pipeline's; decrypts nothing. */
export async function tokenNotices({ config, store }: Pick<Services, "config" | "store">, pipeline?: string): Promise<string[]> {
  const tokens = await expiries(store.db);
  const accounts = pipeline === undefined ? Object.values(config.accounts) : [accountOf(config, pipelineOf(config, pipeline).source.account)];
  return accounts.flatMap((account) => expiryNotice(account, tokens.get(account.name) ?? null) ?? []);
}

/** Refreshes now what can be refreshed now. @throws SourceError */
export async function refreshToken(services: Services, name: string, signal: AbortSignal): Promise<RefreshReport & TokenView> {
  const account = accountOf(services.config, name);
  const report = await tokensOf(services, account).refreshIfDue(signal);
  const view = await tokenView(services, name);
  return { ...report, ...view, notice: report.outcome === "authorise-again" && view.fingerprint === null ? `account ${name}: there is no token; ${authoriseWords(account)}` : view.notice };
}

/** Puts a person's token in the place of the one that is there. @param expiresAt ms; null: not known */
export async function setToken(services: Services, name: string, token: string, expiresAt: number | null, signal: AbortSignal): Promise<TokenView> {
  await put(services, accountOf(services.config, name), { accessToken: token, refreshToken: null, expiresAt, expiryKnown: "given" }, signal);
  return tokenView(services, name);
}

/** Takes the config's own token over first: it would come back as news otherwise. The token before is not read: its key may be lost. */
async function put({ store, key }: Services, account: AccountConfig, token: NewToken, signal: AbortSignal): Promise<void> {
  const place = { store, key, account };
  await takeOverConfig(place);
  await withLock(place, signal, async () => {
    const replaced = async () => {
      const now = await tokenVersion(store.db, account.name);
      const tokenId = account.kind === "bearer" ? account.tokenId ?? now?.tokenId ?? null : null;
      return replaceToken(store.db, key, account.name, now?.version ?? 0, { ...token, tokenId });
    };
    // A worker with another config may take its token over at any moment; a person's word comes after it.
    while (!(await replaced())) signal.throwIfAborted();
  });
}

/** Where the merchant authorises an app, and what its answer has to carry. */
export interface Authorisation {
  url: string;
  state: string;
}

/** @throws ConfigError `TM_AUTHORISE_KIND` */
export async function beginAuthorisation(services: Services, name: string): Promise<Authorisation> {
  const account = isvOf(services, name);
  const state = randomBytes(8).toString("hex");
  return { state, url: authorisationUrl(account, state, await localOffset(services.store, name)) };
}

/**
 * Exchanges what the merchant was given for a token.
 * @param given the code, or the whole address that the page led back to
 * @throws ConfigError `TM_AUTHORISE_STATE`, `TM_AUTHORISE_KIND`; SourceError
 */
export async function finishAuthorisation(services: Services, name: string, given: string, { state }: Authorisation, signal: AbortSignal): Promise<TokenView> {
  const account = isvOf(services, name);
  const answer = URL.canParse(given) ? new URL(given).searchParams : null;
  const code = answer === null ? given : answer.get("code");
  if (code === null || code === "" || (answer?.get("state") ?? state) !== state) {
    throw new ConfigError("TM_AUTHORISE_STATE", code === null || code === "" ? "the address has no code" : "the address belongs to another authorisation: its state is not the one of this link", {
      path: `accounts.${name}`, fix: `Run "tidemark token authorize ${name}" and use the link that it prints now; link and code hold for 15 minutes.`,
    });
  }
  const { accessToken, refreshToken: refresh, expiresInSeconds } = await exchangeCode(account, code, { deps: tokenDeps(services, account), signal });
  await put(services, account, { accessToken, refreshToken: refresh, expiresAt: Date.now() + expiresInSeconds * 1000 }, signal);
  return tokenView(services, name);
}

const NOT_AUTHORISED_HERE: Record<Exclude<AccountConfig["kind"], "isv">, string> = {
  self: "An own app gets its tokens by itself: run `tidemark check`.",
  legacy: "Have the merchant authorise on the old platform, then run `tidemark token set <account>`.",
  bearer: "Get a token where it is issued, then run `tidemark token set <account>`.",
};

function isvOf({ config }: Services, name: string): AppAccount {
  const account = accountOf(config, name);
  if (account.kind === "isv") return account;
  throw new ConfigError("TM_AUTHORISE_KIND", `account ${name} is of kind "${account.kind}": there is no page to authorise it on`, {
    path: `accounts.${name}.kind`, fix: NOT_AUTHORISED_HERE[account.kind].replaceAll("<account>", name),
  });
}
