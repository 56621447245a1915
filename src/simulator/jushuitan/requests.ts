import { createHash } from "node:crypto";
import { Tally } from "../faults.ts";

const KEPT = 20_000;

/** A request to `/open…`, as the log shows it. */
export interface RequestEntry {
  /** Number from 1. */
  n: number;
  /** Epoch milliseconds of arrival, this machine's clock. */
  at: number;
  path: string;
  /** The business parameters as sent. */
  biz: string;
  /** The code answered; null when a fault left none. */
  code: number | null;
  rows: number;
  fault: string | null;
}

/** What there is to know of a data answer for counting pages that are asked twice. */
export interface PageAsked {
  path: string;
  biz: string;
  kind: "version" | "window" | "ids";
  page: number;
  full: boolean;
}

/** What was asked and answered so far. */
export class RequestLog {
  total = 0;
  rateRefused = new Tally();
  byPath = new Tally();
  byCode = new Tally();
  faults = new Tally();
  /** Data requests answered with code 0 and received in full, with rows that are no lie. */
  answered = 0;
  pagesAskedTwice = 0;
  private entries: RequestEntry[] = [];
  /** How often each page was answered well, by a digest of path and biz. */
  private readonly pages = new Map<string, number>();

  add(path: string): RequestEntry {
    const entry: RequestEntry = { n: ++this.total, at: Date.now(), path, biz: "", code: null, rows: 0, fault: null };
    this.byPath.add(path);
    this.entries.push(entry);
    if (this.entries.length > KEPT * 2) this.entries = this.entries.slice(-KEPT);
    return entry;
  }

  since(n: number): RequestEntry[] {
    return this.entries.filter((entry) => entry.n > n).slice(-KEPT);
  }

  /**
   * Counts a page whose exact request was answered well before. Page 1 of a window may come once more: it is asked first for
   * the count and read last. A version query counts only when it repeats a full page; at the head it is asked again and again.
   */
  asked(page: PageAsked): void {
    const before = this.pages.get(digest(page)) ?? 0;
    const free = page.kind === "window" && page.page === 1 ? 1 : 0;
    if (before > free) this.pagesAskedTwice++;
  }

  /** Notes a page that reached its reader in full. */
  received(page: PageAsked): void {
    this.answered++;
    if (page.kind === "version" && !page.full) return;
    const key = digest(page);
    this.pages.set(key, (this.pages.get(key) ?? 0) + 1);
  }

  /** Counters back to nothing; the log, its numbers and the pages answered so far stay. */
  reset(): void {
    for (const tally of [this.rateRefused, this.byPath, this.byCode, this.faults]) tally.clear();
    this.answered = 0;
    this.pagesAskedTwice = 0;
  }
}

function digest({ path, biz }: PageAsked): string {
  return createHash("sha1").update(`${path}\n${biz}`).digest("base64");
}
