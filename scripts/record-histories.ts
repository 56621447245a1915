// Records the histories that `npm test` replays (test/workflows/): real runs on servers of its own. Only at a tag, since
// histories of code that was never released prove nothing.
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import path from "node:path";
import process from "node:process";
import type { History } from "@temporalio/common/lib/proto-utils.js";
import { programRoot } from "../src/local/temporal-binary.js";
import { startJob } from "../test/support/job.ts";
import { leaksIn, textsOf } from "../test/support/leaks.ts";
import { startServerHost } from "../test/support/server-host.ts";
import type { SharedTemporal } from "../test/support/servers.ts";
import { KINDS } from "../test/workflows/kinds.ts";
import { encodeHistory, HISTORIES } from "../test/workflows/recordings.ts";
import { type Scenario, scenarios } from "../test/workflows/scenarios.ts";

/** Events after which the server suggests to continue as new. */
const SUGGEST_AFTER = 200;

const git = (...args: string[]) => execFileSync("git", args, { cwd: programRoot, encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();

/** @throws Error unless exactly what a tag names lies in the work tree */
function releasedTag(): string {
  const [tag] = git("tag", "--points-at", "HEAD", "--list", "v*", "--sort=-version:refname").split("\n");
  if (!tag) throw new Error("histories are recorded from a release only, and no tag v* names this commit. Run `git checkout v…` of the release first.");
  const changed = git("status", "--porcelain");
  if (changed !== "") throw new Error(`histories are recorded from exactly what ${tag} names, and the work tree differs from it:\n${changed}\nCommit, remove or stash that first.`);
  return tag;
}

async function record(scenario: Scenario, host: string): Promise<Buffer> {
  const ask = async <T>(what: string) => (await (await fetch(host + what, { method: "POST" })).json()) as T;
  const unique = `${scenario.workflow}-${scenario.kind}`;
  const database = await ask<{ url: string }>(`/database?name=${unique}`);
  // Long enough that a busy machine makes no retries of its own.
  const job = await startJob({ ...scenario.job, runtime: { heartbeatMs: 10_000 }, servers: { databaseUrl: database.url, temporal: await ask<SharedTemporal>("/temporal"), unique } });
  try {
    const { workflowId, runId } = await scenario.record(job);
    const run = job.temporal.client.workflow.getHandle(workflowId, runId);
    // A backfill ends a moment after its ranges are done.
    if (scenario.kind === "normal" || scenario.kind === "retried") await run.result();
    const history = await run.fetchHistory();
    if (!KINDS[scenario.kind](history.events ?? [])) throw new Error(`the history of ${unique} does not show what it is for`);
    stripPlaces(history);
    const places = [`@${hostname()}`, programRoot].filter((place) => textsOf(history).some((text) => text.includes(place)));
    const leaks = [...(await leaksIn(job, [history])), ...places];
    if (leaks.length > 0) throw new Error(`the history of ${unique} holds ${leaks.join(", ")}`);
    process.stderr.write(`${unique}: ${history.events!.length} events\n`);
    return encodeHistory(history);
  } finally {
    await job.stop();
  }
}

/** Takes out where a history was made: names of processes and machines, also in sticky task queues, and paths in stacks. Replay reads none of them. */
function stripPlaces(value: History): void {
  const maker = `${process.pid}@${hostname()}`;
  const strip = (inner: unknown): void => {
    if (typeof inner !== "object" || inner === null || inner instanceof Uint8Array) return;
    for (const [key, item] of Object.entries(inner as Record<string, unknown>)) {
      if (typeof item === "string") (inner as Record<string, unknown>)[key] = key === "stackTrace" ? "" : item.replace(maker, "worker");
      else strip(item);
    }
  };
  strip(value.events);
}

async function main(): Promise<void> {
  const tag = releasedTag();
  const host = await startServerHost({ dynamicConfig: { "limit.historyCount.suggestContinueAsNew": SUGGEST_AFTER } });
  try {
    const files = new Map<string, Buffer>();
    for (const scenario of scenarios) files.set(`${scenario.workflow}-${scenario.kind}.json.gz`, await record(scenario, host.url));
    const dir = path.join(HISTORIES, tag);
    rmSync(dir, { recursive: true, force: true });
    mkdirSync(dir, { recursive: true });
    for (const [name, content] of files) writeFileSync(path.join(dir, name), content);
    const bytes = [...files.values()].reduce((sum, content) => sum + content.length, 0);
    process.stderr.write(`${files.size} histories, ${Math.ceil(bytes / 1024)} KB: test/workflows/histories/${tag}. Commit them.\n`);
  } finally {
    await host.stop();
  }
}

try {
  await main();
} catch (error) {
  process.stderr.write(`tidemark: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exitCode = 1;
}
