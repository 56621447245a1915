import type { Random } from "../../../src/simulator/random.ts";

/** What becomes of a step that waits at its gate. `after`: it takes effect, and its answer is lost. `freeze`: it goes on waiting. */
export type Choice = Decision | "freeze";
export type Decision = "go" | "kill" | "kill-after" | "drop" | "drop-after";

/** Thrown into everything that a killed process still waits for. */
export class Killed extends Error {}

/** Something that dies as a whole: one attempt of an activity, with the connections that it has. */
export interface Process {
  name: string;
  /** How likely it is to be chosen. */
  weight: number;
  /** Frozen for so many steps, or until another one comes to where it stands; 0: awake. */
  frozen: number;
  dead: boolean;
  finished: boolean;
  /** It must report now: what it sent came later than anybody waits for. */
  overdue: boolean;
  /** Backends on which a statement of it runs. */
  running: Set<number>;
  /** Steps of it that wait at a gate, or for the network. */
  parked: number;
  /** Backends that it holds. */
  held: Set<number>;
}

interface Gate {
  process: Process | null;
  what: string;
  weight: number;
  open: (decision: Decision) => void;
}

export interface Scheduler {
  trail: string[];
  processes: Set<Process>;
  /** Nothing waits at a gate any more: for the end, when all goes well. */
  release(): void;
  process(name: string): Process;
  finish(process: Process): void;
  /**
   * Waits for the scheduler's choice. Now and then a step goes on with the one before: a run gets further, and what lies
   * between two steps is looked at in other runs.
   * @throws Killed
   */
  pass(process: Process, what: string): Promise<Decision>;
  /** A step of the world that belongs to no process, such as a request under way. */
  world(what: string, weight: number): Promise<Decision>;
  kill(process: Process): Promise<void>;
  /** Opens one gate. @returns false when nothing waits */
  step(choose: (process: Process | null, what: string) => Choice): Promise<boolean>;
  /** Opens the gate of a step of the world. */
  open(what: string, decision: Decision): Promise<void>;
}

/** What a step is, without its numbers. */
const kindOf = (what: string) => what.replace(/\d.*/, "");

/**
 * Chooses what happens next; between two choices nothing moves.
 * @param blocked which of these backends wait for a lock
 * @param danger steps that always wait to be chosen
 */
export function createScheduler(random: Random, backends: { blocked(pids: number[]): Promise<number>; end(pids: number[]): Promise<void> }, danger: RegExp): Scheduler {
  const gates: Gate[] = [];
  const processes = new Set<Process>();
  const trail: string[] = [];
  let free = false;
  let wake = (): void => undefined;

  function wait(process: Process | null, what: string, weight: number): Promise<Decision> {
    return new Promise((resolve) => {
      if (process !== null) process.parked++;
      for (const gate of gates) if (gate.process !== null && gate.process.frozen > 3 && kindOf(gate.what) === kindOf(what)) gate.process.frozen = random.below(4);
      gates.push({
        process, what, weight,
        open: (decision) => {
          if (process !== null) process.parked--;
          resolve(decision);
        },
      });
      wake();
    });
  }

  async function kill(process: Process): Promise<void> {
    process.dead = true;
    await backends.end([...process.held]);
    for (const gate of gates.filter((gate) => gate.process === process)) {
      gates.splice(gates.indexOf(gate), 1);
      gate.open("kill");
    }
  }

  /** Resolves when a process has come to a gate or to its end, or after some ms. @returns whether one has */
  const moved = () => new Promise<boolean>((resolve) => {
    const timer = setTimeout(resolve, 3, false);
    wake = () => {
      clearTimeout(timer);
      resolve(true);
    };
  });

  /** Until every process waits: at a gate, for the network, or for a lock that another one holds. */
  async function settle(): Promise<void> {
    for (;;) {
      // Whatever only goes on in memory has done so by then.
      await new Promise((resolve) => setImmediate(resolve));
      const moving = [...processes].filter((process) => !process.finished && (process.parked === 0 || process.running.size > 0));
      if (moving.length === 0) break;
      if ((await moved()) || moving.some((process) => !process.finished && process.parked === 0 && process.running.size === 0)) continue;
      const pids = moving.flatMap((process) => [...process.running]);
      if ((await backends.blocked(pids)) === pids.length && pids.every((pid) => moving.some((process) => process.running.has(pid)))) break;
    }
    for (const process of processes) if (process.finished) processes.delete(process);
  }

  const atOnce = () => new Promise<Decision>((resolve) => setImmediate(resolve, "go"));

  return {
    trail, processes, kill,
    release() {
      free = true;
      for (const gate of gates.splice(0)) gate.open("go");
    },
    process(name) {
      const process = { name, weight: 1, frozen: 0, dead: false, finished: false, overdue: false, running: new Set<number>(), parked: 0, held: new Set<number>() };
      processes.add(process);
      return process;
    },
    finish(process) {
      process.finished = true;
      wake();
    },
    async pass(process, what) {
      if (process.dead) throw new Killed(process.name);
      if (free) return atOnce();
      if (what !== "commit" && !what.startsWith("waits") && !danger.test(what) && random.next() < 0.75) return "go";
      const decision = await wait(process, what, 1);
      if (decision === "kill" || process.dead) {
        if (!process.dead) await kill(process);
        throw new Killed(process.name);
      }
      return decision;
    },
    world: (what, weight) => (free ? atOnce() : wait(null, what, weight)),
    async open(what, decision) {
      const at = gates.findIndex((gate) => gate.what === what);
      trail.push(`-: ${what} ${decision}`);
      gates.splice(at, 1)[0]!.open(decision);
      await settle();
    },
    async step(choose) {
      await settle();
      // All that is left waits for a lock: Postgres ends the deadlock.
      while (gates.length === 0 && processes.size > 0) {
        await new Promise((resolve) => setTimeout(resolve, 5));
        await settle();
      }
      if (gates.length === 0) return false;
      for (const process of processes) process.frozen = Math.max(0, process.frozen - 1);
      // Where all others wait for a lock of a frozen one, it goes on.
      const weightOf = (gate: Gate) => gate.weight * (gate.process?.weight ?? 1) * ((gate.process?.frozen ?? 0) > 0 ? 1e-6 : 1);
      let at = random.next() * gates.reduce((sum, gate) => sum + weightOf(gate), 0);
      const gate = gates.find((gate) => (at -= weightOf(gate)) < 0) ?? gates[gates.length - 1]!;
      const decision = gate.process?.overdue === true ? "go" : choose(gate.process, gate.what);
      if (decision === "freeze") return true;
      gates.splice(gates.indexOf(gate), 1);
      trail.push(`${gate.process?.name ?? "-"}: ${gate.what}${decision === "go" ? "" : ` ${decision.toUpperCase()}`}`);
      gate.open(decision);
      await settle();
      return true;
    },
  };
}
