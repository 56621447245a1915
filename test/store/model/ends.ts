import type { Pool } from "pg";
import { SourceError, TargetError } from "../../../src/errors.ts";
import type { Random } from "../../../src/simulator/random.ts";
import type { Source, SourceRow } from "../../../src/source/contract.ts";
import { getApi, rowsFromTexts } from "../../../src/source/jushuitan/index.ts";
import { formatShanghai } from "../../../src/source/time.ts";
import type { Target } from "../../../src/target/contract.ts";
import { ORDERS } from "../../support/pipeline.ts";
import type { Process, Scheduler } from "./scheduler.ts";

export const API = { ...getApi(ORDERS), archive: false };

/** The records at the source: what can be read now, and what was written and will be seen later. */
export interface SourceModel {
  rows: Map<string, SourceRow>;
  late: { row: SourceRow; visibleAt: number }[];
  /** Versions that the target refuses. */
  bad: Set<string>;
  /** Versions that the mapping leaves out. */
  skipped: Set<string>;
  /** Versions that were not seen at once. */
  hidden: Set<number>;
  version: number;
  reads: number;
}

export function emptySource(): SourceModel {
  return { rows: new Map(), late: [], bad: new Set(), skipped: new Set(), hidden: new Set(), version: 100, reads: 0 };
}

/** Writes a record. A late one is seen from `visibleAt` on, with the version and the time of its writing. */
export function change(model: SourceModel, id: string, now: number, options: { bad: boolean; skip?: boolean; visibleAt?: number }): void {
  if (model.late.some(({ row }) => row.id === id)) return;
  const version = ++model.version;
  const text = `{"o_id":${id},"modified":"${formatShanghai(Math.floor(now / 1000) * 1000)}","ts":${version},"shop_id":1,"skip":${options.skip === true}}`;
  const row = rowsFromTexts([text], API)[0]!;
  if (options.skip === true) model.skipped.add(String(version));
  if (options.bad) model.bad.add(String(version));
  if (options.visibleAt === undefined) model.rows.set(id, row);
  else {
    model.hidden.add(version);
    model.late.push({ row, visibleAt: options.visibleAt });
  }
}

/** What was written early enough can be seen now. */
export function surface(model: SourceModel, now: number): void {
  for (const { row } of model.late.filter((late) => late.visibleAt <= now)) model.rows.set(row.id!, row);
  model.late = model.late.filter((late) => late.visibleAt > now);
}

/** The source as one process sees it: asked at one moment, answered at another, looked at in between. */
export function sourceFor(model: SourceModel, scheduler: Scheduler, process: Process): { source: Source; readNo: () => string } {
  let readNo = "0";
  async function ask(what: string, look: () => SourceRow[]): Promise<SourceRow[]> {
    readNo = String(++model.reads);
    const asked = await scheduler.pass(process, `asks for ${what}`);
    const rows = look();
    const answered = await scheduler.pass(process, `hears of ${rows.length} rows`);
    if (asked !== "go" || answered !== "go") throw new SourceError("transient", "TM_SOURCE_NETWORK", "no answer");
    return rows;
  }
  const number = (row: SourceRow) => Number(row.version);
  return {
    readNo: () => readNo,
    source: {
      api: API,
      async readVersions({ from, pageSize }) {
        const rows = await ask(`version ${from}`, () => [...model.rows.values()].filter((row) => number(row) >= Number(from))
          .sort((a, b) => number(a) - number(b)).slice(0, pageSize));
        return { rows, total: null, pageCount: null, hasNext: null, requests: 1 };
      },
      async readWindow({ from, to, page, pageSize }) {
        let total = 0;
        const rows = await ask(`page ${page} of ${formatShanghai(from)} to ${formatShanghai(to)}`, () => {
          const all = [...model.rows.values()].filter((row) => row.modifiedMs! >= from && row.modifiedMs! <= to).sort((a, b) => number(a) - number(b));
          total = all.length;
          return all.slice((page - 1) * pageSize, page * pageSize);
        });
        return { rows, total, pageCount: null, hasNext: null, requests: 1 };
      },
      readList: () => Promise.reject(new Error("the model's API has windows")),
    },
  };
}

/** A request that was written and has not reached the target yet. */
export interface Flight {
  process: Process;
  /** The sender's name as batches know it. */
  owner: string;
  records: { id: string; version: string }[];
  /** Its arrival, as the scheduler names it. */
  what: string;
  /** Its sender does not wait for it any more. */
  left: boolean;
  /** Its sender still waits, when nobody else does any more. */
  overdue: boolean;
  outcome: "under way" | "lost" | "taken" | "refused";
}

/** The target: it takes what comes, in the order in which it comes. */
export interface TargetModel {
  held: Map<string, number>;
  flights: Set<Flight>;
  written: number;
  /** Takes what it refused before. */
  lenient: boolean;
}

/**
 * The target as one sender sees it. A request that was written arrives, or does not, whenever the scheduler says, whatever
 * became of its sender by then.
 */
export function targetFor(
  world: { pool: Pool; streamId: string; wrong: string[]; random: Random; source: SourceModel; target: TargetModel; scheduler: Scheduler; unreported: Map<Process, Set<string>>; changed: () => void }, process: Process, owner: string,
): Target {
  const { scheduler, target, source } = world;
  const broken = () => new TargetError("retry", "TM_TARGET_NETWORK", "no answer");
  return {
    recordsPerRequest: 100, held: null, bytesPerRequest: null,
    async send(records, _key, guard) {
      // Nobody else has moved since the sender looked at its claims.
      const ids = records.map((record) => record.id);
      const { rows } = await world.pool.query<{ n: number }>(`select count(*)::int as n from record r join batch b on b.id = r.batch_id
        where r.stream_id = $1 and r.id = any($2) and b.owner = $3 and b.state = 'sending'`, [world.streamId, ids, owner]);
      if (rows[0]!.n !== ids.length) world.wrong.push(`${process.name} is about to send ${ids.join(" ")}, and has claimed ${rows[0]!.n} of them`);
      if ((await scheduler.pass(process, `writes ${records.map((record) => `${record.id}@${record.version}`).join(" ")}`)) !== "go") throw broken();
      guard.beforeWrite();
      const what = `request ${++target.written} of ${process.name} arrives`;
      const flight: Flight = { process, owner, what, records: records.map(({ id, version }) => ({ id, version })), left: false, overdue: false, outcome: "under way" };
      target.flights.add(flight);
      // Some stay under way for very long.
      void scheduler.world(what, world.random.next() < 0.3 ? 0.02 : 1).then((decision) => arrive(flight, decision === "go"));
      // Tired of waiting, or its answer lost: the request goes on without its sender.
      while (flight.outcome === "under way") {
        if ((await scheduler.pass(process, "waits for the target")) === "go") continue;
        flight.left = true;
        throw broken();
      }
      if (flight.outcome === "lost") throw broken();
      if (flight.outcome === "refused") throw new TargetError("refused", "TM_TARGET_REFUSED", "bad record");
    },
    check: () => Promise.resolve("nothing"),
  };
  function arrive(flight: Flight, there: boolean): void {
    const { records } = flight;
    target.flights.delete(flight);
    const refused = !target.lenient && records.some((record) => source.bad.has(record.version));
    flight.outcome = !there ? "lost" : refused ? "refused" : "taken";
    if (flight.outcome === "taken") for (const { id, version } of records) target.held.set(id, Number(version));
    if (there && flight.overdue) world.unreported.set(process, new Set([...(world.unreported.get(process) ?? []), ...records.map(({ id }) => id)]));
    world.changed();
  }
}
