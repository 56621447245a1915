import { execFileSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { Worker } from "@temporalio/worker";
import { expect, test } from "vitest";
import * as workflows from "../../workflows/index.ts";
import { createLog } from "../../src/log.ts";
import { installRuntime } from "../../src/temporal/runtime.ts";
import { type Kind, KINDS, WANTED } from "./kinds.ts";
import { readRecordings } from "./recordings.ts";

/** Workflow types that no release has yet; a recording ends the exception. */
const NOT_RELEASED: readonly string[] = [];

const WORKFLOWS = fileURLToPath(new URL("../../workflows/index.ts", import.meta.url));
const recordings = readRecordings();

/** The newest release before this commit, by its tag; a checkout may have no tags. */
function lastTag(): string | null {
  try {
    return execFileSync("git", ["describe", "--tags", "--abbrev=0", "--match", "v*", "HEAD^"], { cwd: fileURLToPath(new URL(".", import.meta.url)), encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }).trim();
  } catch {
    return null;
  }
}

const newest = lastTag() ?? recordings.map(({ tag }) => tag).toSorted((a, b) => a.localeCompare(b, "en", { numeric: true })).at(-1) ?? null;

test("every workflow type has its histories of the last release", ({ skip }) => {
  skip(newest === null, "nothing is released yet: tag the release v…, check it out, `npm run record-histories`, and commit what it wrote");
  const recorded = recordings.filter(({ tag }) => tag === newest).map(({ workflow, kind }) => `${workflow}-${kind}`);
  const types = Object.entries(workflows).flatMap(([name, value]) => (typeof value === "function" ? [name] : []));
  const wanted = types.filter((type) => !NOT_RELEASED.includes(type)).flatMap((type) => (WANTED[type] ?? ["normal"]).map((kind) => `${type}-${kind}`));
  expect(wanted.filter((one) => !recorded.includes(one)), `histories of ${newest} are missing; docs/development.md tells how they are recorded`).toEqual([]);
  expect(recordings.map(({ workflow }) => workflow).filter((type) => NOT_RELEASED.includes(type))).toEqual([]);
});

test("what was recorded shows what it is called, and today's workflows replay it", async ({ skip }) => {
  skip(recordings.length === 0, "nothing is recorded yet");
  const wrong = recordings.filter(({ kind, history }) => !KINDS[kind as Kind](history.events!));
  expect(wrong.map(({ workflow, kind }) => `${workflow}-${kind}`)).toEqual([]);
  const histories = recordings.map(({ tag, workflow, kind, history }) => ({ workflowId: `${tag}/${workflow}-${kind}`, history }));
  installRuntime(createLog("fatal"));
  const broken: string[] = [];
  let replayed = 0;
  for await (const { workflowId, error } of Worker.runReplayHistories({ workflowsPath: WORKFLOWS }, histories)) {
    replayed++;
    if (error !== undefined) broken.push(`${workflowId}: ${error.message}`);
  }
  expect(broken).toEqual([]);
  expect(replayed).toBe(recordings.length);
}, 60_000);
