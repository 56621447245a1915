import type { Random } from "../random.ts";
import { badParameter, REFUSALS, type Refusal } from "./codes.ts";
import type { JushuitanSettings } from "./options.ts";

/** Interfaces that hand out tokens. */
export const AUTH_PATHS = ["/openWeb/auth/getInitToken", "/openWeb/auth/refreshToken", "/openWeb/auth/accessToken"] as const;
export type AuthPath = (typeof AUTH_PATHS)[number];

interface Grant {
  accessToken: string;
  refreshToken: string;
  /** Epoch milliseconds by the simulator's clock. */
  expiresAt: number;
}

/** Tokens issued so far, by the way they were asked for. */
export interface TokenCounts {
  getInitToken: number;
  accessToken: number;
  refreshed: number;
  /** Refreshes asked for too early: answered with code 0, without effect. */
  refreshTooEarly: number;
  revoked: number;
}

/** The merchant's tokens. */
export class TokenStore {
  counts: TokenCounts = TokenStore.noCounts();
  private grant: Grant;
  /** All access tokens that still work, with the end of their lives (epoch ms). */
  private readonly alive = new Map<string, number>();
  private readonly random: Random;

  constructor(settings: JushuitanSettings, nowMs: number, random: Random) {
    this.random = random;
    this.grant = { accessToken: settings.accessToken, refreshToken: settings.refreshToken, expiresAt: nowMs + settings.tokenLifeSeconds * 1000 };
    this.alive.set(this.grant.accessToken, this.grant.expiresAt);
  }

  static noCounts(): TokenCounts {
    return { getInitToken: 0, accessToken: 0, refreshed: 0, refreshTooEarly: 0, revoked: 0 };
  }

  isValid(token: string | undefined, nowMs: number): boolean {
    return token !== undefined && (this.alive.get(token) ?? 0) > nowMs;
  }

  /** Takes back everything: neither the tokens nor the refresh token work any more. */
  revoke(): void {
    this.counts.revoked += this.alive.size;
    this.alive.clear();
    this.grant = { ...this.grant, refreshToken: "", expiresAt: 0 };
  }

  /** What a token interface answers: the raw text of `data`, or a refusal. */
  answer(path: AuthPath, fields: ReadonlyMap<string, string>, settings: JushuitanSettings, nowMs: number): string | Refusal {
    switch (path) {
      case "/openWeb/auth/getInitToken":
        if (settings.appKind === "isv") return REFUSALS.selfOnly;
        if (fields.get("code")?.length !== 6) return badParameter("code");
        this.counts.getInitToken++;
        return this.issue(settings, nowMs);
      case "/openWeb/auth/accessToken":
        if (fields.get("code") !== settings.authorisationCode) return badParameter("code");
        this.counts.accessToken++;
        return this.issue(settings, nowMs);
      default:
        return this.refresh(fields.get("refresh_token") ?? "", settings, nowMs);
    }
  }

  private refresh(refreshToken: string, settings: JushuitanSettings, nowMs: number): string | Refusal {
    if (settings.appKind === "isv") return REFUSALS.isvRefresh;
    const left = this.grant.expiresAt - nowMs;
    if (refreshToken === "" || refreshToken !== this.grant.refreshToken || left <= 0) return REFUSALS.refreshToken;
    if (left > settings.refreshWindowSeconds * 1000) {
      this.counts.refreshTooEarly++;
      return this.describe(nowMs);
    }
    this.counts.refreshed++;
    if (settings.rotateOnRefresh) return this.issue(settings, nowMs);
    this.grant.expiresAt = nowMs + settings.tokenLifeSeconds * 1000;
    this.alive.set(this.grant.accessToken, this.grant.expiresAt);
    return this.describe(nowMs);
  }

  private issue(settings: JushuitanSettings, nowMs: number): string {
    if (settings.oldTokenDies) this.alive.clear();
    this.grant = { accessToken: this.random.hex(16), refreshToken: this.random.hex(16), expiresAt: nowMs + settings.tokenLifeSeconds * 1000 };
    this.alive.set(this.grant.accessToken, this.grant.expiresAt);
    return this.describe(nowMs);
  }

  private describe(nowMs: number): string {
    const { accessToken, refreshToken, expiresAt } = this.grant;
    const expiresIn = Math.floor((expiresAt - nowMs) / 1000);
    return JSON.stringify({ access_token: accessToken, expires_in: expiresIn, refresh_token: refreshToken, scope: "all" });
  }
}
