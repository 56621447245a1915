/** What stands at a place of the log: nothing visible any more (or not yet), a current row, or a current archived row. */
export const KIND = { none: 0, live: 1, archived: 2 } as const;
export type Kind = (typeof KIND)[keyof typeof KIND];

/** Which rows a query sees. */
export type View = "live" | "archived" | "both";

/**
 * Every write of a table in the order of its row versions, and thereby of its modified times too, unless the clock was put
 * back; only the places that hold a row's newest visible version count. Two Fenwick trees (live, archived) answer "how many before here" and "which is the k-th"
 * in logarithmic time, so that a page of a million rows costs microseconds.
 */
export class VersionLog {
  size = 0;
  /** Whether modified times ascend. */
  ascending = true;
  /** Row versions, less the store's first one. */
  versions: Float64Array;
  /** Epoch seconds. */
  modified: Uint32Array;
  records: Int32Array;
  private kinds: Uint8Array;
  private trees: [Int32Array, Int32Array];
  private capacity: number;

  constructor(capacity: number) {
    this.capacity = powerOfTwo(Math.max(capacity, 1024));
    this.versions = new Float64Array(this.capacity);
    this.modified = new Uint32Array(this.capacity);
    this.records = new Int32Array(this.capacity);
    this.kinds = new Uint8Array(this.capacity);
    this.trees = [new Int32Array(this.capacity + 1), new Int32Array(this.capacity + 1)];
  }

  /** Adds a write, not visible yet. @returns its place */
  append(version: number, modified: number, record: number): number {
    if (this.size === this.capacity) this.grow();
    const at = this.size++;
    if (at > 0 && modified < (this.modified[at - 1] as number)) this.ascending = false;
    this.versions[at] = version;
    this.modified[at] = modified;
    this.records[at] = record;
    return at;
  }

  kindAt(at: number): Kind {
    return this.kinds[at] as Kind;
  }

  setKind(at: number, kind: Kind): void {
    const before = this.kindAt(at);
    if (before === kind) return;
    this.kinds[at] = kind;
    if (before !== KIND.none) this.add(before, at, -1);
    if (kind !== KIND.none) this.add(kind, at, 1);
  }

  /** Rows of a view before a place. */
  countBefore(view: View, at: number): number {
    let sum = 0;
    for (const tree of this.treesOf(view)) for (let i = at; i > 0; i -= i & -i) sum += tree[i] as number;
    return sum;
  }

  /** The place of the k-th row (from 0) of a view; the log's size when there are fewer. */
  select(view: View, k: number): number {
    const trees = this.treesOf(view);
    let at = 0;
    let left = k;
    for (let step = this.capacity; step > 0; step >>= 1) {
      if (at + step > this.capacity) continue;
      let sum = 0;
      for (const tree of trees) sum += tree[at + step] as number;
      if (sum <= left) {
        at += step;
        left -= sum;
      }
    }
    return Math.min(at, this.size);
  }

  sees(view: View, at: number): boolean {
    const kind = this.kinds[at];
    return view === "both" ? kind !== KIND.none : kind === (view === "live" ? KIND.live : KIND.archived);
  }

  /** The first place whose version is at least this. */
  firstVersion(version: number): number {
    return lowerBound(this.versions, this.size, version);
  }

  /** The first place modified at this second or later, while they ascend. */
  firstModified(seconds: number): number {
    return lowerBound(this.modified, this.size, seconds);
  }

  private treesOf(view: View): Int32Array[] {
    return view === "both" ? this.trees : [this.trees[view === "live" ? 0 : 1]];
  }

  private add(kind: Kind, at: number, by: number): void {
    const tree = this.trees[kind === KIND.live ? 0 : 1];
    for (let i = at + 1; i <= this.capacity; i += i & -i) (tree[i] as number) += by;
  }

  private grow(): void {
    this.capacity *= 2;
    this.versions = grown(this.versions, new Float64Array(this.capacity));
    this.modified = grown(this.modified, new Uint32Array(this.capacity));
    this.records = grown(this.records, new Int32Array(this.capacity));
    this.kinds = grown(this.kinds, new Uint8Array(this.capacity));
    this.trees = [new Int32Array(this.capacity + 1), new Int32Array(this.capacity + 1)];
    for (let at = 0; at < this.size; at++) {
      const kind = this.kindAt(at);
      if (kind !== KIND.none) this.trees[kind === KIND.live ? 0 : 1][at + 1] = 1;
    }
    for (const tree of this.trees) {
      for (let i = 1; i <= this.capacity; i++) {
        const parent = i + (i & -i);
        if (parent <= this.capacity) (tree[parent] as number) += tree[i] as number;
      }
    }
  }
}

function powerOfTwo(least: number): number {
  return 2 ** Math.ceil(Math.log2(least));
}

function grown<T extends Float64Array | Uint32Array | Int32Array | Uint8Array>(from: T, into: T): T {
  into.set(from);
  return into;
}

function lowerBound(values: Float64Array | Uint32Array, size: number, wanted: number): number {
  let low = 0;
  let high = size;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] as number) < wanted) low = middle + 1;
    else high = middle;
  }
  return low;
}
