import type { BearerAccount } from "../config/types.ts";
import { SourceError } from "../errors.ts";
import { answerProblem, type BearerAnswer } from "../source/jushuitan/index.ts";
import { saveAccountTokens } from "../store/account-tokens.ts";
import type { Tx } from "../store/db.ts";
import { readToken, replaceToken } from "../store/tokens.ts";
import { exclusively, reauthorise, seededToken, type TokenPlace } from "./renewal.ts";
import { reportOf, type Tokens } from "./tokens.ts";

/** Tokens of a bearer account. */
export interface BearerTokens extends Tokens {
  /**
   * Exchanges the token, once for all workers, and stores every id and token of the answer.
   * @param unless asked once the renewal is the caller's: true, and nothing is exchanged
   * @param alongside work of the transaction that stores the tokens: it must not fail, since the token before may be dead.
   * `used`: the token that was exchanged, with its id where that is known
   */
  exchange(signal: AbortSignal, unless: () => Promise<boolean>, alongside: (tx: Tx, answer: BearerAnswer, used: { id: string | null; token: string }) => Promise<void>): Promise<BearerAnswer | null>;
}

/** Tokens that `refresh.token` exchanges for new ones; nothing tells how long they live, so a pipeline's schedule decides when. */
export function createBearerTokens(place: TokenPlace & { account: BearerAccount }, issuer: { exchange(token: string, signal: AbortSignal): Promise<BearerAnswer> }): BearerTokens {
  const { account, store, key } = place;

  async function current() {
    const stored = await seededToken(place);
    if (stored === null) throw reauthorise(account);
    return { value: stored.accessToken, version: stored.version };
  }

  async function renew(used: { version: number }): Promise<void> {
    if ((await current()).version <= used.version) throw reauthorise(account);
  }

  const exchange: BearerTokens["exchange"] = async (signal, unless, alongside) => {
    await seededToken(place);
    return exclusively(place, signal, async (stored) => {
      if (await unless()) return null;
      if (stored === null) throw reauthorise(account);
      const answer = await issuer.exchange(stored.accessToken, signal);
      const { entries, incomplete } = answer;
      const used = account.tokenId ?? [stored.tokenId, entries[0]?.id].find((id) => entries.some((entry) => entry.id === id));
      const entry = entries.findLast(({ id }) => id === used);
      await store.transaction(async (tx) => {
        if (entry !== undefined && !(await replaceToken(tx, key, account.name, stored.version, { accessToken: entry.token, refreshToken: null, expiresAt: null, tokenId: entry.id }))) {
          throw new SourceError("transient", "TM_SOURCE_TRANSIENT", `account ${account.name}: while its token was exchanged a newer one was stored, which stands`, { path: `accounts.${account.name}.token`, fix: "Nothing: it is tried again with the newer token." });
        }
        await saveAccountTokens(tx, key, account.name, entries);
        await alongside(tx, answer, { id: account.tokenId ?? stored.tokenId, token: stored.accessToken });
      });
      if (incomplete > 0) throw answerProblem(account, `${incomplete} entries have no id or no token`);
      if (entry === undefined && !answer.unchanged) throw answerProblem(account, `none has the id ${JSON.stringify(account.tokenId)} that the account uses`);
      return answer;
    });
  };

  return {
    current, renew, exchange,
    async refreshIfDue(signal) {
      const answer = await exchange(signal, () => Promise.resolve(false), () => Promise.resolve());
      return reportOf(account, answer !== null && answer.entries.length > 0 ? "refreshed" : "no-effect", await readToken(store.db, key, account.name));
    },
  };
}
