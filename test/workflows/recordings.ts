import { existsSync, readdirSync, readFileSync } from "node:fs";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { gunzipSync, gzipSync } from "node:zlib";
import type { History } from "@temporalio/common/lib/proto-utils.js";
import proto from "@temporalio/proto";

// The SDK's own historyToJSON fails where npm installs protobufjs twice, as it does here.
const { History: codec } = proto.temporal.api.history.v1;

/** A recording lies in `histories/<tag>/<workflow>-<kind>.json.gz`. */
export const HISTORIES = fileURLToPath(new URL("histories", import.meta.url));

export interface Recording {
  tag: string;
  workflow: string;
  kind: string;
  history: History;
}

export function encodeHistory(history: History): Buffer {
  return gzipSync(JSON.stringify(codec.toObject(codec.fromObject(history), { longs: String, bytes: String, enums: String })), { level: 9 });
}

/** Every recording of every release; none before the first. */
export function readRecordings(): Recording[] {
  if (!existsSync(HISTORIES)) return [];
  return readdirSync(HISTORIES).flatMap((tag) => readdirSync(path.join(HISTORIES, tag)).map((file): Recording => {
    const [workflow, kind] = file.replace(".json.gz", "").split("-") as [string, string];
    const text = gunzipSync(readFileSync(path.join(HISTORIES, tag, file))).toString("utf8");
    return { tag, workflow, kind, history: codec.fromObject(JSON.parse(text) as object) };
  }));
}
