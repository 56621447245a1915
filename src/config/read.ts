import { readFileSync } from "node:fs";
import path from "node:path";
import { ConfigError } from "../errors.ts";
import { checkJson } from "./bundle.ts";
import { env } from "./define.ts";
import { runConfigFile } from "./run-bundle.ts";

/**
 * What a config file holds, not validated. In JSON and YAML a text `${NAME}` or `${NAME:-default}` stands for `env()`.
 * @param file absolute path
 * @throws ConfigError with file and line
 */
export async function readConfigFile(file: string): Promise<unknown> {
  switch (path.extname(file)) {
    case ".ts":
    case ".js":
    case ".mjs":
      return runConfigFile(file);
    case ".json":
      return withReferences(await readJson(file));
    case ".yaml":
    case ".yml":
      return withReferences(await readYaml(file));
    default:
      throw new ConfigError("TM_CONFIG_MISSING", `${file} is no config file by its name`, { path: file, fix: "Use a file that ends in .ts, .js, .mjs, .json, .yaml or .yml." });
  }
}

async function readJson(file: string): Promise<unknown> {
  const text = readFileSync(file, "utf8").replace(/^\uFEFF/, "");
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    await checkJson(text, file); // knows the line, which not every Node tells
    throw new ConfigError("TM_CONFIG_SYNTAX", `${file}: ${error instanceof Error ? error.message : String(error)}`, { path: file, fix: "Correct the file." });
  }
}

async function readYaml(file: string): Promise<unknown> {
  const { parseDocument } = await import("yaml");
  const document = parseDocument(readFileSync(file, "utf8"));
  const [error] = document.errors;
  if (error === undefined) return document.toJS() as unknown;
  const place = error.linePos === undefined ? file : `${file}:${error.linePos[0].line}:${error.linePos[0].col}`;
  throw new ConfigError("TM_CONFIG_SYNTAX", `${place}: ${error.message.split("\n")[0]!.replace(/ at line \d+, column \d+:$/, "")}`, { path: place, fix: "Correct the file at that place." });
}

function withReferences(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withReferences);
  if (typeof value === "object" && value !== null) return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, withReferences(item)]));
  const match = typeof value === "string" ? /^\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}$/.exec(value) : null;
  return match === null ? value : env(match[1]!, match[2]);
}
