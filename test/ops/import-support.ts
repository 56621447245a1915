import { readFileSync } from "node:fs";
import { loadConfig } from "../../src/config/load.ts";
import { importQeasy, type ImportedPipeline } from "../../src/ops/import-qeasy.ts";
import { folderWith } from "../config/support.ts";

export const FIXTURES = new URL("../qeasy/fixtures/", import.meta.url);
export const NOW = Date.UTC(2026, 0, 31, 4);
export const NO_OP = { api: "写入空操作", method: "POST", idCheck: true };
export const ORDERS = { api: "orders.single.query", method: "POST", id: "o_id" };

export const fixture = (name: string): string => readFileSync(new URL(name, FIXTURES), "utf8");
export const imported = (source: object, target: object = NO_OP): Promise<ImportedPipeline> => importQeasy([{ text: JSON.stringify(source) }, { text: JSON.stringify(target) }], { now: NOW });

/** The pipeline of a config as it was written, with its files beside it, loaded as any other. */
export async function loaded({ name, config, files, strategies }: ImportedPipeline) {
  const kept = (["source", "target"] as const).flatMap((side) => (files[side] === null ? [] : [[files[side], strategies[side]!]]));
  const folder = folderWith({ "tidemark.config.ts": config!, ...(Object.fromEntries(kept) as Record<string, string>) });
  return (await loadConfig({ folder, env: { JST_APP_KEY: "k", JST_APP_SECRET: "s", QEASY_BASE_URL: "http://127.0.0.1:9" } })).pipelines[name]!;
}

/** Code and path of what was noticed with a severity. */
export const codes = ({ report }: ImportedPipeline, severity: string): string[] => report.notices.filter((each) => each.severity === severity).map(({ code, path }) => `${code} ${path}`);
