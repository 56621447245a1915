import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { RuntimeConfig } from "../config/types.ts";

/** A version of a worker deployment: what Temporal routes by. */
export interface Build {
  /** The task queue's name: each task queue has builds of its own. */
  deploymentName: string;
  buildId: string;
}

/** The build of this program, or null where the config does without worker versioning. */
export function ownBuild({ versioning, taskQueue }: RuntimeConfig): Build | null {
  if (!versioning) return null;
  const given = process.env["TIDEMARK_BUILD_ID"]?.trim();
  return { deploymentName: taskQueue, buildId: given === undefined || given === "" ? codeId() : given };
}

/** The release, and a hash of the workflows' code. */
function codeId(): string {
  const root = new URL("../../", import.meta.url);
  const { version } = JSON.parse(readFileSync(new URL("package.json", root), "utf8")) as { version: string };
  const workflows = new URL("workflows/", root);
  const hash = createHash("sha256");
  for (const file of readdirSync(fileURLToPath(workflows)).toSorted()) hash.update(`${file}\0`).update(readFileSync(new URL(file, workflows)));
  return `${version}-${hash.digest("hex").slice(0, 8)}`;
}
