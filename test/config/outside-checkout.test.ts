import path from "node:path";
import { expect, test } from "vitest";
import { folderWith, jsonOf, runCli } from "../cli/cli.ts";

interface Failure {
  error: { code: string; fix: string };
}

const CONFIG = `import { defineConfig, env } from "tidemark";
import { names } from "./names.ts";
enum Kind { Self = "self" }
export default defineConfig({
  accounts: { main: { platform: "jushuitan", kind: Kind.Self, appKey: env("JST_APP_KEY"), appSecret: env("JST_APP_SECRET") } },
  pipelines: Object.fromEntries(names.map((name: string) => [name, { source: { account: "main", api: "/open/orders/single/query", from: "all" }, target: { use: "qeasy", baseUrl: env("QEASY_BASE_URL") } }])),
});
`;

test.each(["", '{"type":"module"}', '{"type":"commonjs"}'])("a config in a folder with nothing installed imports tidemark and its own files (package.json: %j)", async (manifest) => {
  const folder = folderWith({ "tidemark.config.ts": CONFIG, "names.ts": 'export const names: string[] = ["first", "second"];', ...(manifest === "" ? {} : { "package.json": manifest }) });
  // A name that is not there ends the command right after the config was loaded.
  const ended = await runCli(["sync", "third", "--json", "--config", path.join(folder, "tidemark.config.ts")]);
  expect((jsonOf(ended) as Failure).error).toMatchObject({ code: "TM_PIPELINE_UNKNOWN", fix: "Known: first, second" });
});
