import { mix, Random } from "../random.ts";
import { Collection } from "./collection.ts";
import type { JushuitanSettings } from "./options.ts";
import { statusOf } from "./order-facts.ts";
import { ORDERS } from "./order-row.ts";
import { OUTBOUND } from "./outbound-row.ts";
import { TABLES } from "./tables/index.ts";

const SHUFFLED_TOGETHER = 512;
const DAY = 86_400;
/** Rows of a table that were modified in the same second as another one. */
const CROWD = 25;
/** Seeded orders were created so long before the place that their modified time is drawn from (seconds). */
const LEAST_AGE = 1800;

interface Late {
  /** Milliseconds of this machine's clock. */
  due: number;
  table: Collection;
  index: number;
}

/** How many writes there have been since the start or the last reset of the counters. */
export interface WriteCounts {
  changes: number;
  inserts: number;
  late: number;
}

/** The merchant's data: its tables, the one counter of row versions, and writes that commit late. */
export class Store {
  readonly orders: Collection;
  readonly outbound: Collection;
  readonly random: Random;
  counts: WriteCounts = { changes: 0, inserts: 0, late: 0 };
  frozen = false;
  settings: JushuitanSettings;
  private readonly first: bigint;
  /** Versions given so far. */
  private versions = 0;
  private late: Late[] = [];
  /** Tables that were asked for so far, beside orders and outbound documents. */
  private readonly others = new Map<string, Collection>();

  constructor(settings: JushuitanSettings) {
    this.settings = settings;
    this.first = BigInt(settings.versionStart);
    this.random = new Random(settings.seed);
    this.orders = new Collection(ORDERS, settings.orders);
    this.outbound = new Collection(OUTBOUND, settings.orders);
    this.seedRows();
  }

  get tables(): readonly Collection[] {
    return [this.orders, this.outbound, ...this.others.values()];
  }

  tableOf(path: string): Collection | undefined {
    return this.tables.find(({ table }) => table.path === path) ?? this.openTable(path);
  }

  /** The simulator's clock (epoch milliseconds). */
  now(): number {
    return Date.now() + this.settings.clockOffsetMs;
  }

  /** A row version as decimal digits, from its distance to the first one. */
  versionText(distance: number): string {
    return (this.first + BigInt(distance)).toString();
  }

  /** Distance of a version (decimal digits) to the first one; below the first one 0. */
  distanceOf(version: string): number {
    const distance = BigInt(version) - this.first;
    return distance <= 0n ? 0 : Number(distance);
  }

  /** The newest version given, visible or not. */
  get head(): string {
    return this.versionText(this.versions - 1);
  }

  get latePending(): number {
    return this.late.length;
  }

  /** The row as it is on the wire now. */
  rowText(table: Collection, index: number): string {
    return table.textOf(index, this.settings.seed, this.versionText(table.versionOf(index)), this.settings.oddities);
  }

  /** The row's text as it was on the wire in a version (decimal digits); null where that was none of this row's. */
  pastText(table: Collection, index: number, version: string): string | null {
    const place = table.log.firstVersion(this.distanceOf(version));
    if (place >= table.log.size || table.log.records[place] !== index || this.versionText(table.log.versions[place] as number) !== version) return null;
    return table.textAt(place, this.settings.seed, version, this.settings.oddities);
  }

  /** Writes to random rows that are neither archived nor written and not yet visible. @returns their numbers */
  change(table: Collection, count: number): number[] {
    const changed: number[] = [];
    if (table.table.wire?.appendOnly === true) return changed;
    for (let tries = 0; changed.length < count && tries < count * 20 && table.size > 0; tries++) {
      const index = this.random.below(table.size);
      if (!table.isVisible(index) || table.isArchived(index) || table.isHidden(index)) continue;
      this.touch(table, index);
      changed.push(index);
    }
    return changed;
  }

  /** Writes to one row. */
  touch(table: Collection, index: number): void {
    this.write(table, index, this.drawDelay());
    this.counts.changes++;
  }

  /** New rows; `lateMs` makes them all visible so much later, else late commits are drawn. @returns their numbers */
  insert(table: Collection, count: number, lateMs?: number): number[] {
    return Array.from({ length: count }, () => {
      const created = this.second();
      const order = table === this.orders ? table.size : this.random.below(Math.max(1, this.orders.size));
      const index = table.add(created, order);
      this.write(table, index, lateMs ?? this.drawDelay());
      this.counts.inserts++;
      return index;
    });
  }

  /** The writes that belong before an answer, unless the store is frozen. */
  changeBeforeAnswer(table: Collection): void {
    if (this.frozen) return;
    this.change(table, this.settings.changesPerRequest);
    if (table.table.wire?.still !== true) this.insert(table, this.settings.insertsPerRequest);
  }

  /** The writes of one tick of `changeIntervalMs`. */
  tick(): void {
    if (this.frozen) return;
    for (const table of this.tables) {
      this.change(table, this.settings.changesPerInterval);
      if (table.table.wire?.still !== true) this.insert(table, this.settings.insertsPerInterval);
    }
  }

  /** Makes visible what is due; all of it when asked. */
  commitLate(all = false): void {
    if (this.late.length === 0) return;
    const now = Date.now();
    const due = this.late.filter((late) => all || late.due <= now).sort((a, b) => a.due - b.due);
    if (due.length === 0) return;
    this.late = this.late.filter((late) => !all && late.due > now);
    for (const { table, index } of due) table.show(index);
  }

  freeze(): void {
    this.frozen = true;
    this.commitLate(true);
  }

  private write(table: Collection, index: number, delayMs: number): void {
    // A row is locked by its writer: the next one waits until the first has committed.
    this.late = this.late.filter((late) => late.table !== table || late.index !== index);
    table.write(index, this.versions++, this.second());
    if (delayMs <= 0) {
      table.show(index);
      return;
    }
    this.counts.late++;
    this.late.push({ due: Date.now() + delayMs, table, index });
  }

  private drawDelay(): number {
    const { lateCommits } = this.settings;
    if (lateCommits === null || this.random.next() >= lateCommits.share) return 0;
    return this.random.between(lateCommits.minMs, Math.max(lateCommits.minMs, lateCommits.maxMs));
  }

  private second(): number {
    return Math.floor(this.now() / 1000);
  }

  /** Orders in nearly the order of their ids, spread over the last days; each sent order is followed by its outbound document. */
  private seedRows(): void {
    const { orders: count, days, seed, archived } = this.settings;
    const end = Math.floor(this.now() / 1000);
    const span = days * DAY;
    const begin = Math.floor(end - span);
    const placeOf = (n: number) => begin + Math.floor((n / Math.max(1, count)) * span);
    for (let n = 0; n < count; n++) {
      this.orders.add(placeOf(Math.max(0, n - SHUFFLED_TOGETHER)) - LEAST_AGE - (mix(seed, n, 4) % DAY), n);
    }
    for (let from = 0; from < count; from += SHUFFLED_TOGETHER) {
      for (const order of this.shuffled(from, Math.min(count, from + SHUFFLED_TOGETHER))) {
        const at = this.orders.log.size;
        const modified = placeOf(at);
        this.orders.write(order, this.versions++, modified);
        this.orders.show(order, at * 2 < count && this.random.next() < archived);
        const status = statusOf(seed, order, 0);
        if (status !== "Sent" && status !== "Delivering") continue;
        const document = this.outbound.add(modified - 1200, order);
        this.outbound.write(document, this.versions++, modified);
        this.outbound.show(document);
      }
    }
  }

  /** A table with its first rows: spread over the last days like orders, a crowd of them in one second. */
  private openTable(path: string): Collection | undefined {
    const table = TABLES.get(path);
    if (table === undefined) return undefined;
    const { rows, days, archived } = this.settings;
    const count = table.seeded ?? rows;
    const collection = new Collection(table, count);
    this.others.set(path, collection);
    const end = Math.floor(this.now() / 1000) - 60;
    const crowd = Math.floor(count / 2);
    for (let n = 0; n < count; n++) {
      const place = n > crowd && n <= crowd + CROWD ? crowd : n;
      const modified = end - Math.floor(days * DAY * (1 - (place + 1) / count));
      collection.write(collection.add(modified - LEAST_AGE, 0), this.versions++, modified);
      collection.show(n, table.wire.archive !== null && n * 2 < count && this.random.next() < archived);
    }
    return collection;
  }

  private shuffled(from: number, to: number): number[] {
    const numbers = Array.from({ length: to - from }, (_, n) => from + n);
    for (let n = numbers.length - 1; n > 0; n--) {
      const other = this.random.below(n + 1);
      [numbers[n], numbers[other]] = [numbers[other] as number, numbers[n] as number];
    }
    return numbers;
  }
}

