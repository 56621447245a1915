import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import os from "node:os";
import path from "node:path";
import { onTestFinished } from "vitest";
import { ConfigError } from "../../src/errors.ts";
import type { ConfigProblem } from "../../src/config/problems.ts";

/** The smallest environment that the example needs. */
export const ENV = { JST_APP_KEY: "key-1", JST_APP_SECRET: "hush-hush", QEASY_BASE_URL: "http://127.0.0.1:9/" };

/** A folder of the test's own, with these files; gone when the test ends. */
export function folderWith(files: Record<string, string>): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), "tidemark-config-"));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), text);
  }
  return folder;
}

/** The ConfigError that a call ends with. */
export async function configErrorOf(call: () => unknown): Promise<ConfigError> {
  try {
    await call();
  } catch (error) {
    if (error instanceof ConfigError) return error;
    throw error;
  }
  throw new Error("no error was thrown");
}

/** What was wrong, by path. */
export function problemsOf(error: ConfigError): Record<string, ConfigProblem> {
  return Object.fromEntries((error.details["problems"] as ConfigProblem[]).map((problem) => [problem.path, problem]));
}
