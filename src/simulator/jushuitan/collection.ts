import type { Wire } from "./tables/table.ts";
import { KIND, VersionLog, type View } from "./version-log.ts";

/** What makes one version of a row: its text follows from these and the seed alone. */
export interface RowState {
  seed: number;
  /** The row's number from 0; its id is this and the table's first id. */
  index: number;
  /** Number of the order that an outbound document belongs to; for orders the same as `index`. */
  order: number;
  changes: number;
  /** Epoch seconds. */
  created: number;
  modified: number;
  /** The second time, where rows have two (epoch seconds). */
  otherModified?: number;
  /** Decimal digits. */
  ts: string;
  /** Whether the wire's oddities (numbers as text, `""`, null lists) are on. */
  oddities: boolean;
}

/** What a table is called on the wire and what it allows. */
export interface TableDescription {
  path: string;
  idField: string;
  /** Parameter that selects rows by id. */
  idsParam: string;
  maxIds: number;
  listField: string;
  firstId: number;
  pageDefault: number;
  pageMax: number;
  render(state: RowState): string;
  /** A row's id as text, where it is not its number and the first id. */
  idText?(index: number): string;
  /** Present where the table is asked in a way of its own. */
  wire?: Wire;
  statusOf?(seed: number, index: number, changes: number): string;
}

/** One table: the state of its rows, a few numbers each, and the log of its writes. */
export class Collection {
  size = 0;
  readonly log: VersionLog;
  readonly table: TableDescription;
  private places: Int32Array;
  private changes: Uint32Array;
  private created: Uint32Array;
  private orders: Int32Array;
  /** Places in the log of versions that have been written and are not visible yet, by row. */
  private readonly hidden = new Map<number, number>();
  /** Of tables whose rows have two times: that of a row's version before the visible one (epoch seconds). */
  private readonly before = new Map<number, number>();

  constructor(table: TableDescription, capacity: number) {
    this.table = table;
    const room = Math.max(capacity, 1024);
    this.log = new VersionLog(Math.ceil(room * 1.25));
    this.places = new Int32Array(room);
    this.changes = new Uint32Array(room);
    this.created = new Uint32Array(room);
    this.orders = new Int32Array(room);
  }

  /** Adds a row that nobody sees before its first version is shown. @returns its number */
  add(created: number, order: number): number {
    const index = this.size++;
    if (index === this.places.length) this.grow();
    this.places[index] = -1;
    this.created[index] = created;
    this.orders[index] = order;
    return index;
  }

  /** Writes a new version of a row: version and time are given now, to be seen after `show`. One hidden version a row at most. */
  write(index: number, version: number, modified: number): void {
    this.show(index);
    this.hidden.set(index, this.log.append(version, modified, index));
  }

  /** Makes a row's hidden version visible, if it has one. */
  show(index: number, archived = this.isArchived(index)): void {
    const hidden = this.hidden.get(index);
    if (hidden === undefined) return;
    this.hidden.delete(index);
    const before = this.places[index] as number;
    if (before >= 0) {
      this.log.setKind(before, KIND.none);
      if (this.table.wire?.otherTimes != null) this.before.set(index, this.log.modified[before] as number);
      this.changes[index] = (this.changes[index] as number) + 1;
    }
    this.log.setKind(hidden, archived ? KIND.archived : KIND.live);
    this.places[index] = hidden;
  }

  isVisible(index: number): boolean {
    return index >= 0 && index < this.size && (this.places[index] as number) >= 0;
  }

  isArchived(index: number): boolean {
    const at = this.places[index] as number;
    return at >= 0 && this.log.kindAt(at) === KIND.archived;
  }

  isHidden(index: number): boolean {
    return this.hidden.has(index);
  }

  get hiddenCount(): number {
    return this.hidden.size;
  }

  /** Place of a row's visible version in the log. */
  placeOf(index: number): number {
    return this.places[index] as number;
  }

  /** Version (less the store's first one) of a row as it is seen now. */
  versionOf(index: number): number {
    return this.log.versions[this.placeOf(index)] as number;
  }

  /** The same of its newest version, visible or not. */
  newestVersionOf(index: number): number {
    return this.log.versions[this.hidden.get(index) ?? this.placeOf(index)] as number;
  }

  /** Epoch seconds. */
  modifiedOf(index: number): number {
    return this.log.modified[this.placeOf(index)] as number;
  }

  /** Where a row has two times, each second write moves the other one only. */
  timesOf(index: number): { modified: number; otherModified: number } {
    const newest = this.modifiedOf(index);
    const before = this.before.get(index) ?? newest;
    return (this.changes[index] as number) % 2 === 1 ? { modified: before, otherModified: newest } : { modified: newest, otherModified: before };
  }

  idOf(index: number): number {
    return this.table.firstId + index;
  }

  idText(index: number): string {
    return this.table.idText?.(index) ?? String(this.idOf(index));
  }

  /** The row of an id as text; -1 when there is none. */
  find(id: string): number {
    if (this.table.idText === undefined) return this.indexOf(Number(id));
    return Array.from({ length: this.size }, (_, index) => index).findIndex((index) => this.idText(index) === id);
  }

  statusOf(index: number, seed: number): string | null {
    return this.table.statusOf?.(seed, index, this.changes[index] as number) ?? null;
  }

  indexOf(id: number): number {
    return id - this.table.firstId;
  }

  orderOf(index: number): number {
    return this.orders[index] as number;
  }

  count(view: View): number {
    return this.log.countBefore(view, this.log.size);
  }

  /** The row's text as it is on the wire now. */
  textOf(index: number, seed: number, ts: string, oddities: boolean): string {
    return this.table.render({
      seed,
      index,
      order: this.orderOf(index),
      changes: this.changes[index] as number,
      created: this.created[index] as number,
      ...this.timesOf(index),
      ts,
      oddities,
    });
  }

  /** The text of the version that stands at a place of the log, now or before; of tables whose rows have one time. */
  textAt(place: number, seed: number, ts: string, oddities: boolean): string {
    const index = this.log.records[place] as number;
    // A row's version is shown before its next one is written.
    const changes = this.log.records.subarray(0, place).filter((record) => record === index).length;
    const modified = this.log.modified[place] as number;
    return this.table.render({ seed, index, order: this.orderOf(index), changes, created: this.created[index] as number, modified, ts, oddities });
  }

  private grow(): void {
    const room = this.places.length * 2;
    const grown = <T extends Int32Array | Uint32Array>(from: T, into: T): T => {
      into.set(from);
      return into;
    };
    this.places = grown(this.places, new Int32Array(room));
    this.changes = grown(this.changes, new Uint32Array(room));
    this.created = grown(this.created, new Uint32Array(room));
    this.orders = grown(this.orders, new Int32Array(room));
  }
}
