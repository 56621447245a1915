import { Tally } from "../faults.ts";
import { Random } from "../random.ts";
import { type QeasySettings, reconfigure } from "./options.ts";
import { RecordStore } from "./records.ts";

const KEYS_KEPT = 1_000_000;

/** All of a running Qeasy simulator but its HTTP server. */
export class Simulation {
  readonly records = new RecordStore();
  readonly random: Random;
  requests = 0;
  byStatus = new Tally();
  faults = new Tally();
  /** Requests taken under an Idempotency-Key that had been taken before. */
  duplicateKeys = 0;
  maxParallel = 0;
  settings: QeasySettings;
  private parallel = 0;
  private readonly keys = new Set<string>();

  constructor(settings: QeasySettings) {
    this.settings = settings;
    this.random = new Random(settings.seed);
  }

  /** @throws ZodError naming what is wrong */
  configure(changes: unknown): void {
    this.settings = reconfigure(this.settings, changes);
  }

  arrive(): void {
    this.requests++;
    this.parallel++;
    this.maxParallel = Math.max(this.maxParallel, this.parallel);
  }

  leave(): void {
    this.parallel--;
  }

  noteKey(key: string | undefined): void {
    if (key === undefined) return;
    if (this.keys.has(key)) this.duplicateKeys++;
    else if (this.keys.size < KEYS_KEPT) this.keys.add(key);
  }

  /** Counters back to nothing; records and keys stay. */
  resetCounters(): void {
    this.requests = 0;
    this.duplicateKeys = 0;
    this.maxParallel = this.parallel;
    this.byStatus.clear();
    this.faults.clear();
    this.records.counts = RecordStore.noCounts();
  }

  /** Settings without the secret. */
  shownSettings(): unknown {
    const { secret: _secret, ...settings } = this.settings;
    return settings;
  }

  describe(): unknown {
    const { records: received, ...versions } = this.records.counts;
    return {
      held: this.records.size,
      requests: this.requests,
      records: received,
      ...versions,
      duplicateKeys: this.duplicateKeys,
      maxParallel: this.maxParallel,
      byStatus: this.byStatus,
      faults: this.faults,
      settings: this.shownSettings(),
    };
  }
}
