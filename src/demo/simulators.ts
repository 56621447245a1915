import { mkdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { TidemarkError } from "../errors.ts";
import { spawnNode } from "../local/spawn-node.ts";

const MAIN = fileURLToPath(new URL("../simulator/main.ts", import.meta.url));

/** A simulator in a process of its own. */
export interface SimulatorProcess {
  url: string;
  pid: number;
  stop(): Promise<void>;
}

/** Starts a simulator and waits until it serves (at most 20 s). @param log its output; the first line names its address */
export async function startSimulator(which: "jushuitan" | "qeasy", options: object, log: string): Promise<SimulatorProcess> {
  mkdirSync(path.dirname(log), { recursive: true });
  const process = spawnNode(MAIN, [which, "--options", JSON.stringify(options)], { log: { file: log } });
  const until = Date.now() + 20_000;
  while (Date.now() < until && process.child.exitCode === null) {
    const url = /"url":"([^"]+)"/.exec(read(log))?.[1];
    if (url !== undefined) return { url, pid: process.pid, stop: () => process.stop(2_000) };
    await sleep(50);
  }
  await process.stop(0);
  throw new TidemarkError("TM_SIMULATOR_START", `the ${which} simulator did not start: ${read(log).slice(-400)}`, { path: log });
}

function read(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}

/** Calls an admin endpoint of a simulator. */
export async function admin<T>(url: string, endpoint: string, body?: unknown): Promise<T> {
  const answer = await fetch(`${url}/_admin/${endpoint}`, body === undefined ? {} : {
    method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body),
  });
  if (!answer.ok) throw new Error(`${endpoint}: HTTP ${answer.status} ${(await answer.text()).slice(0, 200)}`);
  return (await answer.json()) as T;
}
