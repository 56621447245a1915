import type { SourceModel } from "./ends.ts";
import { readState, type SliceState, type StoreState } from "./state.ts";
import type { World } from "./world.ts";

const OPEN = ["open", "extracted", "classified"];

/** What earlier looks have shown: some things only ever grow. */
export interface Memory {
  checkpoint: number;
  versions: Map<string, number>;
  claims: StoreState["records"];
  /** What completely read slices hold: rows, and the newest version of each id. */
  read: Map<number, { rows: number; newest: Map<string, number> }>;
  committed: Set<number>;
}

export function noMemory(): Memory {
  return { checkpoint: 0, versions: new Map(), claims: [], read: new Map(), committed: new Set() };
}

/** Looks at what is committed. @returns what is not as it must be at any moment */
export async function check(world: World, memory: Memory): Promise<string[]> {
  const state = await readState(world.pool, world.streamId);
  const wrong: string[] = [];
  const must = (holds: boolean, what: () => string) => void (holds || wrong.push(what()));
  checkSlices(state, memory, must);
  checkCursors(state, memory, must);
  checkRead(world, state, must);
  checkBatches(state, must);
  checkClaims(world, state, memory, must);
  checkIndex(world, state, memory, must);
  return wrong;
}

type Must = (holds: boolean, what: () => string) => void;

function checkSlices(state: StoreState, memory: Memory, must: Must): void {
  const held = new Map(state.records.map((record) => [record.id, record]));
  for (const slice of state.slices) {
    const pages = state.pages.filter((page) => page.slice === slice.id);
    const items = state.items.filter((item) => item.slice === slice.id);
    const name = `slice ${slice.id} (${slice.purpose}, ${slice.state})`;
    must(OPEN.includes(slice.state) || pages.length === 0, () => `${name} has pages`);
    must(slice.state === "classified" || items.length === 0, () => `${name} has items`);
    must(slice.state === "classified" || !state.batches.some((batch) => batch.slice === slice.id), () => `${name} has batches`);
    if (slice.state === "extracted") memory.read.set(slice.id, contentOf(pages));
    if (slice.state === "classified") {
      must(slice.read === slice.duplicate + slice.unchanged + slice.superseded + items.length, () => `${name}: its counts do not match its items`);
    }
    const content = memory.read.get(slice.id);
    if (content !== undefined && ["classified", "committed"].includes(slice.state)) {
      must(slice.duplicate === content.rows - content.newest.size, () => `${name} counts ${slice.duplicate} of ${content.rows} rows with ${content.newest.size} ids as duplicates`);
    }
    if (slice.state !== "committed" || content === undefined || memory.committed.has(slice.id)) continue;
    memory.committed.add(slice.id);
    must(slice.read === content.rows, () => `${name} counts ${slice.read} rows and read ${content.rows}`);
    must(slice.read === slice.duplicate + slice.unchanged + slice.superseded + slice.quarantined + slice.filtered + slice.loaded, () => `${name} is not balanced`);
    for (const [id, version] of content.newest) {
      const record = held.get(id);
      must(record?.held != null && record.version! >= version, () => `${name} read ${id}@${version}, and the index holds ${JSON.stringify(record)}`);
    }
  }
}

function contentOf(pages: StoreState["pages"]): { rows: number; newest: Map<string, number> } {
  const pass = Math.max(...pages.map((page) => page.pass));
  const newest = new Map<string, number>();
  let rows = 0;
  for (const page of pages.filter((page) => page.pass === pass)) {
    rows += page.ids.length;
    for (const [i, id] of page.ids.entries()) newest.set(id, Math.max(newest.get(id) ?? 0, page.versions[i]!));
  }
  return { rows, newest };
}

function checkCursors(state: StoreState, memory: Memory, must: Must): void {
  const { checkpoint } = state;
  must((checkpoint ?? 0) >= memory.checkpoint, () => `the checkpoint moved back from ${memory.checkpoint} to ${checkpoint}`);
  memory.checkpoint = checkpoint ?? 0;
  let end = 1;
  for (const slice of state.slices.filter((slice) => slice.purpose === "forward" && slice.state === "committed")) {
    must(slice.from === end, () => `forward slice ${slice.id} begins at ${slice.from}, the one before ended at ${end}`);
    end = slice.end!;
  }
  must(checkpoint === null || checkpoint === end, () => `the checkpoint is ${checkpoint}, committed is up to ${end}`);
  for (const range of state.ranges) {
    const reached = coveredTo(range.from, state.slices.filter((slice) => slice.range === range.id && (range.purpose === "audit" || (slice.state !== "dropped" && slice.state !== "split"))
      && (range.state !== "done" || range.purpose === "audit" || slice.state === "committed")));
    const planned = range.next > range.from || range.state === "planned" || range.state === "done";
    must(!planned || range.state === "cancelled" || reached >= range.next, () => `range ${range.id} (${range.purpose}, ${range.state}) says ${range.next} and its slices reach ${reached}`);
  }
}

/** What could be seen since it was written, and lies before the checkpoint, is in the index. Sweeps mend only what came late. */
function checkRead(world: World, state: StoreState, must: Must): void {
  for (const { what, version } of unknown(world, state)) must(version > (state.checkpoint ?? 0), () => `the checkpoint is ${state.checkpoint}, and the index does not hold ${what}`);
}

/** Rows that the source shows, and showed as soon as they were written, in a version that the index does not hold. */
function unknown({ source }: World, { records }: StoreState): { id: string; version: number; what: string }[] {
  const index = new Map(records.map((record) => [record.id, record]));
  return [...source.rows].map(([id, row]) => ({ id, version: Number(row.version), what: `${id}@${row.version}` })).filter(({ id, version }) => {
    const record = index.get(id);
    return !source.hidden.has(version) && (record?.held == null || record.version! < version);
  });
}

/** What of some rows the source still shows, and the index does not hold. */
export async function notRead(world: World, rows: SourceModel["rows"]): Promise<string[]> {
  const state = await readState(world.pool, world.streamId);
  return unknown(world, state).filter(({ id, version }) => rows.get(id)?.version === String(version)).map(({ what }) => what);
}

/** Up to where slices that share their borders follow each other. */
function coveredTo(from: number, slices: readonly SliceState[]): number {
  let reached = from - 1;
  for (const slice of slices.toSorted((a, b) => a.fromAt! - b.fromAt!)) if (slice.fromAt! <= Math.max(reached, from)) reached = Math.max(reached, slice.toAt!);
  return reached;
}

function checkBatches(state: StoreState, must: Must): void {
  const batches = new Map(state.batches.map((batch) => [batch.id, batch]));
  for (const batch of state.batches) {
    const members = state.items.filter((item) => item.batch === batch.id);
    must(batch.state === "done" || members.length === batch.count, () => `batch ${batch.id} (${batch.state}) has ${members.length} of ${batch.count} members`);
  }
  const records = new Map(state.records.map((record) => [record.id, record]));
  for (const item of state.items) {
    const record = records.get(item.id);
    must(["pending", "batched"].includes(item.outcome) || (record?.held != null && record.version! >= item.version), () => `${item.id}@${item.version} of slice ${item.slice} is ${item.outcome}, and the index holds ${JSON.stringify(record)}`);
    if (item.outcome === "batched") must((batches.get(item.batch!)?.state ?? "done") !== "done", () => `item ${item.id} of slice ${item.slice} belongs to no open batch`);
  }
  for (const { id, batch } of state.records) {
    if (batch === null) continue;
    must((batches.get(batch)?.state ?? "done") !== "done", () => `${id} is claimed by batch ${batch}, which is not open`);
    must(state.items.some((item) => item.batch === batch && item.id === id && item.outcome === "batched"), () => `${id} is claimed by batch ${batch}, which does not hold it`);
  }
}

/** Nobody takes a claim from a batch that is not done before it has run out. */
function checkClaims({ shown }: World, state: StoreState, memory: Memory, must: Must): void {
  const records = new Map(state.records.map((record) => [record.id, record]));
  for (const { id, batch, until } of memory.claims) {
    if (batch === null || until! <= shown || records.get(id)!.batch === batch) continue;
    must(!state.items.some((item) => item.batch === batch && item.id === id && item.outcome === "batched"), () => `batch ${batch} lost its claim on ${id} before it ran out`);
  }
  memory.claims = state.records;
}

function checkIndex(world: World, state: StoreState, memory: Memory, must: Must): void {
  const { target } = world;
  const batches = new Map(state.batches.map((batch) => [batch.id, batch]));
  const doubtful = new Set(state.doubts.map((doubt) => doubt.id));
  const unreported = new Set([...world.unreported.values()].flatMap((ids) => [...ids]));
  const records = new Map(state.records.map((record) => [record.id, record]));
  for (const { id, held, version, resend } of state.records) {
    must((version ?? 0) >= (memory.versions.get(id) ?? 0), () => `the index went back from ${id}@${memory.versions.get(id)} to ${version}`);
    memory.versions.set(id, version ?? 0);
    const there = target.held.get(id);
    must(held !== "loaded" || (there !== undefined && there >= version!) || resend || doubtful.has(id) || unreported.has(id),
      () => `the index holds ${id}@${version} as loaded, the target has ${there}, and nobody doubts it`);
    must(held !== "filtered" || world.source.skipped.has(String(version)), () => `${id}@${version} is held as left out, and the mapping lets it through`);
    must(held !== "quarantined" || state.quarantine.some((entry) => entry.id === id && entry.version === version), () => `${id}@${version} is held as quarantined without an entry`);
  }
  for (const flight of target.flights) {
    if (flight.overdue) continue;
    for (const { id } of flight.records) {
      const batch = batches.get(records.get(id)?.batch ?? -1);
      must(state.doubts.some((doubt) => doubt.id === id && doubt.sender === flight.owner) || (batch?.state === "sending" && batch.owner === flight.owner), () => `${flight.what} with ${id}, which is neither claimed for it nor doubtful`);
    }
  }
}

/** What is not as it must be once nothing is left to do and nothing changes any more. */
export async function checkEnd(world: World): Promise<string[]> {
  const state = await readState(world.pool, world.streamId);
  const wrong = leftOf(state);
  const records = new Map(state.records.map((record) => [record.id, record]));
  const open = state.quarantine.filter((entry) => entry.state === "open");
  for (const [id, row] of world.source.rows) {
    const newest = Number(row.version);
    const record = records.get(id);
    const entry = open.find((entry) => entry.id === id);
    if (world.source.skipped.has(row.version!)) {
      if (record?.held !== "filtered" || record.version !== newest || entry !== undefined) wrong.push(`${id}@${newest} is left out; the index holds ${JSON.stringify(record)}, quarantine ${JSON.stringify(entry)}`);
      if (world.target.held.get(id) === newest) wrong.push(`${id}@${newest} is left out, and the target has it`);
      continue;
    }
    if (!world.target.lenient && world.source.bad.has(row.version!)) {
      if (record?.held !== "quarantined" || record.version !== newest || entry?.version !== newest) wrong.push(`${id}@${newest} is refused; the index holds ${JSON.stringify(record)}, quarantine ${JSON.stringify(entry)}`);
      continue;
    }
    if (world.target.held.get(id) !== newest) wrong.push(`${id}@${newest}: the target has ${world.target.held.get(id)}, the index ${JSON.stringify(record)}`);
    if (record?.held !== "loaded" || record.version !== newest) wrong.push(`${id}@${newest}: the index holds ${JSON.stringify(record)}`);
    if (entry !== undefined) wrong.push(`${id}@${newest} is loaded, and in quarantine as ${entry.version}`);
  }
  return wrong;
}

/** What is still to be done. */
export function leftOf(state: StoreState): string[] {
  return [
    ...state.slices.filter((slice) => OPEN.includes(slice.state)).map((slice) => `slice ${slice.id} (${slice.purpose}) is ${slice.state}`),
    ...state.records.filter((record) => record.batch !== null || (record.resend && record.held === "loaded")).map((record) => `${record.id} is claimed or to be sent again`),
    ...state.pages.map((page) => `a page of slice ${page.slice}`), ...state.items.map((item) => `item ${item.id} of slice ${item.slice}`),
    ...state.batches.map((batch) => `batch ${batch.id}`), ...state.doubts.map((doubt) => `doubt of ${doubt.id}`),
    ...state.ranges.filter((range) => ["open", "planned"].includes(range.state)).map((range) => `range ${range.id} is ${range.state}`),
    ...state.sweeps.filter((sweep) => !sweep.done).map((sweep) => `sweep ${sweep.id}`),
  ];
}
