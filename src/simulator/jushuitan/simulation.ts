import { BearerStore } from "./bearer.ts";
import { RateLimiter } from "./gateway.ts";
import { LegacyToken } from "./legacy.ts";
import { type JushuitanSettings, reconfigure } from "./options.ts";
import { RequestLog } from "./requests.ts";
import { Store } from "./store.ts";
import { TokenStore } from "./tokens.ts";

/** All of a running Jushuitan simulator but its HTTP server. */
export class Simulation {
  readonly store: Store;
  readonly tokens: TokenStore;
  readonly legacyToken: LegacyToken;
  readonly bearer: BearerStore;
  readonly limiter = new RateLimiter();
  readonly log = new RequestLog();
  private ticker: NodeJS.Timeout | null = null;

  constructor(settings: JushuitanSettings) {
    this.store = new Store(settings);
    this.tokens = new TokenStore(settings, this.store.now(), this.store.random);
    this.legacyToken = new LegacyToken(settings, this.store.now());
    this.bearer = new BearerStore(settings, this.store.random);
    this.startTicking();
  }

  /** @throws ZodError naming what is wrong */
  configure(changes: unknown): void {
    const before = this.store.settings.changeIntervalMs;
    this.store.settings = reconfigure(this.store.settings, changes);
    if (this.store.settings.changeIntervalMs !== before) this.startTicking();
  }

  resetCounters(): void {
    this.log.reset();
    this.tokens.counts = TokenStore.noCounts();
    this.legacyToken.counts = { refreshed: 0, refreshTooEarly: 0 };
    this.bearer.refreshed = 0;
    this.store.counts = { changes: 0, inserts: 0, late: 0 };
  }

  stop(): void {
    if (this.ticker !== null) clearInterval(this.ticker);
    this.ticker = null;
  }

  private startTicking(): void {
    this.stop();
    const interval = this.store.settings.changeIntervalMs;
    if (interval !== null) this.ticker = setInterval(() => this.store.tick(), interval);
  }
}
