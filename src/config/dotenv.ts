import { readFileSync } from "node:fs";
import path from "node:path";

const LINE = /^[^\S\r\n]*(?:export[^\S\r\n]+)?([A-Za-z_][A-Za-z0-9_]*)[^\S\r\n]*=[^\S\r\n]*(?:"([^"]*)"|'([^']*)'|([^#\r\n]*?))[^\S\r\n]*(?:#.*)?$/gm;

/**
 * Sets the variables of the `.env` file in a folder, where there is one; a variable that is set already stays. (Node
 * reads such files itself since 20.12; Tidemark runs from 20.3.)
 */
export function loadDotEnv(folder: string, env: NodeJS.ProcessEnv): void {
  let text: string;
  try {
    text = readFileSync(path.join(folder, ".env"), "utf8");
  } catch (error) {
    if (error instanceof Error && "code" in error && (error.code === "ENOENT" || error.code === "EISDIR")) return;
    throw error;
  }
  for (const [, name, double, single, plain] of text.matchAll(LINE)) {
    if (name !== undefined) env[name] ??= double?.replaceAll("\\n", "\n") ?? single ?? plain ?? "";
  }
}
